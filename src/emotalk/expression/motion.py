"""Two ways to move by chance, both bounded and seeded: a smooth noise, and a level that is glided to."""

import numpy as np
from numpy.typing import NDArray

from emotalk.expression.persons import chance
from emotalk.timebase import FPS

_BREATH_FRAMES = 4 * FPS

Curve = NDArray[np.float64]
"""float64 [n], a value a frame."""


class Noise:
    """A smooth curve within -1..1, a frame at a time: a cubic B-spline through random knots."""

    def __init__(self, seed: str, name: str, period: int) -> None:
        """`period`: frames from knot to knot; hardly anything moves faster than that."""
        self._words, self._period = (seed, name), period
        self._knot, self._step = 0, int(period * chance(seed, name, "phase"))
        self._knots = [self._draw(k) for k in range(4)]

    def step(self) -> float:
        """The next frame."""
        a, b, c, d = self._knots
        t = self._step / self._period
        rest = 1 - t
        value = rest * rest * rest * a + (4 - 3 * t * t * (2 - t)) * b
        value += (4 - 3 * rest * rest * (2 - rest)) * c + t * t * t * d
        self._advance()
        return value / 6

    def _advance(self) -> None:
        self._step += 1
        if self._step == self._period:
            self._step, self._knot = 0, self._knot + 1
            self._knots = [*self._knots[1:], self._draw(self._knot + 3)]

    def _draw(self, knot: int) -> float:
        return 2 * chance(*self._words, knot) - 1


class Glide:
    """A value that follows its target softly and without overshoot: critically damped."""

    def __init__(self, pace: float) -> None:
        """`pace` in 1/s: after 4 / pace seconds nine tenths of the way are done."""
        self.value, self._speed = 0.0, 0.0
        self._pull, self._drag = (pace / FPS) ** 2, 2 * pace / FPS

    def step(self, target: float) -> float:
        """One frame nearer."""
        self._speed += self._pull * (target - self.value) - self._drag * self._speed
        self.value += self._speed
        return self.value


def hump(share: Curve) -> Curve:
    """A soft hump over 0..1: 0 at both ends, 1 in the middle."""
    half = share * (1 - share)
    return 16 * half * half


def breath(first: int, count: int) -> Curve:
    """In and out, 0..1, every four seconds, from absolute frame `first` on."""
    return hump(np.arange(first, first + count) % _BREATH_FRAMES / _BREATH_FRAMES)
