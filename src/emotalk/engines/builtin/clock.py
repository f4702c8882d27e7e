"""From 50 rows and 100 ticks of the gate to 30 frames a second, in integers.

Frame k is shown at k / 30 s, row r is at r / 50 s and tick i is centred at (i + ½) / 100 s. So frame k lies at row
10 k / 6 and at tick (20 k - 3) / 6: always a whole number of sixths.
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from emotalk.tape import Tape
from emotalk.timebase import STEP_FRAMES

_SIXTHS = 6


def rows_to_frames(rows: NDArray[np.float32], frames: int, lead: int = 0) -> NDArray[np.float32]:
    """Rows of a block, which starts at a frame, linearly interpolated `lead` sixths of a row after its first frames.

    The last row is held.
    """
    before, after, share = _rows_around(len(rows), frames, lead)
    at_frames: NDArray[np.float32] = rows[before] * (1 - share) + rows[after] * share
    return at_frames


@lru_cache
def _rows_around(rows: int, frames: int, lead: int) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]:
    """The rows before and after each frame, and its share of the way [frames, 1]: the same in every block."""
    row, sixth = np.divmod(10 * np.arange(frames) + lead, _SIXTHS)
    before, after = np.minimum([row, row + 1], rows - 1)
    return before, after, (sixth / _SIXTHS).astype(np.float32)[:, None]


@lru_cache
def rows_before(frames: int) -> NDArray[np.int64]:
    """The last row not after each of the first frames of a block: a row for every frame, none computed anew."""
    return 10 * np.arange(frames) // _SIXTHS


def rows_of(frames: int) -> int:
    """Rows that last as long as so many frames, a multiple of three."""
    return 5 * frames // 3


def last_tick(frames: int) -> int:
    """The last tick of the gate that the frames before `frames` are drawn from."""
    return -(-(20 * (frames - 1) - 3) // _SIXTHS)


def first_tick(frame: int) -> int:
    """The first tick that `frame` is drawn from; -1 for frame 0."""
    return (20 * frame - 3) // _SIXTHS


def ticks_to_frames(openness: Tape, start: int, stop: int) -> NDArray[np.float32]:
    """The gate's openness at frames start … stop - 1; its ends are held."""
    steps, frame = divmod(start, STEP_FRAMES)
    tick, share = _between(frame, frame + stop - start)
    tick = tick + 10 * steps
    at_frames: NDArray[np.float32] = openness.take(tick) * (1 - share) + openness.take(tick + 1) * share
    return at_frames


@lru_cache
def _between(start: int, stop: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """The tick before each frame, and its share of the way to the next: the same in every step of 0.1 s."""
    tick, sixth = np.divmod(20 * np.arange(start, stop) - 3, _SIXTHS)
    return tick, (sixth / _SIXTHS).astype(np.float32)
