"""Curves at another frame rate: interpolated, as long as before, and shut where they shut."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emotalk.export.resampling import SHUT_EYES, SHUT_LIPS, lids, lip_gap, resample
from emotalk.face import INDEX, FaceClip
from emotalk.timebase import RATES

RATE = st.sampled_from(list(RATES.values()))


def speaking(count: int, shut: list[int], blinks: list[int] = []) -> FaceClip:  # noqa: B006
    """An open mouth that shuts in single frames, and eyes that do."""
    frames = np.zeros((count, 52), np.float32)
    frames[:, INDEX["jawOpen"]] = 0.5
    frames[shut, INDEX["mouthClose"]] = 0.5
    for side in ("Left", "Right"):
        frames[blinks, INDEX[f"eyeBlink{side}"]] = 1
    return FaceClip(frames)


@given(RATE, st.integers(1, 400))
def test_a_clip_keeps_its_length_and_its_curves(fps, count: int) -> None:
    line = np.linspace(0.2, 0.8, count, dtype=np.float32)
    clip = resample(FaceClip(np.repeat(line[:, None], 52, axis=1)), fps)
    assert 0 <= len(clip.frames) / fps - count / 30 < 1 / fps
    places = np.minimum(np.array([float(n * 30 / fps) for n in range(len(clip.frames))]), count - 1)
    jaw = clip.frames[:, INDEX["browInnerUp"]]
    assert np.allclose(jaw, np.interp(places, np.arange(count), line), atol=1e-5)


@given(
    RATE, st.lists(st.integers(1, 88), unique=True, max_size=20), st.lists(st.integers(1, 88), unique=True, max_size=20)
)
def test_lips_and_lids_that_shut_for_one_frame_shut_at_every_rate(fps, shut: list[int], blinks: list[int]) -> None:
    shut = [frame for frame in shut if frame % 2]
    blinks = [frame for frame in blinks if frame % 2]
    clip = resample(speaking(90, shut, blinks), fps)
    for frame in shut:
        near = [n for n in range(len(clip.frames)) if abs(n / fps - frame / 30) <= 1 / fps]
        assert lip_gap(clip.frames[near]).min() <= SHUT_LIPS
    for frame in blinks:
        near = [n for n in range(len(clip.frames)) if abs(n / fps - frame / 30) <= 1 / fps]
        assert lids(clip.frames[near]).max() >= SHUT_EYES


def test_a_blink_moves_no_lips() -> None:
    clip = resample(speaking(60, [31], [11]), RATES["24"])
    plain = resample(speaking(60, [31]), RATES["24"])
    assert np.array_equal(clip.frames[:, INDEX["jawOpen"]], plain.frames[:, INDEX["jawOpen"]])


@pytest.mark.long
def test_an_hour_at_every_rate_ends_on_its_last_frame() -> None:
    line = np.arange(108_000, dtype=np.float32)
    clip = FaceClip(np.zeros((108_000, 52), np.float32), head=np.repeat(line[:, None], 3, axis=1))
    for fps in RATES.values():
        turned = resample(clip, fps).head
        assert turned is not None
        assert turned[-1, 0] == pytest.approx(min(107_999, float((len(turned) - 1) * 30 / fps)), abs=0.01)


def test_thirty_frames_a_second_are_left_as_they_are() -> None:
    clip = speaking(10, [4])
    assert resample(clip, RATES["30"]) is clip
