"""Rows at 50 and 100 Hz to frames at 30 a second, in integers; and the tape that the rows lie on."""

from fractions import Fraction
from math import floor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emotalk.engines.builtin.clock import at_frames, first_row, frames_ready
from emotalk.engines.builtin.tape import Tape

RATES = pytest.mark.parametrize("rate", [50, 100])


def ramp(rows: int) -> Tape:
    tape = Tape()
    tape.append(np.arange(rows, dtype=np.float32))
    return tape


def position(frame: int, rate: int) -> Fraction:
    """The row at which frame / 30 s lies, where row i is centred at (i + 1/2) / rate."""
    return Fraction(frame, 30) * rate - Fraction(1, 2)


@RATES
def test_a_frame_lies_where_its_time_is(rate: int) -> None:
    drawn = at_frames(ramp(400), rate, 1, 100)
    np.testing.assert_allclose(drawn, [float(position(k, rate)) for k in range(1, 100)], atol=1e-4)


@RATES
def test_the_ends_are_held(rate: int) -> None:
    assert at_frames(ramp(10), rate, 0, 1)[0] == 0
    assert at_frames(ramp(10), rate, 50, 51)[0] == 9


@RATES
@given(rows=st.integers(0, 2000))
def test_a_frame_is_ready_when_the_rows_on_both_sides_are_known(rate: int, rows: int) -> None:
    ready = frames_ready(rows, rate)
    assert ready == sum(floor(position(k, rate)) + 1 < rows for k in range(1300))


@RATES
@given(frame=st.integers(0, 100_000))
def test_the_first_row_of_a_frame_is_the_one_before_its_time(rate: int, frame: int) -> None:
    assert first_row(frame, rate) == floor(position(frame, rate))


def test_a_tape_is_read_by_absolute_position_after_it_has_forgotten() -> None:
    tape = ramp(10)
    tape.forget(6)
    tape.append(np.array([10, 11], np.float32))
    assert tape.end == 12
    assert list(tape.read(7, 12)) == [7, 8, 9, 10, 11]


def test_forgetting_what_is_already_forgotten_changes_nothing() -> None:
    tape = ramp(10)
    tape.forget(6)
    tape.forget(2)
    assert list(tape.read(6, 10)) == [6, 7, 8, 9]
