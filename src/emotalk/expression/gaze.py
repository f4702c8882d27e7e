"""Where the eyes look: at the listener, away and back, a jump or so a second; and against the turn of the head.

x is the share of eyeLookOut of the left eye and of eyeLookIn of the right (its own left), y that of eyeLookUp.
"""

import numpy as np
from numpy.typing import NDArray

from emotalk.expression.head import Turns
from emotalk.expression.persons import chance
from emotalk.expression.phrasing import Speech
from emotalk.timebase import FPS

GAZE_LIMIT = 0.5
_JUMP = 0.8
"""Share of the way that is done in a frame: a jump takes two or three."""
_COUNTER = np.array([-0.018, 0.012])
"""Per degree of yaw and of pitch: people's eyes undo somewhat more than half of a turn."""
_LEAVES, _STAYS_AWAY = 0.85, 0.3


class Gaze:
    """One pair of eyes on its way."""

    def __init__(self, seed: str, restless: float) -> None:
        """`restless`: how much more often than usual they jump."""
        self._seed, self._restless = seed, restless
        self._frame = self._next = self._jumps = 0
        self._away = False
        self._at = self._target = (0.0, 0.0)

    def look(self, speech: Speech, turns: Turns) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """x and y [n, 2] of the next frames, and at which of them a jump begins [n]."""
        steps = [self._step(present) for present in speech.present.tolist()]
        at = np.array([at for at, _ in steps]).reshape(-1, 2) + _COUNTER * turns[:, :2] * speech.present[:, None]
        return np.minimum(np.maximum(at, -GAZE_LIMIT), GAZE_LIMIT), np.array([jumps for _, jumps in steps], bool)

    def _step(self, present: float) -> tuple[tuple[float, float], bool]:
        jumps = self._frame >= self._next
        if jumps:
            self._choose()
        self._frame += 1
        x, y = (old + _JUMP * (present * new - old) for old, new in zip(self._at, self._target, strict=True))
        self._at = (x, y) if max(abs(x), abs(y)) > 1e-3 else (0.0, 0.0)
        return self._at, jumps

    def _choose(self) -> None:
        """The next place: away, or the listener's face, whose eyes and mouth lie a little apart."""
        side, far, high, long, leave = (chance(self._seed, "gaze", self._jumps, i) for i in range(5))
        self._jumps += 1
        self._away = leave < (_STAYS_AWAY if self._away else _LEAVES)
        if self._away:
            self._target = ((1 if side < 0.5 else -1) * (0.19 + 0.09 * far), 0.31 * (high - 0.55))
        else:
            self._target = (0.06 * (side - 0.5), 0.04 * (high - 0.5))
        stay = 0.23 + 0.45 * long if self._away else 0.35 + 0.7 * long
        self._next = self._frame + round(stay * FPS / self._restless)
