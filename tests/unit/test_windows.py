"""Windows lie on the grid, cover the clip, and do not depend on how it was pushed."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emotalk.chunking.windows import Chunking, Windows
from emotalk.errors import InvalidRequest

chunkings = st.integers(10, 400).flatmap(
    lambda steps: st.builds(Chunking, st.just(steps), st.integers(0, (steps - 1) // 2))
)


def cut(samples, chunking, pushes):
    pcm = np.arange(samples, dtype=np.float32)
    windows, cutter, start = [], Windows(chunking), 0
    for size in [*pushes, samples]:
        windows += cutter.push(pcm[start : start + size])
        start += size
    return [(w.start, w.samples.tobytes()) for w in windows + cutter.finish()]


@given(st.integers(1, 400_000), chunkings, st.lists(st.integers(0, 50_000), max_size=12))
def test_any_way_of_pushing_gives_the_same_windows(samples, chunking, pushes):
    assert cut(samples, chunking, pushes) == cut(samples, chunking, [])


@given(st.integers(1, 3_000_000), chunkings)
def test_windows_start_on_the_grid_and_only_the_last_may_end_off_it(samples, chunking):
    windows = [(start, len(pcm) // 4) for start, pcm in cut(samples, chunking, [])]
    assert all(start % 1600 == 0 for start, _ in windows)
    assert all(length == chunking.samples for _, length in windows[:-1])
    start, length = windows[-1]
    assert start + length == samples
    assert len(windows) == chunking.chunks(samples)


@given(st.integers(1, 3_000_000), chunkings)
def test_the_last_window_is_no_stump(samples, chunking):
    _, pcm = cut(samples, chunking, [])[-1]
    length = len(pcm) // 4
    assert length == samples if samples <= chunking.samples else chunking.samples - 1600 < length <= chunking.samples


@given(st.integers(1, 3_000_000), chunkings)
def test_neighbours_overlap_by_at_least_the_overlap(samples, chunking):
    windows = [(start, start + len(pcm) // 4) for start, pcm in cut(samples, chunking, [])]
    overlap = chunking.overlap_steps * 1600
    assert all(end - start >= overlap for (_, end), (start, _) in pairwise(windows))


def test_a_clip_of_exactly_one_window_is_one_window():
    assert len(cut(400_000, Chunking(), [])) == 1
    assert len(cut(400_001, Chunking(), [])) == 2


def test_an_endless_stream_holds_one_window_not_the_clip():
    windows, chunking = Windows(Chunking(10, 2)), Chunking(10, 2)
    held = []
    for _ in range(500):
        windows.push(np.zeros(1600, np.float32))
        held.append(sum(len(block) for block in windows._held))
    assert max(held) <= chunking.samples + chunking.hop_samples


def test_windows_are_float32_whatever_was_pushed():
    windows = Windows(Chunking(10, 2))
    [full] = windows.push(np.zeros(16_001, np.float64))
    [last] = windows.finish()
    assert full.samples.dtype == last.samples.dtype == np.float32


def test_seconds_are_rounded_to_the_grid():
    assert Chunking.of(25.04, 0.46) == Chunking(250, 5)
    assert Chunking.of() == Chunking(250, 5)
    assert Chunking.of(1.0, 0.0) == Chunking(10, 0)
    assert Chunking.of(120, 59.9) == Chunking(1200, 599)


@pytest.mark.parametrize(
    ("duration", "overlap", "field"),
    [
        (0, 0.5, "chunk_duration"),
        (0.99, 0, "chunk_duration"),
        (120.1, 0.5, "chunk_duration"),
        (-25, 0.5, "chunk_duration"),
        (float("nan"), 0.5, "chunk_duration"),
        (float("inf"), 0.5, "chunk_duration"),
        (10, 5, "chunk_overlap"),
        (10, 60, "chunk_overlap"),
        (10, -0.1, "chunk_overlap"),
        (10, float("nan"), "chunk_overlap"),
        (10, float("inf"), "chunk_overlap"),
        (1, 0.5, "chunk_overlap"),
    ],
)
def test_impossible_chunks_are_refused_by_name(duration, overlap, field):
    with pytest.raises(InvalidRequest) as refused:
        Chunking.of(duration, overlap)
    assert refused.value.field == field


@pytest.mark.parametrize(
    ("duration", "overlap", "sentence"),
    [
        (0.5, 0, "chunk_duration: 0.5 s is out of range. Use 1..120 seconds."),
        (10, -0.1, "chunk_overlap: -0.1 s is not an overlap. Use 0 (none) or a few tenths."),
        (10, 6, "chunk_overlap: 6 s is half a chunk of 10 s or more. Use up to 4.9 seconds."),
        (2, 0.96, "chunk_overlap: 0.96 s is half a chunk of 2 s or more. Use up to 0.9 seconds."),
    ],
)
def test_the_refusal_says_what_is_wrong_and_what_to_use(duration, overlap, sentence):
    with pytest.raises(InvalidRequest) as refused:
        Chunking.of(duration, overlap)
    assert str(refused.value) == sentence
