"""Live Link Face's recording: the columns and time codes that Unreal and the Blender add-ons read.

The field behind the seconds counts sixtieths of a second, with a fraction, at whatever rate was recorded: Epic's
importer and the add-ons divide it by 60. So 30 fps are 00, 02 … 58. What other programs wrote, in frames of their own
rate, is read too.
"""

import csv
import math
import re
from collections import Counter
from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from emotalk.face import ARKIT_NAMES, INDEX, FaceClip

_EYE = "EyeBlink EyeLookDown EyeLookIn EyeLookOut EyeLookUp EyeSquint EyeWide"
COLUMNS: tuple[str, ...] = (
    *(f"{name}Left" for name in _EYE.split()),
    *(f"{name}Right" for name in _EYE.split()),
    *"""JawForward JawRight JawLeft JawOpen MouthClose MouthFunnel MouthPucker MouthRight MouthLeft MouthSmileLeft
    MouthSmileRight MouthFrownLeft MouthFrownRight MouthDimpleLeft MouthDimpleRight MouthStretchLeft MouthStretchRight
    MouthRollLower MouthRollUpper MouthShrugLower MouthShrugUpper MouthPressLeft MouthPressRight MouthLowerDownLeft
    MouthLowerDownRight MouthUpperUpLeft MouthUpperUpRight BrowDownLeft BrowDownRight BrowInnerUp BrowOuterUpLeft
    BrowOuterUpRight CheekPuff CheekSquintLeft CheekSquintRight NoseSneerLeft NoseSneerRight TongueOut""".split(),
)
"""The 52 shapes in the order in which the app writes them."""

ROTATIONS = ("HeadYaw", "HeadPitch", "HeadRoll", *(f"{side}Eye{axis}" for side in ("Left", "Right") for axis in
             ("Yaw", "Pitch", "Roll")))  # fmt: skip
"""What the app records beside them, in radians: positive is up, to its own left, to its right shoulder."""
EYE_REACH = 30.0
"""Degrees that an eye has turned where its eyeLook* is 1."""

COUNT = len(COLUMNS) + len(ROTATIONS)

SIXTIETHS = 60
_COUNTS = (15, 24, 25, 30, 48, 50, SIXTIETHS, 100, 120, 240)
"""How many frames a second a time code may count."""
DAY = 86_400
_TIMECODE = re.compile(r"(\d{1,2}):(\d\d):(\d\d)([:;.])(\d{1,3}(?:\.\d+)?)")


def to_arkit(column: str) -> str:
    """'JawOpen' → 'jawOpen', the name in ARKIT_NAMES."""
    return column[0].lower() + column[1:]


def to_smpte(frame: int, fps: Fraction) -> str:
    """Frame → HH:MM:SS:FF.sss, FF in sixtieths of a second."""
    thousandths = round(frame * SIXTIETHS * 1000 / fps)
    sixtieths, fraction = divmod(thousandths, 1000)
    seconds, rest = divmod(sixtieths, SIXTIETHS)
    minutes, second = divmod(seconds, 60)
    return f"{minutes // 60:02}:{minutes % 60:02}:{second:02}:{rest:02}.{fraction:03}"


def write(clip: FaceClip, path: Path) -> None:
    """`Timecode,BlendShapeCount,EyeBlinkLeft,…,TongueOut,HeadYaw,…,RightEyeRoll`; a row a frame."""
    order = [INDEX[to_arkit(column)] for column in COLUMNS]
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("Timecode", "BlendShapeCount", *COLUMNS, *ROTATIONS))
        for frame, row in enumerate(clip.frames.tolist()):
            turns = ["0"] * len(ROTATIONS)
            if clip.head is not None:
                turns = [f"{value:.10f}" for value in rotations(row, clip.head[frame].tolist())]
            writer.writerow((to_smpte(frame, clip.fps), COUNT, *(f"{row[i]:.10f}" for i in order), *turns))


def rotations(values: Sequence[float], head: Sequence[float]) -> list[float]:
    """ROTATIONS of one frame of 52 values whose head turns by yaw, pitch and roll in degrees."""
    yaw, pitch, roll = head
    left, right = (gaze(values, side) for side in ("Left", "Right"))
    turns = yaw, -pitch, roll, left[0], -left[1], 0.0, right[0], -right[1], 0.0
    return [math.radians(degrees) for degrees in turns]


def gaze(values: Sequence[float], side: str) -> tuple[float, float]:
    """Degrees by which an eye looks to its owner's left, and down."""

    def look(way: str) -> float:
        return EYE_REACH * values[INDEX[f"eyeLook{way}{side}"]]

    outward = look("Out") - look("In")
    return outward if side == "Left" else -outward, look("Down") - look("Up")


def columns(head: Sequence[str]) -> list[int]:
    """Where a recording has the 52 shapes, in the order of ARKIT_NAMES. Raises ValueError naming what is missing."""
    where = {name.strip().lower(): i for i, name in enumerate(head)}
    if missing := [name for name in ("timecode", *map(str.lower, ARKIT_NAMES)) if name not in where]:
        raise ValueError(f"it has no column {to_arkit(_spell(missing[0]))}")
    return [where[name.lower()] for name in ARKIT_NAMES]


def _spell(lower: str) -> str:
    return next((name for name in ARKIT_NAMES if name.lower() == lower), lower)


def to_seconds(timecodes: Sequence[str]) -> NDArray[np.float64]:
    """Seconds since the first of a recording's time codes, past midnight too. Raises ValueError for other texts.

    How many frames a second they count is seen where one second ends and the next begins; a recording within one second
    counts sixtieths, as phones do. Behind a semicolon they are drop-frame names of 29.97 or 59.94 fps.
    """
    found = [_TIMECODE.fullmatch(text.strip()) for text in timecodes]
    fields = [match.groups() for match in found if match]
    if len(fields) != len(timecodes) or not fields:
        raise ValueError("its timecodes are not HH:MM:SS:FF")
    hours, minutes, second = np.array([row[:3] for row in fields], np.int64).T
    frames = np.array([row[4] for row in fields], np.float64)
    whole = hours * 3600 + minutes * 60 + second
    whole += DAY * np.cumsum(np.diff(whole, prepend=whole[0]) < -DAY // 2)
    count = _guess_frame_rate(whole.tolist(), frames.tolist())
    if any(row[3] == ";" for row in fields):
        passed = whole // 60
        dropped = max(1, count // 15) * (passed - passed // 10)
        times = (whole * count + frames - dropped) * 1001 / (count * 1000)
    else:
        times = whole + frames / count
    return np.asarray(times - times[0], np.float64)


def _guess_frame_rate(whole: Sequence[int], frames: Sequence[float]) -> int:
    """The usual count that fits best: the number after a second's last frame, less the first one of the next."""
    rows = list(pairwise(zip(whole, frames, strict=True)))
    steps = Counter(round(b - a, 3) for (one, a), (other, b) in rows if one == other and b > a)
    step = min(steps, key=lambda size: (-steps[size], size)) if steps else 1.0
    ends = Counter(round(a + step - b) for (one, a), (other, b) in rows if other == one + 1)
    seen = max(ends, key=lambda size: (ends[size], size)) if ends else SIXTIETHS
    fitting = [count for count in _COUNTS if count > max(frames)] or [1000]
    return min(fitting, key=lambda count: abs(count - seen))
