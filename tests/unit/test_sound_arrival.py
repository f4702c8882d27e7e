"""How sound comes tells a speaker from a clip; the clock is the test's."""

from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emotalk.live.arrival import LOOK_SECONDS, Manner, SoundArrival


class Clock:
    """Where the test says that it is."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def told(pieces: list[tuple[float, float]], end: float | None = None) -> tuple[Manner, float]:
    """Pieces as (when, seconds of sound) → what it is, and when that was known."""
    clock = Clock()
    arrival = SoundArrival(clock)
    for step in range(100_000):
        clock.now = step * LOOK_SECONDS / 5
        while pieces and pieces[0][0] <= clock.now:
            arrival.hear(pieces.pop(0)[1])
        if end is not None and not pieces and clock.now >= end:
            arrival.ended = True
        if manner := arrival.manner():
            return manner, clock.now
    raise AssertionError("it was never known")


@given(st.floats(0.005, 0.4), st.floats(0.0, 0.3))
def test_who_speaks_is_known_before_the_first_frames_could_come(piece: float, late: float) -> None:
    """Also where the first pieces come late and all at once, as after a connection that took its time."""
    pieces = [(max(late, number * piece), piece) for number in range(100)]
    manner, when = told(pieces)
    assert manner == "live"
    assert when - late <= 0.25


def test_who_speaks_in_pieces_of_a_second_waits_half_a_second_and_is_no_clip() -> None:
    assert told([(number * 1.0, 1.0) for number in range(20)]) == ("live", pytest.approx(0.5))


@given(st.lists(st.tuples(st.floats(0, 0.003), st.floats(0.01, 10.0)), min_size=1, max_size=60))
def test_what_comes_all_at_once_is_a_clip_when_its_end_has_come(steps: list[tuple[float, float]]) -> None:
    times = list(accumulate(pause for pause, _ in steps))
    pieces = list(zip(times, (sound for _, sound in steps), strict=True))
    assert told(pieces, end=times[-1])[0] == "clip"


def test_a_long_clip_is_waited_for_while_it_comes_ten_times_as_fast() -> None:
    pieces = [(number * 0.05, 1.0) for number in range(600)]
    assert told(pieces, end=30.0) == ("clip", pytest.approx(30.0))


def test_a_burst_that_stalls_is_not_waited_for() -> None:
    manner, when = told([(0.0, 1.0), (0.01, 1.0), (0.02, 1.0)])
    assert manner == "live"
    assert when < 0.6


def test_nothing_is_known_before_sound_has_come() -> None:
    clock = Clock()
    arrival = SoundArrival(clock)
    clock.now = 100.0
    assert arrival.manner() is None
    arrival.ended = True
    assert arrival.manner() == "clip"
