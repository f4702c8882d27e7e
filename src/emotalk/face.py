"""The face: the 52 ARKit blendshapes in the order of the wire, the style of a performance, and a clip of frames."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from emotalk.errors import InvalidRequest
from emotalk.timebase import timecode

ARKIT_NAMES: tuple[str, ...] = tuple(
    """browDownLeft browDownRight browInnerUp browOuterUpLeft browOuterUpRight cheekPuff cheekSquintLeft
    cheekSquintRight eyeBlinkLeft eyeBlinkRight eyeLookDownLeft eyeLookDownRight eyeLookInLeft eyeLookInRight
    eyeLookOutLeft eyeLookOutRight eyeLookUpLeft eyeLookUpRight eyeSquintLeft eyeSquintRight eyeWideLeft
    eyeWideRight jawForward jawLeft jawOpen jawRight mouthClose mouthDimpleLeft mouthDimpleRight mouthFrownLeft
    mouthFrownRight mouthFunnel mouthLeft mouthLowerDownLeft mouthLowerDownRight mouthPressLeft mouthPressRight
    mouthPucker mouthRight mouthRollLower mouthRollUpper mouthShrugLower mouthShrugUpper mouthSmileLeft
    mouthSmileRight mouthStretchLeft mouthStretchRight mouthUpperUpLeft mouthUpperUpRight noseSneerLeft
    noseSneerRight tongueOut""".split()
)
BLENDSHAPES = len(ARKIT_NAMES)
INDEX: dict[str, int] = {name: i for i, name in enumerate(ARKIT_NAMES)}

EMOTION_LEVELS = 2
PERSONS = 24

Frames = NDArray[np.float32]
"""float32 [frames, 52], a row a frame at 30 fps, columns in the order of ARKIT_NAMES."""

Pcm = NDArray[np.float32]
"""float32 [samples], 16 kHz mono in [-1, 1]."""


def no_frames() -> Frames:
    """An empty block of frames, float32 [0, 52]."""
    return np.zeros((0, BLENDSHAPES), np.float32)


@dataclass(frozen=True)
class Style:
    """Who speaks, and how: emotion level 0 (calm) or 1 (strong), person 0..23. Raises InvalidRequest."""

    emotion_level: int = 1
    person_id: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.emotion_level < EMOTION_LEVELS:
            raise InvalidRequest("emotion_level", f"{self.emotion_level} is out of range", "Use 0 (calm) or 1 (strong)")
        if not 0 <= self.person_id < PERSONS:
            raise InvalidRequest("person_id", f"{self.person_id} is out of range", f"Use 0..{PERSONS - 1}")


@dataclass(frozen=True)
class FaceClip:
    """A finished animation: frames float32 [n, 52]; frame f is shown at f / 30 s.

    `sound`: the file that is spoken, where it is known; some kinds of files name it, a film carries it.
    """

    frames: Frames
    sound: Path | None = None

    @property
    def timecodes(self) -> list[float]:
        """Seconds of each frame."""
        return [timecode(f) for f in range(len(self.frames))]
