"""Chunks end at the same frames for every engine, however late its frames come."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from emotalk.chunking.cut import Cut
from emotalk.chunking.windows import Chunking
from emotalk.face import Frames
from emotalk.timebase import STEP_FRAMES, STEP_SAMPLES
from tests.unit.test_windows import chunkings


def numbered(first: int, end: int) -> Frames:
    return np.repeat(np.arange(first, end, dtype=np.float32)[:, None], 52, 1)


@given(chunking=chunkings, steps=st.integers(1, 2000), late=st.integers(0, 40), push=st.integers(1, 700))
def test_an_engine_that_answers_late_is_cut_where_a_prompt_one_is(
    chunking: Chunking, steps: int, late: int, push: int
) -> None:
    cut, told, chunks = Cut(chunking), 0, []
    for arrived in range(push, steps + 1, push):
        ready = max(told, arrived * STEP_FRAMES - late)
        chunks += cut.add(numbered(told, ready), arrived * STEP_SAMPLES)
        told = ready
    chunks += cut.finish(numbered(told, steps * STEP_FRAMES), steps * STEP_SAMPLES)
    ends = [chunking.boundary(index) for index in range(chunking.chunks(steps * STEP_SAMPLES) - 1)]
    assert np.cumsum([len(chunk) for chunk in chunks]).tolist() == [*ends, steps * STEP_FRAMES]
    assert np.array_equal(np.concatenate(chunks), numbered(0, steps * STEP_FRAMES))


def test_a_clip_of_exactly_one_window_is_one_chunk_for_an_engine_without_windows() -> None:
    cut = Cut(Chunking())
    assert cut.add(numbered(0, 750), 400_000) == []
    assert [len(chunk) for chunk in cut.finish(numbered(0, 0), 400_000)] == [750]


def test_a_chunk_waits_for_its_last_frame() -> None:
    cut = Cut(Chunking())
    assert cut.add(numbered(0, 734), 400_001) == []
    assert [len(chunk) for chunk in cut.add(numbered(734, 735), 400_001)] == [735]
    assert cut.add(numbered(735, 1469), 800_000) == []
    assert [len(chunk) for chunk in cut.add(numbered(1469, 1470), 800_000)] == [735]
