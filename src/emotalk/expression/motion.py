"""Two ways to move by chance, both bounded and seeded: a smooth noise, and a level that is glided to."""

from collections.abc import Iterator
from functools import cache
from itertools import chain, count, islice

import numpy as np
from numpy.typing import NDArray

from emotalk.expression.persons import chance
from emotalk.timebase import FPS

_BREATH_FRAMES = 4 * FPS

Curve = NDArray[np.float64]
"""float64 [n], a value a frame."""


class Noise:
    """A smooth curve within -1..1: a cubic B-spline through random knots."""

    def __init__(self, seed: str, name: str, period: int) -> None:
        """`period`: frames from knot to knot; hardly anything moves faster than that."""
        self._values = chain.from_iterable(_draw_spline(seed, name, period))

    def take(self, frames: int) -> list[float]:
        """The next frames."""
        return list(islice(self._values, frames))


def _draw_spline(seed: str, name: str, period: int) -> Iterator[list[float]]:
    """From knot to knot."""

    def draw(knot: int) -> float:
        return 2 * chance(seed, name, knot) - 1

    knots = [draw(k) for k in range(4)]
    first = int(period * chance(seed, name, "phase"))
    for knot in count(4):
        a, b, c, d = knots
        yield [(v * a + w * b + x * c + y * d) / 6 for v, w, x, y in _make_basis(period)[first:]]
        knots, first = [b, c, d, draw(knot)], 0


@cache
def _make_basis(period: int) -> tuple[tuple[float, float, float, float], ...]:
    """Six times what each of four knots weighs, at every frame between the two in the middle."""
    return tuple(
        ((1 - t) ** 3, 4 - 3 * t * t * (2 - t), 4 - 3 * (1 - t) ** 2 * (1 + t), t**3)
        for t in (step / period for step in range(period))
    )


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
    return _BREATH[np.arange(first, first + count) % _BREATH_FRAMES]


_BREATH = hump(np.arange(_BREATH_FRAMES) / _BREATH_FRAMES)
