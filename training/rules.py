"""What the face does for a phone: the targets that the network learns to draw.

Every class has a pose of 15 ARKit shapes. Poses melt into each other by dominance-weighted Gaussians (jaw 36 ms,
rounding 48 ms); lips that must meet (P B M) or touch the teeth (F V) are a gesture of their own that nothing overrides.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.phones import CLASS, CLASSES, MASK, Segment

Curve = NDArray[np.float32]

CURVES = (
    "jawOpen mouthClose mouthFunnel mouthPucker mouthRollLower mouthRollUpper mouthPress mouthLowerDown mouthUpperUp "
    "mouthStretch mouthSmile mouthShrugUpper mouthShrugLower mouthDimple tongueOut"
).split()
COLUMN = {name: i for i, name in enumerate(CURVES)}
RATE = 100

_POSES = {
    "SIL": "jawOpen .02 mouthClose .02",
    "P": "jawOpen .10 mouthClose .10 mouthPress .35 mouthRollLower .25 mouthRollUpper .18 "
    "mouthShrugUpper .05 mouthShrugLower .1",
    "M": "jawOpen .12 mouthClose .12 mouthPress .25 mouthRollLower .2 mouthRollUpper .15",
    "F": "jawOpen .10 mouthRollLower .45 mouthUpperUp .2 mouthLowerDown .05 mouthShrugLower .12",
    "TH": "jawOpen .18 mouthLowerDown .24 mouthUpperUp .1 tongueOut .35",
    "T": "jawOpen .15 mouthLowerDown .25 mouthStretch .1 mouthUpperUp .1",
    "N": "jawOpen .16 mouthLowerDown .23 mouthStretch .08 mouthUpperUp .09",
    "L": "jawOpen .2 mouthLowerDown .22 mouthStretch .08 mouthUpperUp .07 tongueOut .08",
    "LD": "jawOpen .2 mouthLowerDown .2 mouthUpperUp .07 mouthStretch .02",
    "K": "jawOpen .2 mouthLowerDown .22 mouthStretch .06 mouthUpperUp .08",
    "S": "jawOpen .09 mouthLowerDown .34 mouthStretch .28 mouthSmile .1 mouthUpperUp .16",
    "SH": "jawOpen .12 mouthFunnel .5 mouthPucker .18 mouthLowerDown .26 mouthUpperUp .2",
    "R": "jawOpen .17 mouthFunnel .28 mouthPucker .18 mouthLowerDown .18 mouthUpperUp .08",
    "W": "jawOpen .08 mouthPucker .75 mouthFunnel .2",
    "Y": "jawOpen .13 mouthStretch .25 mouthSmile .18 mouthLowerDown .22 mouthUpperUp .07",
    "H": "jawOpen .23 mouthLowerDown .18 mouthUpperUp .06",
    "IY": "jawOpen .14 mouthStretch .35 mouthSmile .25 mouthLowerDown .24 mouthUpperUp .1 mouthDimple .1",
    "IH": "jawOpen .2 mouthStretch .22 mouthSmile .12 mouthLowerDown .2 mouthUpperUp .04",
    "EY": "jawOpen .26 mouthStretch .28 mouthSmile .18 mouthLowerDown .22 mouthUpperUp .08",
    "EH": "jawOpen .38 mouthStretch .22 mouthSmile .08 mouthLowerDown .24 mouthUpperUp .08",
    "AE": "jawOpen .54 mouthStretch .26 mouthSmile .1 mouthLowerDown .3 mouthUpperUp .12",
    "AA": "jawOpen .64 mouthLowerDown .26 mouthUpperUp .08",
    "AH": "jawOpen .34 mouthLowerDown .18",
    "AO": "jawOpen .5 mouthFunnel .35 mouthPucker .15 mouthLowerDown .16 mouthUpperUp .04",
    "OW": "jawOpen .28 mouthFunnel .3 mouthPucker .5 mouthLowerDown .06",
    "UH": "jawOpen .2 mouthFunnel .25 mouthPucker .35 mouthLowerDown .1",
    "UW": "jawOpen .15 mouthPucker .75 mouthFunnel .22 mouthLowerDown .08 mouthUpperUp .04",
    "ER": "jawOpen .22 mouthFunnel .28 mouthPucker .15 mouthLowerDown .18 mouthUpperUp .04",
    "YU": "jawOpen .16 mouthPucker .62 mouthFunnel .3 mouthLowerDown .06",
}  # fmt: skip
_LIKE = {"B": "P", "V": "F", "DH": "TH", "D": "T", "NG": "K", "G": "K", "Z": "S", "ZH": "SH", "CH": "SH", "JH": "SH"}

# How strongly a class pulls its neighbours: jaw, rounding.
_DOMINANCE = {
    "P": (0.35, 0.12), "M": (0.35, 0.12), "F": (0.6, 0.3), "TH": (0.45, 0.25), "T": (0.45, 0.25), "N": (0.45, 0.25),
    "L": (0.45, 0.25), "LD": (0.5, 0.35), "K": (0.45, 0.25), "S": (0.9, 0.5), "SH": (0.8, 1.8), "R": (0.6, 0.9),
    "W": (1.0, 2.2), "Y": (0.7, 0.8), "H": (0.15, 0.1), "UW": (1.0, 2.0), "YU": (1.0, 2.0), "OW": (1.0, 1.6),
    "AO": (1.2, 1.2), "AA": (1.5, 0.8), "AE": (1.4, 0.8), "AH": (0.8, 0.4), "ER": (0.9, 0.8), "SIL": (1.0, 0.8),
}  # fmt: skip
_OPEN = frozenset("AE AA AH AO EH EY OW ER IH".split())
_JAW = [COLUMN[n] for n in ("jawOpen", "mouthLowerDown", "mouthUpperUp", "tongueOut")]
_ROUNDING = [COLUMN[n] for n in ("mouthFunnel", "mouthPucker", "mouthStretch", "mouthSmile", "mouthDimple")]
_LIPS = [
    COLUMN[n]
    for n in ("mouthClose", "mouthRollLower", "mouthRollUpper", "mouthPress", "mouthShrugUpper", "mouthShrugLower")
]
_JAW_SPREAD, _ROUNDING_SPREAD, _LIPS_SPREAD = 0.036, 0.048, 0.02
_RAMP = 0.055


def _pose(name: str) -> Curve:
    words = _POSES[_LIKE.get(name, name)].split()
    pose = np.zeros(len(CURVES), np.float32)
    pose[[COLUMN[n] for n in words[::2]]] = [float(v) for v in words[1::2]]
    return pose


POSES: Curve = np.stack([_pose(name) for name in CLASSES])
_PULL = np.array([_DOMINANCE.get(_LIKE.get(name, name), (1.0, 1.0)) for name in CLASSES], np.float32)


def _gaussian(seconds: float) -> Curve:
    reach = int(3 * seconds * RATE) + 1
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / (seconds * RATE)) ** 2)
    return np.asarray(kernel / kernel.sum(), np.float32)


def _blurred(curve: Curve, seconds: float) -> Curve:
    kernel = _gaussian(seconds)
    return np.convolve(np.pad(curve, len(kernel) // 2, mode="edge"), kernel, "valid")


def _gesture(ticks: int, start: float, end: float) -> Curve:
    """0..1: in full from start to end, with smooth ramps outside."""
    time = (np.arange(ticks) + 0.5) / RATE
    level = np.clip(np.minimum(time - start + _RAMP, end + _RAMP - time) / _RAMP, 0, 1)
    return np.asarray(level * level * (3 - 2 * level), np.float32)


def _contact(name: str, start: float, end: float) -> tuple[float, float]:
    """When lips meet in a labial: a stop's interval holds the release, too."""
    if name in "PB":
        return start + 0.005, max(start + 0.025, start + min((end - start) * 0.75, 0.11), start + 0.035)
    return start + 0.005, max(start + 0.025, end - 0.015)


