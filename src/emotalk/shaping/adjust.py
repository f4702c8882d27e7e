"""What a caller may still change of a shaped face: ranges, offsets and slowness of its regions.

    smooth ─► strengths ─► lids ─► lips ─► multipliers, offsets ─► clamp

Each step leaves every bit as it is where its own parameters say nothing.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from emotalk.face import ARKIT_NAMES, BLENDSHAPES, INDEX, Frames
from emotalk.timebase import FPS

_UPPER_NAMES = ("brow", "eyeSquint", "eyeWide", "cheekSquint", "noseSneer")
_LOWER_NAMES = ("jaw", "mouth", "cheekPuff", "tongueOut")
MOST_LIP_OFFSET = 0.2


def _find_columns(names: tuple[str, ...]) -> list[int]:
    return [INDEX[name] for name in ARKIT_NAMES if name.startswith(names)]


_UPPER, _LOWER = _find_columns(_UPPER_NAMES), _find_columns(_LOWER_NAMES)
_BLINK, _WIDE = _find_columns(("eyeBlink",)), _find_columns(("eyeWide",))
_LIPS = _find_columns(("mouthLowerDown", "mouthUpperUp"))
_JAW, _CLOSE = INDEX["jawOpen"], INDEX["mouthClose"]
_LIPS_APART = 0.3
"""Lips that stand open as far as they may by an offset alone."""


@dataclass(frozen=True)
class Adjustment:
    """Strengths: factors. Smoothing: time constants in seconds. Offsets: `eyelid` -1 shut … 1 wide, `lip` -0.2 … 0.2.

    `multipliers` and `offsets`: a value for each of the 52 columns, or none.
    """

    upper_strength: float = 1.0
    lower_strength: float = 1.0
    upper_smoothing: float = 0.0
    lower_smoothing: float = 0.0
    blink_strength: float = 1.0
    blink_offset: float = 0.0
    eyelid_offset: float = 0.0
    lip_offset: float = 0.0
    multipliers: tuple[float, ...] = ()
    offsets: tuple[float, ...] = ()
    clamp: bool = False


class Adjusted:
    """One clip on its way through an adjustment; as many frames come out as go in."""

    def __init__(self, adjustment: Adjustment) -> None:
        self._asked = adjustment
        self._strengths = _make_region(1.0, adjustment.upper_strength, adjustment.lower_strength)
        kept = [math.exp(-1 / (FPS * each)) if each else 0.0 for each in _split_smoothing(adjustment)]
        self._kept = _make_region(0.0, *kept).astype(np.float64)
        self._before: NDArray[np.float64] | None = None

    def push(self, frames: Frames) -> Frames:
        """Take float32 [n, 52] and return as many."""
        adjusted = self._smooth(frames) * self._strengths
        self._move_lids(adjusted)
        self._move_lips(adjusted)
        for values, operation in ((self._asked.multipliers, np.multiply), (self._asked.offsets, np.add)):
            if values:
                adjusted = operation(adjusted, np.array(values, np.float32))
        return np.clip(adjusted, np.float32(0), np.float32(1)) if self._asked.clamp else adjusted

    def _smooth(self, frames: Frames) -> Frames:
        """Each frame the rest of the way to where it should be, one at a time: no cut changes a byte."""
        if not self._kept.any():
            return frames
        smooth = np.empty_like(frames)
        for i, frame in enumerate(frames.astype(np.float64)):
            before = frame if self._before is None else self._before
            self._before = frame * (1 - self._kept) + before * self._kept
            smooth[i] = self._before
        return smooth

    def _move_lids(self, frames: Frames) -> None:
        asked = self._asked
        if (asked.blink_strength, asked.blink_offset, asked.eyelid_offset) == (1, 0, 0):
            return
        shut = np.clip(frames[:, _BLINK] * asked.blink_strength + asked.blink_offset, 0, 1)
        frames[:, _BLINK] = shut + (1 - shut) * max(-asked.eyelid_offset, 0)
        frames[:, _WIDE] += (1 - shut) * max(asked.eyelid_offset, 0)

    def _move_lips(self, frames: Frames) -> None:
        share = self._asked.lip_offset / MOST_LIP_OFFSET
        if share > 0:
            frames[:, _LIPS] += np.float32(share * _LIPS_APART)
        elif share < 0:
            frames[:, _LIPS] *= np.float32(1 + share)
            frames[:, _CLOSE] += (frames[:, _JAW] - frames[:, _CLOSE]) * np.float32(-share)


def _split_smoothing(adjustment: Adjustment) -> tuple[float, float]:
    return adjustment.upper_smoothing, adjustment.lower_smoothing


def _make_region(rest: float, upper: float, lower: float) -> NDArray[np.float32]:
    row = np.full(BLENDSHAPES, rest, np.float32)
    row[_UPPER], row[_LOWER] = upper, lower
    return row
