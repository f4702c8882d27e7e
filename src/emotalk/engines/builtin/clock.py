"""From the network's 50 Hz and the gate's 100 Hz to 30 frames a second, in integers.

Row i of a curve at `rate` Hz is centred at (i + ½) / rate and frame k is shown at k / 30, so frame k lies at row
(rate / 5 · k - 3) / 6: always a whole number of sixths, for both rates.
"""

import numpy as np
from numpy.typing import NDArray

from emotalk.engines.builtin.tape import Tape

_SIXTHS = 6


def _sixths(frame: NDArray[np.int64], rate: int) -> NDArray[np.int64]:
    return rate // 5 * frame - 3


def frames_ready(rows: int, rate: int) -> int:
    """How many frames, from the first on, lie between rows of which `rows` are known."""
    return max(0, (_SIXTHS * rows - 4) // (rate // 5) + 1)


def first_row(frame: int, rate: int) -> int:
    """The first row that `frame` is drawn from; -1 for frame 0, which repeats row 0."""
    return (rate // 5 * frame - 3) // _SIXTHS


def at_frames(curve: Tape, rate: int, start: int, stop: int) -> NDArray[np.float32]:
    """The curve, linearly interpolated at frames start … stop - 1; its ends are held."""
    row, sixth = np.divmod(_sixths(np.arange(start, stop), rate), _SIXTHS)
    before, after = curve.take(row), curve.take(row + 1)
    share = (sixth / _SIXTHS).astype(np.float32).reshape(-1, *[1] * (before.ndim - 1))
    return before * (1 - share) + after * share
