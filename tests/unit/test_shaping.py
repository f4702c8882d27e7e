"""Smoothing, gains, blinks and range."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.signal import savgol_filter

from emotalk.errors import InvalidRequest
from emotalk.face import INDEX
from emotalk.shaping import Gains, Raw, Shaping
from emotalk.shaping.blink import BLINK_FRAMES, CURVES, Blink, blinks
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


@given(lengths, cuts, st.text(max_size=8))
def test_any_way_of_cutting_gives_the_same_shaped_bytes(length, sizes, seed):
    frames = noise(length)
    whole = through(Shaping(Gains({"jawOpen": 1.3}, {"mouthClose": 0.1}), seed), frames)
    assert (
        through(Shaping(Gains({"jawOpen": 1.3}, {"mouthClose": 0.1}), seed), frames, sizes).tobytes() == whole.tobytes()
    )
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


@given(st.text(max_size=12))
def test_blinks_come_as_often_as_the_reference_has_them(seed):
    starts = [start for start, _ in zip((s for s, _ in blinks(seed)), range(50), strict=False)]
    gaps = np.diff(starts)
    assert 0 <= starts[0] <= 60
    assert gaps.min() >= 60
    assert gaps.max() <= 180


def test_blinks_cover_their_whole_range_over_many_seeds():
    firsts = {next(blinks(str(seed)))[0] for seed in range(3000)}
    curves = {next(blinks(str(seed)))[1] for seed in range(100)}
    gaps = {b - a for (a, _), (b, _) in (two(str(seed)) for seed in range(6000))}
    assert firsts == set(range(61))
    assert curves == {0, 1, 2, 3}
    assert gaps == set(range(60, 181))


def two(seed):
    both = blinks(seed)
    return next(both), next(both)


def test_the_blinks_of_a_request_are_these_for_ever():
    # Yesterday's answers must be reproducible tomorrow: a change here changes every face.
    assert [b for b, _ in zip(blinks("request-1"), range(4), strict=False)] == [(24, 3), (92, 2), (263, 1), (331, 2)]


def test_a_blink_replaces_what_the_engine_said_of_both_eyes():
    frames = np.ones((300, 52), np.float32)
    start, curve = next(blinks("x"))
    blinking = Blink("x").push(frames)
    left, right = blinking[:, INDEX["eyeBlinkLeft"]], blinking[:, INDEX["eyeBlinkRight"]]
    assert np.array_equal(left, right)
    assert np.array_equal(left[start : start + BLINK_FRAMES], CURVES[curve])
    assert left[:start].sum() == 0
    others = np.delete(blinking, [INDEX["eyeBlinkLeft"], INDEX["eyeBlinkRight"]], 1)
    assert (others == 1).all()


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
    shaped = through(Shaping(Gains(), "s"), wild)
    assert shaped.min() >= 0
    assert shaped.max() <= 1
    assert np.array_equal(through(Raw(), wild, [3, 50]), wild)
    assert clamp(np.array([[-1, 0.5, 2]], np.float32)).tolist() == [[0, 0.5, 1]]
