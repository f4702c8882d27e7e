"""Gain, offset and range of each blendshape."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from emotalk.errors import InvalidRequest
from emotalk.face import BLENDSHAPES, INDEX, Frames

_MOST = 1e6
"""No face needs more, and a product of two stays a number."""


@dataclass(frozen=True)
class Gains:
    """`value · gain + offset` by blendshape name; what is not named stays as it is. Raises InvalidRequest."""

    gains: Mapping[str, float] = field(default_factory=dict)
    offsets: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for what, values in (("gain", self.gains), ("offset", self.offsets)):
            for name, value in values.items():
                if name not in INDEX:
                    raise InvalidRequest(what, f"'{name}' is not a blendshape", "Use an ARKit name such as jawOpen")
                if not abs(value) <= _MOST:
                    raise InvalidRequest(what, f"{name} = {value} is out of range", f"Use {-_MOST:.0f}..{_MOST:.0f}")

    def apply(self, frames: Frames) -> Frames:
        """Returns a copy of float32 [n, 52]."""
        factors, summands = self._rows
        return frames * factors + summands

    @cached_property
    def _rows(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Of every blendshape; made once, since a live stream applies them ten times a second."""
        return _make_row(self.gains, 1.0), _make_row(self.offsets, 0.0)


def clamp(frames: Frames) -> Frames:
    """Each value held to [0, 1]."""
    return np.clip(frames, np.float32(0), np.float32(1))


def _make_row(values: Mapping[str, float], default: float) -> NDArray[np.float32]:
    row = np.full(BLENDSHAPES, default, np.float32)
    for name, value in values.items():
        row[INDEX[name]] = value
    return row
