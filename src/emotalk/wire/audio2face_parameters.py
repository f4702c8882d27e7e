"""Audio2Face-3D's parameters → what our face understands by them, and what their caller should hear about the rest."""

import dataclasses
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from emotalk.face import ARKIT_NAMES, INDEX
from emotalk.shaping import Adjustment
from emotalk.wire.a2f import a2f_pb2, status_pb2

Range = tuple[float, float]

_STRENGTH: Range = (0, 2)
_WEIGHT: Range = (-1000, 1000)
"""No face needs more, and a product of two stays a number."""
_FACE: Mapping[str, tuple[str, Range]] = {
    "upperFaceStrength": ("upper_strength", _STRENGTH),
    "lowerFaceStrength": ("lower_strength", _STRENGTH),
    "upperFaceSmoothing": ("upper_smoothing", (0, 0.1)),
    "lowerFaceSmoothing": ("lower_smoothing", (0, 0.1)),
    "blinkStrength": ("blink_strength", _STRENGTH),
    "blinkOffset": ("blink_offset", (-1, 1)),
    "eyelidOpenOffset": ("eyelid_offset", (-1, 1)),
    "lipOpenOffset": ("lip_offset", (-0.2, 0.2)),
}
_SKIN = "skinStrength"
_UNUSED = ("faceMaskLevel", "faceMaskSoftness", "tongueStrength", "tongueHeightOffset", "tongueDepthOffset")
_MOST_NAMES, _LONGEST_NAME = 20, 40
_MOST_WARNINGS = 100


def to_arkit(name: str) -> str:
    """EyeBlinkLeft → eyeBlinkLeft, which is ARKit's name."""
    return name[:1].lower() + name[1:]


def shorten_float(value: float) -> float:
    """The short number that was sent as a float of 32 bits: 0.6, not 0.6000000238."""
    return float(str(np.float32(value)))


def list_face_defaults() -> dict[str, float]:
    """What each parameter of the face is while nobody sends it."""
    neutral = Adjustment()
    return {name: getattr(neutral, field) for name, (field, _) in _FACE.items()} | {_SKIN: 1.0}


@dataclass
class Remarks:
    """What is to be said about a call's parameters: warnings one by one, and once what means nothing here."""

    _warnings: list[str] = dataclasses.field(default_factory=list)
    _unused: list[str] = dataclasses.field(default_factory=list)
    _before: set[str] = dataclasses.field(default_factory=set)

    def warn(self, sentence: str) -> None:
        """Something was not taken as it was sent; the same is said once, and not for ever."""
        if sentence not in self._before and len(self._before) < _MOST_WARNINGS:
            self._before.add(sentence)
            self._warnings.append(sentence)

    def note_unknown(self, where: str, names: Iterable[str]) -> None:
        """Names that nothing is called by."""
        if names := sorted(name[:_LONGEST_NAME] for name in names):
            more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
            self.warn(f"{where}: unknown and ignored: {', '.join(names[:_MOST_NAMES])}{more}")

    def note_unused(self, names: Iterable[str]) -> None:
        """Names that have a meaning for another kind of face."""
        self._unused.extend(names)

    def keep_within(self, name: str, value: float, limits: Range, default: float) -> float:
        """The value, or the nearest that can be used."""
        low, high = limits
        if low <= value <= high:
            return value
        taken = min(max(value, low), high) if math.isfinite(value) else default
        self.warn(f"{name}: {value:g} is out of range {low:g}..{high:g}; {taken:g} is used")
        return taken

    def take_remarks(self) -> Iterator[tuple[status_pb2.Status.Code, str]]:
        """Each with its code, and once."""
        unused, self._unused = self._unused, []
        warnings, self._warnings = self._warnings, []
        if unused:
            yield (
                status_pb2.Status.INFO,
                f"accepted but not used, because this face does not have these parts: {', '.join(unused)}",
            )
        for sentence in warnings:
            yield status_pb2.Status.WARNING, sentence


def read_adjustment(
    face: a2f_pb2.FaceParameters, blendshapes: a2f_pb2.BlendShapeParameters, remarks: Remarks
) -> Adjustment | None:
    """What is to be changed of the face; None: nothing."""
    values = _read_face(face, remarks)
    multipliers = _read_row("bs_weight_multipliers", blendshapes.bs_weight_multipliers, 1.0, remarks)
    offsets = _read_row("bs_weight_offsets", blendshapes.bs_weight_offsets, 0.0, remarks)
    clamp = blendshapes.enable_clamping_bs_weight
    adjustment = Adjustment(multipliers=multipliers, offsets=offsets, clamp=clamp, **values)
    return None if adjustment == Adjustment() else adjustment


def _read_face(face: a2f_pb2.FaceParameters, remarks: Remarks) -> dict[str, float]:
    """Fields of an adjustment by name."""
    given = dict(face.float_params)
    remarks.note_unused(name for name in _UNUSED if name in given)
    known, others = {*_FACE, _SKIN, *_UNUSED}, {*face.integer_params, *face.float_array_params}
    remarks.note_unknown("face_params", (given.keys() | others) - known)
    for name in sorted(others & known):
        remarks.warn(f"face_params: {name} is ignored: send it in float_params")
    neutral = Adjustment()
    values = {
        field: remarks.keep_within(name, shorten_float(given[name]), limits, getattr(neutral, field))
        for name, (field, limits) in _FACE.items()
        if name in given
    }
    if _SKIN in given:
        skin = remarks.keep_within(_SKIN, shorten_float(given[_SKIN]), _STRENGTH, 1.0)
        for part in ("upper_strength", "lower_strength"):
            values[part] = skin * values.get(part, 1.0)
    return values


def _read_row(where: str, given: Mapping[str, float], neutral: float, remarks: Remarks) -> tuple[float, ...]:
    """A value for each of our 52 columns; none where all are neutral."""
    known = {name: value for name, value in given.items() if to_arkit(name) in INDEX}
    remarks.note_unknown(where, given.keys() - known.keys())
    held = {
        to_arkit(name): remarks.keep_within(f"{where}: {name}", value, _WEIGHT, neutral)
        for name, value in known.items()
    }
    row = tuple(held.get(name, neutral) for name in ARKIT_NAMES)
    return row if any(value != neutral for value in row) else ()
