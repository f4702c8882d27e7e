"""What a face does for each feeling: action units of the EMFACS prototypes, as offsets on what speech does.

Weights are those at strength 1. Nothing here rounds, rolls or shuts the lips. What could part them (a raised upper lip,
stretched corners, a wrinkled nose) yields where speech lets them meet, what holds them shut where they open, and what
could widen them where it rounds them.

Why so: docs/decisions/0042 and docs/decisions/0046.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from emotalk.expression.head import LIMIT
from emotalk.face import BLENDSHAPES, INDEX, Frames
from emotalk.feelings import FEELINGS

_SAD = {"browInnerUp": 0.40, "browDown": 0.08, "mouthFrown": 0.25, "eyeBlink": 0.10, "eyeLookDown": 0.08}

SIGNS: Mapping[str, Mapping[str, float]] = {
    "amazement": {"browInnerUp": 0.40, "browOuterUp": 0.40, "eyeWide": 0.30},
    "anger": {"browDown": 0.45, "eyeSquint": 0.20, "eyeWide": 0.08, "noseSneer": 0.15, "mouthFrown": 0.10},
    "cheekiness": {"mouthSmileLeft": 0.30, "mouthDimpleLeft": 0.15, "browOuterUpRight": 0.20, "cheekSquintLeft": 0.15},
    "disgust": {"noseSneer": 0.35, "mouthUpperUp": 0.05, "mouthFrown": 0.20, "browDown": 0.06, "eyeSquint": 0.10},
    "fear": {"browInnerUp": 0.35, "browOuterUp": 0.15, "browDown": 0.22, "eyeWide": 0.30, "mouthStretch": 0.14},
    "grief": {name: 1.25 * weight for name, weight in _SAD.items()},
    "joy": {"mouthSmile": 0.30, "cheekSquint": 0.35, "eyeSquint": 0.10, "browInnerUp": 0.05, "mouthDimple": 0.05},
    "outofbreath": {"browInnerUp": 0.10, "noseSneer": 0.05},
    "pain": {"browDown": 0.35, "cheekSquint": 0.30, "eyeSquint": 0.35, "noseSneer": 0.20, "mouthStretch": 0.10},
    "sadness": _SAD,
}
IN_PAUSES: Mapping[str, Mapping[str, float]] = {
    "amazement": {"jawOpen": 0.03},
    "anger": {"mouthPress": 0.10},
    "grief": {"mouthShrugLower": 0.05},
    "outofbreath": {"jawOpen": 0.03},
    "sadness": {"mouthShrugLower": 0.04},
}
"""What is only drawn while nobody speaks."""
STIRRED: Mapping[str, float] = {"eyeWide": 0.10}
"""Of a stirred voice whose feeling nobody knows."""

CORNERS_LIMIT = 0.6


def _both(*names: str) -> NDArray[np.int64]:
    """Columns of what is on either side."""
    return np.array([INDEX[f"{name}{side}"] for name in names for side in ("Left", "Right")])


_CORNERS = _both("mouthSmile", "mouthFrown")
_PARTING = _both("mouthUpperUp", "mouthStretch", "noseSneer")
"""A wrinkled nose lifts the upper lip: .35 of it cost a sixth of the lips that meet."""
_WIDENING = _both("mouthSmile", "mouthDimple", "mouthStretch", "mouthFrown")
_ROUND = np.array([INDEX["mouthFunnel"], INDEX["mouthPucker"]])
_ROUNDED = 0.3
"""Lips that speech rounds so far are not widened: a smile of .30 cost .065 of the width's r beside filmed people."""
_LIVELY = np.array([i for name, i in INDEX.items() if name.startswith(("brow", "eyeWide"))])
_LIVELIER = 0.5
_CHEEKS, _PRESS = _both("cheekSquint"), _both("mouthPress")
_PRESSED = np.float32(0.12)
"""A raised cheek lifts the upper lip a little: where lips meet, so much of it presses them together again."""
_CLOSING = np.concatenate([_PRESS, [INDEX["mouthShrugLower"]]])
"""What holds lips shut yields where they open."""
_TOGETHER, _PARTED = np.float32(0.08), np.float32(0.25)
"""Lips that speech parts less than this count as together; those that it parts so far are free."""


