"""Animations back from files: ours, and Live Link Face's recordings."""

import csv
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from emotalk.errors import ConfigurationError
from emotalk.export import livelink
from emotalk.export.formats import check_extra, suffix_of
from emotalk.face import ARKIT_NAMES, BLENDSHAPES, HEAD_NAMES, FaceClip, Frames
from emotalk.timebase import FPS


def load(path: Path) -> FaceClip:
    """Read an animation. Raises ConfigurationError naming the file, FileNotFoundError."""
    suffix = suffix_of(path, READABLE)
    if suffix is None:
        raise ConfigurationError(f"clip: '{path.name}' has no known suffix. Use one of {', '.join(READABLE)}.")
    check_extra("clip", suffix)
    try:
        clip = _READERS[suffix](path)
    except (ValueError, KeyError, IndexError, TypeError, EOFError, csv.Error, BadZipFile) as error:
        raise ConfigurationError(
            f"clip: '{path}' is not an animation of that kind: {error}. Export it again."
        ) from error
    head = None if clip.head is None else _checked(path, clip.head, len(HEAD_NAMES))
    return FaceClip(_checked(path, clip.frames), head=head)


def _checked(path: Path, frames: Frames, columns: int = BLENDSHAPES) -> Frames:
    if frames.ndim != 2 or frames.shape[1] != columns or not len(frames):
        raise ConfigurationError(f"clip: '{path}' has the shape {frames.shape} where [frames, {columns}] is due.")
    if not np.isfinite(frames).all():
        raise ConfigurationError(f"clip: '{path}' has values that are not numbers. Export it again.")
    return frames.astype(np.float32)


def _clip(frames: Any, head: Any = None) -> FaceClip:
    return FaceClip(np.asarray(frames, np.float32), head=None if head is None else np.asarray(head, np.float32))


def _npy(path: Path) -> FaceClip:
    return _clip(np.load(path, allow_pickle=False))


def _npz(path: Path) -> FaceClip:
    with np.load(path, allow_pickle=False) as arrays:
        return _clip(arrays["frames"], arrays.get("head", None))


def _csv(path: Path) -> FaceClip:
    """Ours, or Live Link Face's under a plain name: the head says which."""
    head, rows = _table(path)
    return _ours(head, rows) if head[0] == "timecode" else _recording(head, rows)


def _livelink(path: Path) -> FaceClip:
    return _recording(*_table(path))


def _json(path: Path) -> FaceClip:
    document = json.loads(path.read_text(encoding="utf-8"))
    if list(document["names"]) != list(ARKIT_NAMES) or document["fps"] != FPS:
        raise ValueError("its names or its frame rate are others")
    heads = [
        [frame["head"][axis] for axis in ("yaw", "pitch", "roll")] for frame in document["frames"] if "head" in frame
    ]
    return _clip([frame["blendshapes"] for frame in document["frames"]], heads or None)


def _parquet(path: Path) -> FaceClip:
    from pyarrow import parquet as files

    table = files.read_table(path)
    names = ARKIT_NAMES + (HEAD_NAMES if HEAD_NAMES[0] in table.column_names else ())
    return FaceClip.of([np.stack([table[name].to_numpy() for name in names], axis=1)])


def _table(path: Path) -> tuple[list[str], list[list[str]]]:
    with path.open(newline="", encoding="utf-8-sig") as file:
        head, *rows = csv.reader(file)
    return head, [row for row in rows if row]


def _ours(head: list[str], rows: list[list[str]]) -> FaceClip:
    if head[1:] not in (list(ARKIT_NAMES), [*ARKIT_NAMES, *HEAD_NAMES]):
        raise ValueError("its columns are not timecode, the 52 blendshapes and, if any, the head's three")
    return FaceClip.of([np.array([row[1:] for row in rows], np.float32)])


def _recording(head: list[str], rows: list[list[str]]) -> FaceClip:
    """A phone records at 60 or with gaps; what is shown at each thirtieth of a second is interpolated."""
    where = {livelink.arkit(name): i for i, name in enumerate(head)}
    if missing := [name for name in ARKIT_NAMES if name not in where]:
        raise ValueError(f"it has no column {missing[0]}")
    values = np.array([[row[where[name]] for name in ARKIT_NAMES] for row in rows], np.float32)
    turns = [where[name] for name in map(livelink.arkit, livelink.ROTATIONS[:3]) if name in where]
    angles = np.array([[row[i] for i in turns] for row in rows], np.float32)
    if angles.any():  # in radians, and its pitch is positive up
        values = np.concatenate([values, np.degrees(angles) * np.array([1, -1, 1], np.float32)], axis=1)
    times = _seconds([row[where["timecode"]] for row in rows])
    if np.any(np.diff(times) <= 0):
        raise ValueError("its timecodes do not rise")
    due = np.arange(round(float(times[-1]) * FPS) + 1) / FPS
    return FaceClip.of([np.stack([np.interp(due, times, column) for column in values.T], axis=1).astype(np.float32)])


_TIMECODE = re.compile(r"(\d+):(\d\d):(\d\d)[:;](\d\d)(\.\d+)?")


def _seconds(timecodes: list[str]) -> NDArray[np.float64]:
    """Seconds since the first row; the count of frames in a second, 30 or 60, shows in the frames themselves."""
    fields = [match.groups(default="0") for text in timecodes if (match := _TIMECODE.fullmatch(text))]
    if len(fields) != len(timecodes) or not fields:
        raise ValueError("its timecodes are not HH:MM:SS:FF")
    hours, minutes, seconds, frames, fraction = np.array(fields, np.float64).T
    rate = 60 if frames.max() >= FPS else FPS
    times = hours * 3600 + minutes * 60 + seconds + (frames + fraction) / rate
    return np.asarray(times - times[0], np.float64)


_READERS: dict[str, Callable[[Path], FaceClip]] = {
    ".npy": _npy,
    ".csv": _csv,
    ".json": _json,
    ".npz": _npz,
    ".livelink.csv": _livelink,
    ".parquet": _parquet,
}
READABLE = tuple(_READERS)
