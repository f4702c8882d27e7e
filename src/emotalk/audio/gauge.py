"""What the samples of a file mean, where a look at all of them is needed to tell.

Floats at ±32767 are 16-bit numbers that were never divided; floats of a millionth are ones that were divided twice;
16-bit numbers in 32-bit PCM are quiet beyond hearing, and 24-bit ones nearly so. And where one channel is inverted, the
mean of both is silence; where one is silent, it is half of the sound.
"""

from dataclasses import dataclass
from math import inf

import numpy as np

from emotalk.audio.source import Block

_SCALES = (2.0**15, 2.0**23, 2.0**31)
"""Full scale of integers of 16, 24 and 32 bits."""
_OVERSHOOT = 16.0
"""Floats may go beyond full scale, by 24 dB at most; beyond that they are in another scale."""
_FINEST, _FINE = 2.0**-31, 2.0**-23
"""A step of 32 and of 24 bits."""
_SILENT = 1e-4
"""A channel 40 dB below the other one has no part in the sound: a microphone was in one of two sockets."""
_CANCELLED = 1 / 16
"""One channel is the other one inverted where their mean has so little of their energy (-12 dB)."""


@dataclass
class Gauge:
    """Looks at a file block by block. `divided_by`: see Source.may_be_divided_by."""

    divided_by: tuple[float, ...]
    _peak: float = 0.0
    _whole: bool = True
    _finest: bool = False
    _left: float = 0.0
    _right: float = 0.0
    _mixed: float = 0.0

    def look(self, block: Block) -> None:
        """The next samples [n, 1 or 2]."""
        self._peak = max(self._peak, float(np.abs(block).max(initial=0.0)))
        if self._peak * min(self.divided_by, default=inf) <= 1 and self._whole:
            steps = block.astype(np.float64) / _FINEST
            self._whole = bool((steps == np.rint(steps)).all())
            self._finest |= bool((steps % (_FINE / _FINEST)).any())
        if block.shape[1] == 2:
            left, right = block.astype(np.float64).T
            self._left += float(left @ left)
            self._right += float(right @ right)
            self._mixed += float((left + right) @ (left + right)) / 4

    @property
    def shares(self) -> tuple[float, float]:
        """What the left and the right channel give to the sound that is heard."""
        if min(self._left, self._right) < _SILENT * max(self._left, self._right):
            return (1.0, 0.0) if self._left > self._right else (0.0, 1.0)
        inverted = self._mixed < _CANCELLED * (self._left + self._right) / 2
        return 0.5, -0.5 if inverted else 0.5

    @property
    def scale(self) -> float:
        """What brings the samples to -1..1."""
        if self._peak > _OVERSHOOT:
            return next((1 / scale for scale in _SCALES if self._peak <= scale), 1.0)
        # No converter has 32 bits at such a level: these are numbers of 16 or 24 that were divided once too often.
        fine = self._peak and self._whole and self._finest
        return next((factor for factor in self.divided_by if fine and self._peak * factor <= 1), 1.0)
