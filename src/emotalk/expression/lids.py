"""The upper lids: blinks, and how far they hang between them.

A blink shuts in two or three frames and opens in twice that; some stay shut for longer, some come in pairs. Most come
where a phrase ends or the eyes jump; none begins where a word is stressed. When and how is a function of the seed, the
frame and the voice, by blake2b.

Why so: docs/decisions/0004.
"""

import math

import numpy as np
from numpy.typing import NDArray

from emotalk.expression.motion import Curve, Noise
from emotalk.expression.persons import chance
from emotalk.expression.phrasing import Speech
from emotalk.timebase import FPS

_IDLE, _TALKING, _PHRASE_END, _JUMP = 0.2, 0.6, 4.2, 8.0
"""Blinks a second, in silence and in speech; more in the first frames after a phrase and with a jump of the eyes."""
_NEED_AT_ONCE, _NEED_AT_MOST = 0.3, 2.0
"""A factor on that, which grows by 1 with each second in which the eyes have been dry."""
_ENDING = range(2, 10)
_STRESSED = 0.4
_PAIR = 0.1
HANGING_LIMIT = 0.3


class Lids:
    """One pair of lids on its way."""

    def __init__(self, seed: str) -> None:
        self._seed, self._frame, self._blinks = seed, 0, 0
        self._coming: list[float] = []
        self._free, self._again = round(FPS * 0.2), -1
        self._drift = Noise(seed, "lids", 11)

    def fall(self, speech: Speech, up: Curve, jumps: NDArray[np.bool_]) -> Curve:
        """How far they are shut [n] in 0..1, the eyes looking `up` and jumping where `jumps` says."""
        heard = zip(speech.stress.tolist(), speech.quiet.tolist(), speech.present.tolist(), jumps.tolist(), strict=True)
        blink, drift = np.array([self._step(*row) for row in heard]), np.array(self._drift.take(len(speech)))
        hanging = 0.06 + 0.16 * drift - 0.4 * np.minimum(up, 0)
        hanging = np.minimum(np.maximum(hanging * speech.present, 0), HANGING_LIMIT)
        return np.asarray(hanging + (1 - hanging) * blink, np.float64)

    def _step(self, stress: float, quiet: int, present: float, jumps: bool) -> float:
        if self._frame >= self._free and stress < _STRESSED and self._wants(quiet, present, jumps):
            self._begin()
        self._frame += 1
        return self._coming.pop(0) if self._coming else 0.0

    def _wants(self, quiet: int, present: float, jumps: bool) -> bool:
        rate = _IDLE
        if present > 0.2:
            rate = _TALKING + _PHRASE_END * (quiet in _ENDING) + _JUMP * jumps
        need = min((self._frame - self._free) / FPS + _NEED_AT_ONCE, _NEED_AT_MOST)
        return self._frame == self._again or chance(self._seed, "blink", self._frame) < rate * need / FPS

    def _begin(self) -> None:
        """Draw the next blink and when the one after it may come."""
        quick, shut, slow, deep, pair = (chance(self._seed, "lid", self._blinks, i) for i in range(5))
        self._blinks += 1
        close, open_ = 2 + (quick < 0.3), 2 + int(2.4 * slow)
        hold = int(shut > 0.15) if shut < 0.8 else round(2 + 25 * (shut - 0.8))
        self._coming = [(0.86 + 0.14 * deep) * value for value in blink_shape(close, hold, open_)]
        end = self._frame + len(self._coming)
        self._free = end + (3 if pair < _PAIR else round(FPS * (0.4 + 0.3 * pair)))
        self._again = self._free if pair < _PAIR else -1


def blink_shape(close: int, hold: int, open_: int) -> list[float]:
    """One hump of `close + hold + open_` frames up to 1."""
    down = [math.sin(math.pi / 2 * (i + 1) / (close + 0.3)) ** 2 for i in range(close)]
    up = [math.cos(math.pi / 2 * (i + 1) / (open_ + 1)) ** 2 for i in range(open_)]
    return [*down, *[1.0] * hold, *up]
