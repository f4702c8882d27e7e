"""Windows in groups: the first alone, then as many as the engine likes, whatever the pushes."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from emotalk.chunking import Chunking, open_session
from emotalk.chunking.batches import Batches
from emotalk.chunking.windows import Windows
from emotalk.engines.base import BatchEngine
from emotalk.engines.tone import CARD, ToneEngine
from emotalk.face import Frames, Pcm, Style

CHUNKING = Chunking(20, 4)
SECONDS = 3 * 2.0


class Together(ToneEngine):
    """Likes three windows of 2 s at once; notes what it was given."""

    card = CARD
    batch_seconds = SECONDS

    def __init__(self) -> None:
        self.given: list[int] = []

    def animate(self, window: Pcm, style: Style) -> Frames:
        self.given.append(1)
        return super().animate(window, style)

    def animate_batch(self, windows: list[Pcm], style: Style) -> list[Frames]:
        assert len({window.size for window in windows}) == 1
        self.given.append(len(windows))
        return [super(Together, self).animate(window, style) for window in windows]


def groups(samples: int, size: int, cuts: list[int]) -> list[list[tuple[int, int]]]:
    windows, batches, found = Windows(CHUNKING), Batches(size), []
    for piece in np.split(np.zeros(samples, np.float32), sorted(cuts)):
        found += batches.push(windows.push(piece))
    found += batches.finish(windows.finish())
    return [[(window.start, window.samples.size) for window in group] for group in found]


@given(st.integers(1, 500_000), st.integers(1, 6), st.lists(st.integers(0, 500_000), max_size=6))
def test_no_window_is_lost_and_no_group_mixes_lengths(samples: int, size: int, cuts: list[int]) -> None:
    found = groups(samples, size, cuts)
    windows = Windows(CHUNKING)
    pushed = [*windows.push(np.zeros(samples, np.float32)), *windows.finish()]
    assert [each for group in found for each in group] == [(w.start, w.samples.size) for w in pushed]
    assert all(len({length for _, length in group}) == 1 for group in found)
    assert all(1 <= len(group) <= size for group in found)


@given(st.integers(1, 500_000), st.integers(1, 6), st.lists(st.integers(0, 500_000), max_size=6))
def test_the_groups_follow_from_the_clip_alone(samples: int, size: int, cuts: list[int]) -> None:
    assert groups(samples, size, cuts) == groups(samples, size, [])


@given(st.integers(1, 500_000))
def test_the_first_window_is_alone_so_that_nobody_waits_for_it(samples: int) -> None:
    assert len(groups(samples, 4, [])[0]) == 1


def test_the_first_frames_come_as_soon_as_with_an_engine_that_takes_one_window() -> None:
    alone, together = (open_session(each, Style(), CHUNKING) for each in (ToneEngine(), Together()))
    for _ in range(21):
        first, second = alone.push(np.ones(1600, np.float32)), together.push(np.ones(1600, np.float32))
        assert first.tobytes() == second.tobytes()
    assert len(first) > 0


@given(st.integers(1, 400_000), st.lists(st.integers(0, 400_000), max_size=5))
def test_what_is_computed_together_is_the_same_face(samples: int, cuts: list[int]) -> None:
    pcm = np.random.default_rng(1).standard_normal(samples).astype(np.float32)

    def frames(one: ToneEngine) -> Frames:
        session = open_session(one, Style(), CHUNKING)
        return np.concatenate([*(session.push(piece) for piece in np.split(pcm, sorted(cuts))), session.finish()])

    together = Together()
    assert isinstance(together, BatchEngine)
    assert frames(together).tobytes() == frames(ToneEngine()).tobytes()
    assert max(together.given) <= 3
