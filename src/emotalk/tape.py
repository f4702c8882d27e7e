"""Rows addressed by their absolute position, of which only a recent stretch is kept.

Everything in this engine is addressed from the start of the clip, never from the start of a push: that alone makes any
way of cutting the same audio into pushes give the same bytes, and forgetting the past keeps memory flat.
"""

import numpy as np
from numpy.typing import NDArray


class Tape:
    """float32 rows `base … end` of a sequence that grows at its end and is forgotten at its start."""

    def __init__(self, row: tuple[int, ...] = (), base: int = 0) -> None:
        """`row` is the shape of one row, `base` the position of the first row that will be appended."""
        self._rows: NDArray[np.float32] = np.zeros((0, *row), np.float32)
        self._base = base

    @property
    def end(self) -> int:
        """Position after the last row."""
        return self._base + len(self._rows)

    def append(self, rows: NDArray[np.float32]) -> None:
        """Add rows at the end."""
        self._rows = np.concatenate([self._rows, rows])

    def read(self, start: int, stop: int) -> NDArray[np.float32]:
        """Rows start … stop - 1, all of which must still be kept; a view."""
        return self._rows[start - self._base : stop - self._base]

    def take(self, positions: NDArray[np.int64]) -> NDArray[np.float32]:
        """Rows at these positions; those before or after what the tape holds repeat its first or last row."""
        # Not np.clip: of three positions it takes ten times as long.
        return self._rows[np.minimum(np.maximum(positions - self._base, 0), len(self._rows) - 1)]

    def forget(self, before: int) -> None:
        """Let go of the rows before this position."""
        cut = min(max(before - self._base, 0), len(self._rows))
        if cut:
            self._rows = self._rows[cut:].copy()
            self._base += cut