def _tracks(segments: list[Segment], ticks: int) -> tuple[NDArray[np.int64], Curve, Curve, Curve, NDArray[np.bool_]]:
    """Per tick: class, how far a vowel opens for its length, lips together, lip at the teeth, whether it is an M."""
    ids, scale = np.zeros(ticks, np.int64), np.ones(ticks, np.float32)
    together, teeth, hum = np.zeros(ticks, np.float32), np.zeros(ticks, np.float32), np.zeros(ticks, bool)
    for start, end, name in segments:
        name = "SIL" if name == MASK else name
        first = max(0, round(start * RATE))
        last = min(ticks, max(round(end * RATE), first + 1))
        ids[first:last] = CLASS[name]
        if name in _OPEN:
            scale[first:last] = np.clip(0.72 + (end - start - 0.05) * 2.6, 0.7, 1.15)
        if name in ("P", "B", "M"):
            touch = _gesture(ticks, *_contact(name, start, end))
            together = np.maximum(together, touch)
            hum[touch >= 0.5] = name == "M"
        if name in ("F", "V"):
            teeth = np.maximum(teeth, _gesture(ticks, *_contact("F", start, end)))
    return ids, scale, together, teeth, hum


def _melted(ids: NDArray[np.int64], scale: Curve) -> Curve:
    target = POSES[ids].copy()
    target[:, COLUMN["jawOpen"]] *= scale
    jaw, rounding, even = _PULL[ids, 0], _PULL[ids, 1], np.ones(len(ids), np.float32)
    drawn = np.zeros_like(target)
    for columns, pull, seconds in (
        (_JAW, jaw, _JAW_SPREAD),
        (_ROUNDING, rounding, _ROUNDING_SPREAD),
        (_LIPS, even, _LIPS_SPREAD),
    ):
        weight = _blurred(pull, seconds)
        for column in columns:
            drawn[:, column] = _blurred(pull * target[:, column], seconds) / weight
    return drawn


