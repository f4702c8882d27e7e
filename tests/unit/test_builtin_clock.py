"""Rows at 50 and ticks at 100 Hz to frames at 30 a second, in integers; and the tape that the ticks lie on."""

from fractions import Fraction
from math import ceil, floor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emotalk.engines.builtin.clock import first_tick, last_tick, rows_to_frames, ticks_to_frames
from emotalk.engines.builtin.plan import CLIP, NEAR, ROW_SAMPLES, Plan
from emotalk.tape import Tape


def ramp(rows: int) -> Tape:
    tape = Tape()
    tape.append(np.arange(rows, dtype=np.float32))
    return tape


def tick_of(frame: int) -> Fraction:
    """The tick at which frame / 30 s lies, where tick i is centred at (i + 1/2) / 100 s."""
    return Fraction(frame, 30) * 100 - Fraction(1, 2)


def test_a_frame_is_drawn_from_the_rows_around_its_time() -> None:
    rows = np.arange(70, dtype=np.float32)[:, None]
    np.testing.assert_allclose(rows_to_frames(rows, 42)[:, 0], np.arange(42) * 50 / 30, atol=1e-4)


def test_a_frame_is_as_open_as_the_gate_is_at_its_time() -> None:
    drawn = ticks_to_frames(ramp(400), 1, 100)
    np.testing.assert_allclose(drawn, [float(tick_of(k)) for k in range(1, 100)], atol=1e-4)


def test_the_ends_are_held() -> None:
    assert ticks_to_frames(ramp(10), 0, 1)[0] == 0
    assert ticks_to_frames(ramp(10), 50, 51)[0] == 9


@given(frame=st.integers(0, 100_000))
def test_the_ticks_of_a_frame_are_those_beside_its_time(frame: int) -> None:
    assert first_tick(frame) == floor(tick_of(frame))
    assert last_tick(frame + 1) == ceil(tick_of(frame))


@pytest.mark.parametrize("plan", [CLIP, NEAR])
@given(block=st.integers(0, 10_000))
def test_a_block_has_whole_frames_and_the_next_begins_where_it_ends(plan: Plan, block: int) -> None:
    start, stop = plan.window(block)
    assert start + plan.past * ROW_SAMPLES == Fraction(block * plan.hop_frames, 30) * 16_000
    assert stop - start == (plan.past + plan.hop + plan.ahead) * ROW_SAMPLES


@pytest.mark.parametrize(("plan", "promised"), [(CLIP, 1.6), (NEAR, 0.5)])
def test_no_frame_waits_longer_than_its_plan_promises(plan: Plan, promised: float) -> None:
    assert (plan.hop + plan.ahead) * ROW_SAMPLES / 16_000 <= promised


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
