"""Time is counted in integers."""

from fractions import Fraction
from math import ceil

from hypothesis import given
from hypothesis import strategies as st

from emotalk.timebase import frame_count, resampled_length, timecode


@given(st.integers(0, 10**12))
def test_a_clip_has_a_frame_for_every_started_thirtieth_of_a_second(samples):
    assert frame_count(samples) == ceil(Fraction(samples * 30, 16000))


@given(st.integers(1, 10**10), st.integers(8000, 192000))
def test_a_resampled_clip_is_never_shorter_than_the_sound_it_holds(samples, rate):
    assert resampled_length(samples, rate) == ceil(Fraction(samples * 16000, rate))


def test_a_frame_is_shown_at_its_thirtieth():
    assert timecode(0) == 0.0
    assert timecode(30) == 1.0
    assert timecode(54_000 * 30) == 54_000.0
