"""Live Link Face's recording: the columns and the SMPTE timecode that Unreal and the Blender add-ons read."""

import csv
import math
from collections.abc import Sequence
from pathlib import Path

from emotalk.face import INDEX, FaceClip
from emotalk.timebase import FPS

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


def arkit(column: str) -> str:
    """'JawOpen' → 'jawOpen', the name in ARKIT_NAMES."""
    return column[0].lower() + column[1:]


def smpte(frame: int) -> str:
    """Frame → HH:MM:SS:FF.sss at 30 frames a second, none dropped; the fraction of a frame is always 0."""
    seconds, rest = divmod(frame, FPS)
    minutes, second = divmod(seconds, 60)
    hour, minute = divmod(minutes, 60)
    return f"{hour:02}:{minute:02}:{second:02}:{rest:02}.000"


def write(clip: FaceClip, path: Path) -> None:
    """`Timecode,BlendshapeCount,EyeBlinkLeft,…,TongueOut,HeadYaw,…,RightEyeRoll`; a row a frame."""
    order = [INDEX[arkit(column)] for column in COLUMNS]
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("Timecode", "BlendshapeCount", *COLUMNS, *ROTATIONS))
        for frame, row in enumerate(clip.frames.tolist()):
            turns = ["0"] * len(ROTATIONS)
            if clip.head is not None:
                turns = [f"{value:.10f}" for value in rotations(row, clip.head[frame].tolist())]
            writer.writerow((smpte(frame), COUNT, *(f"{row[i]:.10f}" for i in order), *turns))


def rotations(values: Sequence[float], head: Sequence[float]) -> list[float]:
    """ROTATIONS of one frame of 52 values whose head turns by yaw, pitch and roll in degrees."""

    def look(way: str, side: str) -> float:
        return EYE_REACH * values[INDEX[f"eyeLook{way}{side}"]]

    yaw, pitch, roll = head
    left = look("Out", "Left") - look("In", "Left"), look("Up", "Left") - look("Down", "Left"), 0.0
    right = look("In", "Right") - look("Out", "Right"), look("Up", "Right") - look("Down", "Right"), 0.0
    return [math.radians(degrees) for degrees in (yaw, -pitch, roll, *left, *right)]
