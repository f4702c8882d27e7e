"""The face: the 52 ARKit blendshapes in the order of the wire, the style of a performance, and a clip of frames."""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from emotalk.errors import InvalidRequest
from emotalk.feelings import FeelingTrack, join_tracks
from emotalk.timebase import FPS, timecode

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

SILENT = ("sil", "viseme_0")
"""Names of visemes that a face at rest shows."""

EMOTION_LEVELS = 2
PERSONS = 24

Frames = NDArray[np.float32]
"""float32 [frames, 52], a row a frame at 30 fps, columns in the order of ARKIT_NAMES.

On its way from the pipeline to the wire [frames, 55] where the head was asked for: its HEAD_NAMES stand behind them.
"""

HEAD_NAMES = ("headYaw", "headPitch", "headRoll")
"""The turn of the head in degrees; rest is 0. About +y, +x and +z of a head that looks along +z with +y up and its left
at +x, so positive is: to its own left, down, to its own right shoulder. Roll is done first, then pitch, then yaw."""

Turns = NDArray[np.float32]
"""float32 [frames, 3], columns in the order of HEAD_NAMES."""

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


def split_head(frames: Frames) -> tuple[Frames, Turns | None]:
    """The 52 columns, and the head's three where they stand behind them."""
    return frames[:, :BLENDSHAPES], frames[:, BLENDSHAPES:] if frames.shape[1] > BLENDSHAPES else None


@dataclass(frozen=True)
class FaceClip:
    """A finished animation: frames float32 [n, 52]; frame f is shown at f / 30 s.

    `sound`: the file that is spoken, where it is known; some kinds of files name it, a film carries it. `head`: how the
    head turns, float32 [n, 3], where that was asked for. `feelings`: what was heard and drawn; empty where nothing was.
    Curves in another form have other `fps` and other `names` of the columns.
    """

    frames: Frames
    sound: Path | None = None
    head: Turns | None = None
    fps: Fraction = Fraction(FPS)
    names: tuple[str, ...] = ARKIT_NAMES
    feelings: FeelingTrack = field(default_factory=FeelingTrack)

    @classmethod
    def of(
        cls, pieces: Sequence[Frames], sound: Path | None = None, feelings: Iterable[FeelingTrack] = ()
    ) -> "FaceClip":
        """A clip of pieces [n, 52] or [n, 55], one after the other, and of what was felt in each."""
        frames, head = split_head(np.concatenate(pieces))
        return cls(frames, sound, head, feelings=join_tracks(list(feelings)))

    @property
    def title(self) -> str:
        """The name of the sound's file, as text: what is not UTF-8 in it is replaced."""
        return os.fsencode(self.sound.name).decode("utf-8", "replace") if self.sound else ""

    @property
    def length(self) -> str:
        """In words."""
        return f"{len(self.frames)} frames at {round(float(self.fps), 2):g} fps"

    @property
    def neutral(self) -> Frames:
        """float32 [columns]: a face at rest. A viseme for silence is 1 there, all else 0."""
        return np.array([name in SILENT for name in self.names], np.float32)

    @property
    def timecodes(self) -> list[float]:
        """Seconds of each frame."""
        return [timecode(f, self.fps) for f in range(len(self.frames))]
