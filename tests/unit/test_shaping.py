"""Smoothing, gains, blinks and range."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.signal import savgol_filter

from emotalk.errors import InvalidRequest
from emotalk.face import INDEX
from emotalk.shaping import Gains, Raw, Shaping, lay_lids
from emotalk.shaping.limits import clamp
from emotalk.shaping.smooth import Smooth

lengths = st.integers(0, 400)
cuts = st.lists(st.integers(0, 40), max_size=15)


def noise(length, seed=1):
    return np.random.default_rng(seed).normal(0.4, 0.5, (length, 52)).astype(np.float32)


def through(stage, frames, sizes=()):
    blocks, start = [], 0
    for size in [*sizes, len(frames)]:
        blocks.append(stage.push(frames[start : start + size]))
        start += size
    return np.concatenate([*blocks, stage.finish()])


@given(st.integers(5, 300), cuts)
def test_smoothing_is_scipys_savitzky_golay_wherever_the_stream_is_cut(length, sizes):
    frames = noise(length)
    expected = savgol_filter(frames.astype(np.float64), 5, 2, axis=0, mode="interp")
    assert np.abs(through(Smooth(), frames, sizes) - expected).max() < 1e-6


@given(lengths, cuts)
def test_any_way_of_cutting_gives_the_same_shaped_bytes(length, sizes):
    frames = noise(length)
    whole = through(Shaping(Gains({"jawOpen": 1.3}, {"mouthClose": 0.1})), frames)
    assert through(Shaping(Gains({"jawOpen": 1.3}, {"mouthClose": 0.1})), frames, sizes).tobytes() == whole.tobytes()
    assert whole.shape == frames.shape


@given(st.integers(1, 4))
def test_under_five_frames_the_fit_uses_what_there_is(length):
    frames = noise(length)
    x = np.arange(length)
    expected = np.stack([np.polyval(np.polyfit(x, column, min(2, length - 1)), x) for column in frames.T], 1)
    assert np.abs(through(Smooth(), frames) - expected).max() < 1e-5


def test_smoothing_runs_two_frames_behind():
    smooth = Smooth()
    assert len(smooth.push(noise(10))) == 8
    assert len(smooth.push(noise(1))) == 1
    assert len(smooth.finish()) == 2


def test_lids_replace_what_the_engine_said_of_both_eyes():
    shut = np.linspace(0, 1, 30, dtype=np.float32)
    blinking = lay_lids(np.ones((30, 52), np.float32), shut)
    eyes = [INDEX["eyeBlinkLeft"], INDEX["eyeBlinkRight"]]
    assert (blinking[:, eyes] == shut[:, None]).all()
    assert (np.delete(blinking, eyes, 1) == 1).all()


def test_gains_and_offsets_reach_only_their_blendshape():
    shaped = Gains({"jawOpen": 2.0}, {"browInnerUp": 0.25}).apply(np.full((3, 52), 0.5, np.float32))
    assert (shaped[:, INDEX["jawOpen"]] == 1.0).all()
    assert (shaped[:, INDEX["browInnerUp"]] == 0.75).all()
    assert (np.delete(shaped, [INDEX["jawOpen"], INDEX["browInnerUp"]], 1) == 0.5).all()


@pytest.mark.parametrize("bad", [{"jawopen": 1.0}, {"jawOpen": float("nan")}, {"jawOpen": float("inf")}])
def test_a_gain_that_means_nothing_is_refused(bad):
    with pytest.raises(InvalidRequest):
        Gains(bad)
    with pytest.raises(InvalidRequest):
        Gains({}, bad)


def test_shaped_values_stay_in_range_and_raw_ones_are_left_alone():
    wild = noise(100) * 10
    shaped = through(Shaping(Gains()), wild)
    assert shaped.min() >= 0
    assert shaped.max() <= 1
    assert np.array_equal(through(Raw(), wild, [3, 50]), wild)
    assert clamp(np.array([[-1, 0.5, 2]], np.float32)).tolist() == [[0, 0.5, 1]]
