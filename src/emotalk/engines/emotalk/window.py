"""What the network is asked about one window: normalised samples, and what follows from their number alone."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from emotalk.face import Pcm, Style
from emotalk.timebase import FPS, frame_count

Floats = NDArray[np.float32]
Integers = NDArray[np.int32]

SHORTEST = 400
"""Samples that the convolutions need for one row; a shorter window is padded with zeros behind its end."""

_HOP = 320
_FEATURES_PER_SECOND = 50
_BIAS_PERIOD = 30


class WindowInputs(NamedTuple):
    """The graph's inputs by name; positions are rows of what is resampled, `distance` is minus whole seconds back."""

    samples: Floats
    content_positions: Floats
    emotion_positions: Floats
    frame_positions: Floats
    distance: Floats
    level: Integers
    person: Integers

    def beside_samples(self) -> dict[str, Floats | Integers]:
        """All but the samples, by name."""
        return {name: values for name, values in self._asdict().items() if name != "samples"}


def prepare(pcm: Pcm, style: Style) -> WindowInputs:
    """Inputs for float32 [n ≥ 1] at 16 kHz; the answer has frame_count(n) rows."""
    samples = _normalise(pcm)
    features, frames = feature_count(samples.size), frame_count(pcm.size)
    emotions = _count_emotion_rows(features)
    return WindowInputs(
        samples,
        _spread_positions(features, frames),
        _spread_positions(features, emotions),
        _spread_positions(emotions, frames),
        _make_distance(frames),
        np.array([style.emotion_level], np.int32),
        np.array([style.person_id], np.int32),
    )


def feature_count(samples: int) -> int:
    """Rows that the feature extractor makes of so many samples: each sees 400, and the next begins 320 later."""
    return (samples - SHORTEST) // _HOP + 1


def span_of(first: int, rows: int) -> slice:
    """The samples that so many rows of features see."""
    return slice(first * _HOP, (first + rows - 1) * _HOP + SHORTEST)


def _normalise(pcm: Pcm) -> Floats:
    """Mean 0, variance 1 over the window."""
    normal = (pcm - pcm.mean()) / np.sqrt(pcm.var() + np.float32(1e-7))
    return np.pad(normal, (0, max(0, SHORTEST - pcm.size))).astype(np.float32)


def _count_emotion_rows(features: int) -> int:
    """Rows of the emotion encoder. In floating point and rounded down, as the reference does; but never none."""
    return max(1, int(features / _FEATURES_PER_SECOND * FPS))


def _spread_positions(rows: int, wanted: int) -> Floats:
    """Where `wanted` points lie that span `rows` rows from first to last.

    In float32, as torch interpolates: in float64 the answer to 26 s is off by 1e-4 instead of 4e-6.
    """
    step = np.float32(rows - 1) / np.float32(wanted - 1) if wanted > 1 else np.float32(0)
    return np.arange(wanted, dtype=np.float32) * step


def _make_distance(frames: int) -> Floats:
    """[1, 1, i, j]: −((i − j) div 30) for j ≤ i, else −inf. It depends on i − j only, so one line slides along:

    frames = 3:   line  0  0  0 −∞ −∞     rows  0 −∞ −∞ ╱ 0  0 −∞ ╱ 0  0  0
    """
    back = np.arange(frames - 1, -frames, -1)
    line = np.where(back >= 0, -(back // _BIAS_PERIOD), -np.inf).astype(np.float32)
    slid = np.lib.stride_tricks.sliding_window_view(line, frames)[::-1]
    return np.ascontiguousarray(slid)[None, None]
