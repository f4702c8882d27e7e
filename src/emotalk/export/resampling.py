"""Curves at another frame rate: interpolated between frames, with the lips still shut where they meet.

Positions are counted in whole numbers of frames, so nothing drifts: an hour ends on its last frame.
"""

from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from emotalk.face import ARKIT_NAMES, FaceClip, Frames

SHUT_LIPS, SHUT_EYES = 0.05, 0.8
"""Lips that are no farther apart have met; lids that are shut so far have."""

_EYES = np.array([name.startswith("eye") for name in ARKIT_NAMES])

Curve = NDArray[np.float32]


def resample(clip: FaceClip, fps: Fraction) -> FaceClip:
    """The same clip of 52 shapes at `fps` frames a second; it is as long as before."""
    if fps == clip.fps:
        return clip
    step = clip.fps / fps
    number = np.arange(-(-len(clip.frames) * fps // clip.fps), dtype=np.int64)
    places = number * step.numerator / step.denominator
    head = None if clip.head is None else interpolate(clip.head, places)
    return replace(clip, frames=interpolate_faces(clip.frames, places), head=head, fps=fps)


def interpolate_faces(frames: Frames, places: NDArray[np.float64]) -> Frames:
    """The face at each of the rising `places`, counted in frames. What shuts for a moment shuts here too: the nearest
    place moves into that moment, for the mouth and for the eyes each on its own."""
    mouth = interpolate(frames, _move_into_shut(lip_gap(frames) <= SHUT_LIPS, places))
    eyes = interpolate(frames, _move_into_shut(lids(frames) >= SHUT_EYES, places))
    return np.asarray(np.where(_EYES, eyes, mouth), np.float32)


def interpolate(rows: Frames, places: NDArray[np.float64]) -> Frames:
    """Rows [n, k] interpolated at `places`; before the first and after the last row they stand still."""
    places = np.clip(places, 0, len(rows) - 1)
    before = np.floor(places).astype(np.int64)
    share = (places - before)[:, None].astype(np.float32)
    return np.asarray(rows[before] * (1 - share) + rows[np.minimum(before + 1, len(rows) - 1)] * share, np.float32)


def _move_into_shut(shut: NDArray[np.bool_], places: NDArray[np.float64]) -> NDArray[np.float64]:
    """`places`, one of them within each run of shut frames."""
    places = places.copy()
    edges = np.flatnonzero(np.diff(np.concatenate([[False], shut, [False]])))
    for first, end in pairwise(edges.tolist()):
        if shut[first]:
            middle = (first + end - 1) / 2
            after = int(np.searchsorted(places, middle))
            around = range(max(after - 1, 0), min(after + 1, len(places)))
            nearest = min(around, key=lambda place: abs(places[place] - middle))
            places[nearest] = np.clip(places[nearest], first, end - 1)
    return places


def lip_gap(frames: Frames) -> Curve:
    """[n] how far the lips are apart, 0 where they meet, as a share of a jaw that is all open."""

    def mean(*names: str) -> Curve:
        return np.asarray(frames[:, [ARKIT_NAMES.index(name) for name in names]].mean(axis=1))

    def both(name: str) -> Curve:
        return mean(f"{name}Left", f"{name}Right")

    pressed = both("mouthPress") + mean("mouthRollLower", "mouthRollUpper")
    parted = both("mouthLowerDown") + both("mouthUpperUp")
    return np.maximum(0, mean("jawOpen") - mean("mouthClose") + (parted - pressed) / 2)


def lids(frames: Frames) -> Curve:
    """[n] how far both upper lids are shut."""
    return np.asarray(frames[:, [ARKIT_NAMES.index(f"eyeBlink{side}") for side in ("Left", "Right")]].min(axis=1))
