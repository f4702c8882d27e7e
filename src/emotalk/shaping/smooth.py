"""Savitzky–Golay smoothing, window 5, order 2, on a stream: two frames behind, with the ends of scipy's mode='interp'.

Every output frame is a weighted sum of five input frames, added in a fixed order in float64: the bytes do not depend on
how the stream was cut, which a matrix product would not promise.

Why so: docs/decisions/0005.
"""

from collections.abc import Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

from emotalk.face import Frames, no_frames

WINDOW = 5
ORDER = 2
BEHIND = WINDOW // 2

Weights = Sequence[float]


@cache
def fit_weights(points: int) -> tuple[Weights, ...]:
    """Row i: the weights that give the least-squares parabola through `points` frames its value at frame i."""
    x = np.arange(points, dtype=np.float64) - (points - 1) / 2
    basis = np.vander(x, min(ORDER, points - 1) + 1)
    return tuple(tuple(row) for row in (basis @ np.linalg.pinv(basis)).tolist())


class Smooth:
    """One clip on its way; `push` and `finish` take and return float32 [n, 52]."""

    def __init__(self) -> None:
        self._recent = no_frames()
        self._started = False

    def push(self, frames: Frames) -> Frames:
        """Return the frames that have their two successors."""
        block = np.concatenate([self._recent, frames])
        if len(block) < WINDOW:
            self._recent = block
            return no_frames()
        self._recent = block[-WINDOW:]
        if self._started:
            return _fit_middle(block[1:])
        self._started = True
        return np.concatenate([_fit(block[:WINDOW], range(BEHIND)), _fit_middle(block)])

    def finish(self) -> Frames:
        """Return the frames still waiting; a clip under five frames is fitted as it is."""
        waiting = BEHIND if self._started else len(self._recent)
        points = len(self._recent)
        return _fit(self._recent, range(points - waiting, points))


def _fit_middle(block: Frames) -> Frames:
    count = len(block) - WINDOW + 1
    return _weigh([block[i : i + count] for i in range(WINDOW)], fit_weights(WINDOW)[BEHIND])


def _fit(points: Frames, rows: Sequence[int]) -> Frames:
    if len(rows) == 0:
        return no_frames()
    weights = fit_weights(len(points))
    return np.concatenate([_weigh([p[None] for p in points], weights[row]) for row in rows])


def _weigh(terms: Sequence[NDArray[np.float32]], weights: Weights) -> Frames:
    total = np.zeros(terms[0].shape, np.float64)
    for term, weight in zip(terms, weights, strict=True):
        total += weight * term.astype(np.float64)
    return total.astype(np.float32)