def row(signs: Mapping[str, float]) -> NDArray[np.float32]:
    """Weights by name, a name without a side standing for both, as float32 [52]."""
    columns = np.zeros(BLENDSHAPES, np.float32)
    for name, weight in signs.items():
        for column in (name, f"{name}Left", f"{name}Right"):
            if column in INDEX:
                columns[INDEX[column]] += np.float32(weight)
    return columns


_SAD_ONES = np.array([FEELINGS.index(name) for name in ("sadness", "grief")])
_BOWED, _SLOWED = np.array([5, 7], np.float32), np.float32(0.4)
"""Degrees by which a head hangs at strength 1, and the share by which it moves less, so more slowly."""


_SPOKEN, _PAUSED = (np.stack([row(table.get(name, {})) for name in FEELINGS]) for table in (SIGNS, IN_PAUSES))
_STIRRED = row(STIRRED)


_YIELDS = row(dict.fromkeys(("browDown", "eyeSquint", "mouthSmile"), 1))
_LEVEL, _ASIDE = np.float32(0.05), np.float32(5)
"""Calm speech is drawn with less activation than this. And a feeling pushes aside so many times its strength."""
_AGAINST = _YIELDS * (_SPOKEN == 0)


def kept(strengths: NDArray[np.float32], stirred: NDArray[np.float32]) -> Frames:
    """How much stays of what is drawn by chance: 0..1 [n, 52], of strengths [n, 10] and drawn activation [n].

    Else an angry face would smile at times, and a joyful one lower its brows. What a feeling draws itself it lets be.
    """
    pushed: Frames = np.maximum(strengths @ _AGAINST, np.maximum(stirred - _LEVEL, 0)[:, None] * _YIELDS)
    stays: Frames = 1 - np.minimum(_ASIDE * pushed, 1)
    return stays


def draw(
    face: Frames, strengths: NDArray[np.float32], stirred: NDArray[np.float32], paused: NDArray[np.float32]
) -> Frames:
    """Add to a face [n, 52]: strengths of FEELINGS [n, 10], activation that is drawn [n], how far nobody speaks [n]."""
    offsets = stirred[:, None] * _STIRRED
    if strengths.any():
        offsets += _add_named(face, strengths, paused)
    offsets[:, _LIVELY] += face[:, _LIVELY] * (_LIVELIER * stirred[:, None])
    # An engine's raw face may leave the range: what is not drawn on stays as it is.
    drawn: Frames = np.where(offsets, _clamp(face + offsets, 0, 1), face)
    return drawn


def _add_named(face: Frames, strengths: NDArray[np.float32], paused: NDArray[np.float32]) -> Frames:
    """What the feelings add, as far as the lips leave room: [n, 52]."""
    offsets, free = strengths @ _SPOKEN, _free(face)[:, None]
    offsets[:, _PARTING] *= free
    offsets[:, _WIDENING] *= 1 - np.minimum(face[:, _ROUND].sum(1, keepdims=True) / np.float32(_ROUNDED), 1)
    offsets += (strengths @ _PAUSED) * paused[:, None]
    offsets[:, _PRESS] += _PRESSED * offsets[:, _CHEEKS]
    offsets[:, _CLOSING] *= 1 - free
    room = np.maximum(np.float32(CORNERS_LIMIT) - face[:, _CORNERS], 0)
    offsets[:, _CORNERS] = np.minimum(offsets[:, _CORNERS], room)
    return offsets


def bow(motion: NDArray[np.float32], strengths: NDArray[np.float32]) -> NDArray[np.float32]:
    """A head that turns, [n, 4] as in `Moment.motion`, hangs and moves less where it is sad: strengths [n, 10]."""
    sad = strengths[:, _SAD_ONES]
    if not sad.any():
        return motion
    bowed = motion.copy()
    bowed[:, :3] *= 1 - _SLOWED * np.minimum(sad.sum(1, keepdims=True), 1)
    bowed[:, 1] = _clamp(bowed[:, 1] + sad @ _BOWED, -LIMIT, LIMIT)
    return bowed


def _free(face: Frames) -> NDArray[np.float32]:
    """0 where lips meet, 1 where they are well apart, [n]."""
    gap = face[:, INDEX["jawOpen"]] - face[:, INDEX["mouthClose"]]
    return _clamp((gap - _TOGETHER) / (_PARTED - _TOGETHER), 0, 1)


def _clamp(values: NDArray[np.float32], least: float, most: float) -> NDArray[np.float32]:
    """Not np.clip: of a few values it takes several times as long."""
    return np.minimum(np.maximum(values, least), most)
