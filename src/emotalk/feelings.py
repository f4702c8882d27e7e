"""The feelings by name, how a caller says them, and how they are said back."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emotalk.errors import InvalidRequest
from emotalk.timebase import STEP_FRAMES

FEELINGS = (
    "amazement", "anger", "cheekiness", "disgust", "fear", "grief", "joy", "outofbreath", "pain", "sadness"
)  # fmt: skip
"""What a face can show: the names that Audio2Face users send."""
HEARD = ("anger", "fear", "joy", "neutral", "sadness")
"""What the ear tells apart."""
MANNERS = ("shy", "bold")
"""How sure the ear must be: shy (auto) names a feeling later and is less often wrong."""
TRACK_WIDTH = 1 + len(HEARD) + len(FEELINGS)
MOST_KEYS = 4096

_MEANT = f"Use auto, {', '.join(MANNERS)}, off, or NAME[=0..1] with NAME one of {', '.join(FEELINGS)}"


@dataclass(frozen=True)
class EmotionKey:
    """From `time` (seconds) on, or on the way to the next key: name → 0..1; a feeling that is not named is 0."""

    time: float = 0.0
    strengths: dict[str, float] = field(default_factory=dict)

    def row(self) -> NDArray[np.float64]:
        """The strengths of FEELINGS [10]."""
        return np.array([self.strengths.get(name, 0.0) for name in FEELINGS])


@dataclass(frozen=True)
class Meant:
    """What `emotion` says. `manner` of the ear; "": it does not listen. `asked`: by the caller, not by default."""

    manner: str = ""
    asked: bool = False
    strengths: Mapping[str, float] = field(default_factory=dict)


def meaning(emotion: str) -> Meant:
    """auto, shy, bold, off or NAME[=STRENGTH]; "" is auto where the engine draws no feelings. Raises InvalidRequest."""
    if emotion in ("", "auto", *MANNERS):
        return Meant(emotion if emotion in MANNERS else MANNERS[0], bool(emotion))
    if emotion == "off":
        return Meant(asked=True)
    name, _, strength = emotion.partition("=")
    try:
        strengths = {name: float(strength or 1)}
    except ValueError as error:
        raise InvalidRequest("emotion", f"{emotion[:60]!r} cannot be read", _MEANT) from error
    check_strengths(strengths, "emotion", _MEANT)
    return Meant(asked=True, strengths=strengths)


def check_keys(keys: tuple[EmotionKey, ...]) -> None:
    """Raise InvalidRequest for a time that does not rise, an unknown name, a strength out of range."""
    if len(keys) > MOST_KEYS:
        raise InvalidRequest("emotions", f"{len(keys)} keys are too many", f"Send up to {MOST_KEYS}")
    before = -math.inf
    for key in keys:
        if not (math.isfinite(key.time) and key.time >= 0):
            raise InvalidRequest("emotions", f"time {key.time:g} is out of range", "Use seconds from 0 on")
        if key.time <= before:
            problem = f"time {key.time:g} does not come after {before:g}"
            raise InvalidRequest("emotions", problem, "Sort the keys by time, one key a time")
        check_strengths(key.strengths, "emotions", f"Use {', '.join(FEELINGS)}, each 0..1")
        before = key.time


def check_strengths(strengths: Mapping[str, float], parameter: str, fix: str) -> None:
    """Raise InvalidRequest for an unknown name or a strength out of range."""
    for name, strength in strengths.items():
        if name not in FEELINGS:
            raise InvalidRequest(parameter, f"{name[:60]!r} is unknown", fix)
        if not 0 <= strength <= 1:
            raise InvalidRequest(parameter, f"{name}={strength:g} is out of range", fix)


def read_keys(value: Any) -> tuple[EmotionKey, ...]:
    """JSON, as text or parsed: [{"time": 0, "joy": 0.8}, …] → keys. Raises InvalidRequest."""
    fix = 'Send [{"time": 0, "joy": 0.8}, {"time": 2.5, "joy": 0, "anger": 0.6}]'
    try:
        rows = json.loads(value) if isinstance(value, str | bytes) else value
        keys = tuple(_key(row) for row in rows)
    except (ValueError, TypeError, AttributeError, KeyError, OverflowError, RecursionError) as error:
        raise InvalidRequest("emotions", "is not a list of key frames", fix) from error
    check_keys(keys)
    return keys


def _key(row: Any) -> EmotionKey:
    """A mapping with `time`; feelings beside it, or within `strengths`."""
    if isinstance(row, EmotionKey):
        return row
    given = {name: value for name, value in row.items() if name not in ("time", "strengths")} | row.get("strengths", {})
    numbers = [row["time"], *given.values()]
    if any(isinstance(number, bool) or not isinstance(number, int | float) for number in numbers):
        raise TypeError
    return EmotionKey(float(row["time"]), {name: float(value) for name, value in given.items()})


@dataclass(frozen=True, eq=False)
class FeelingTrack:
    """Ten times a second, from step `first` on: float32 [n, 16], activation, HEARD, and what is drawn of FEELINGS.

    Step s is of the frames 3 s … 3 s + 2.
    """

    first: int = 0
    rows: NDArray[np.float32] = field(default_factory=lambda: np.zeros((0, TRACK_WIDTH), np.float32))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, FeelingTrack) and np.array_equal(self.rows, other.rows)

    def __hash__(self) -> int:
        return hash((self.first, len(self.rows)))

    def of_frames(self, start: int, stop: int) -> "FeelingTrack":
        """The steps that begin in the frames start … stop - 1."""
        first, last = (min(max(-(-frame // STEP_FRAMES), self.first), self.end) for frame in (start, stop))
        return FeelingTrack(first, self.rows[first - self.first : last - self.first])

    def pack(self) -> bytes:
        """The rows, little-endian."""
        return self.rows.astype("<f4").tobytes()

    @classmethod
    def unpack(cls, first: int, data: bytes) -> "FeelingTrack":
        """Rows that were packed, from step `first` on. Raises ValueError for a row that is not whole."""
        return cls(first, np.frombuffer(data, "<f4").reshape(-1, TRACK_WIDTH).astype(np.float32))

    @property
    def end(self) -> int:
        """The step after the last."""
        return self.first + len(self.rows)

    def document(self) -> dict[str, Any]:
        """As JSON."""
        activation, probabilities, drawn = np.split(self.rows.astype(float).round(4), [1, 1 + len(HEARD)], axis=1)
        return {
            "rate": 10,
            "activation": activation[:, 0].tolist(),
            "names": list(HEARD),
            "probabilities": probabilities.tolist(),
            "drawn_names": list(FEELINGS),
            "drawn": drawn.tolist(),
        }


def join_tracks(tracks: list[FeelingTrack]) -> FeelingTrack:
    """Tracks in their order as one."""
    known = [track for track in tracks if len(track.rows)]
    return FeelingTrack(known[0].first, np.concatenate([track.rows for track in known])) if known else FeelingTrack()
