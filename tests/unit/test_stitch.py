"""Every frame leaves once, and seams are faded."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from emotalk.chunking.stitch import Stitch
from emotalk.chunking.windowed import Windowed
from emotalk.engines.base import EngineCard
from emotalk.face import Style
from emotalk.timebase import frame_count
from tests.unit.test_windows import chunkings


class FrameNumbers:
    """Answers every frame with the absolute number it would have, which it reads from the sound itself."""

    card = EngineCard("numbers", "MIT", "numbers-1")

    def animate(self, window, style):
        first = round(float(window[0])) * 3 // 1600
        return np.repeat(np.arange(first, first + frame_count(len(window)), dtype=np.float32)[:, None], 52, 1)


@given(st.integers(1, 2_000_000), chunkings, st.lists(st.integers(0, 300_000), max_size=8))
def test_every_frame_leaves_exactly_once_and_in_order(samples, chunking, pushes):
    session = Windowed(FrameNumbers(), chunking).open(Style())
    pcm, start, blocks = np.arange(samples, dtype=np.float64), 0, []
    for size in [*pushes, samples]:
        blocks.append(session.push(pcm[start : start + size]))
        start += size
    frames = np.concatenate([*blocks, session.finish()])
    assert np.array_equal(frames[:, 0], np.arange(frame_count(samples)))


def test_the_weight_goes_from_one_window_to_the_next():
    stitch = Stitch(overlap_frames=3)
    first = stitch.add(0, np.zeros((9, 52), np.float32), last=False)
    second = stitch.add(6, np.ones((9, 52), np.float32), last=True)
    assert len(first) == 6
    assert second[:, 0].tolist() == [0.25, 0.5, 0.75, 1, 1, 1, 1, 1, 1]


def test_what_the_last_window_reached_back_for_is_not_sent_again():
    stitch = Stitch(overlap_frames=3)
    stitch.add(0, np.zeros((9, 52), np.float32), last=False)
    last = stitch.add(3, np.ones((9, 52), np.float32), last=True)
    assert last[:, 0].tolist() == [0.25, 0.5, 0.75, 1, 1, 1]


def test_without_overlap_windows_are_set_edge_to_edge():
    stitch = Stitch(overlap_frames=0)
    first = stitch.add(0, np.zeros((6, 52), np.float32), last=False)
    second = stitch.add(6, np.ones((6, 52), np.float32), last=True)
    assert np.concatenate([first, second])[:, 0].tolist() == [0] * 6 + [1] * 6