def draw(segments: list[Segment], ticks: int) -> tuple[Curve, Curve, Curve]:
    """Segments → curves float32 [ticks, 15] in 0..1 at 100 Hz, lips together [ticks], lip at the teeth [ticks]."""
    ids, scale, together, teeth, hum = _tracks(segments, ticks)
    out = _melted(ids, scale)
    silent = ids == CLASS["SIL"]
    free = (1 - together) * (1 - teeth) * silent
    meeting = np.where(hum[:, None], POSES[CLASS["M"]], POSES[CLASS["P"]])
    out[:, _LIPS] = free[:, None] * out[:, _LIPS] + together[:, None] * meeting[:, _LIPS]
    _close(out, together, np.maximum(together, _blurred(silent.astype(np.float32), 0.03) * (1 - teeth)))
    _bite(out, teeth)
    return np.clip(out, 0, 1), together, teeth


def _close(out: Curve, together: Curve, shut: Curve) -> None:
    keep = {"jawOpen": 0.62, "mouthLowerDown": 1, "mouthUpperUp": 1, "mouthFunnel": 1, "tongueOut": 1}
    for name, share in (keep | {"mouthPucker": 0.3, "mouthStretch": 0.4}).items():
        out[:, COLUMN[name]] *= 1 - share * together
    out[:, COLUMN["mouthClose"]] = shut * out[:, COLUMN["jawOpen"]]


def _bite(out: Curve, teeth: Curve) -> None:
    pose: Any = POSES[CLASS["F"]]
    jaw, upper = COLUMN["jawOpen"], COLUMN["mouthUpperUp"]
    out[:, jaw] += teeth * (np.minimum(out[:, jaw], 0.12) - out[:, jaw])
    out[:, upper] += teeth * (pose[upper] - out[:, upper])
    for column in (COLUMN["mouthRollLower"], COLUMN["mouthShrugLower"]):
        out[:, column] = np.maximum(out[:, column], teeth * pose[column])
    for column in (COLUMN["mouthLowerDown"], COLUMN["mouthFunnel"]):
        out[:, column] *= 1 - 0.7 * teeth
