"""Animations back from files: ours, and Live Link Face's recordings."""

import csv
import json
import re
from collections.abc import Callable
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from emotalk.errors import ConfigurationError
from emotalk.export import livelink
from emotalk.export.formats import check_extra, suffix_of
from emotalk.face import ARKIT_NAMES, BLENDSHAPES, FaceClip, Frames
from emotalk.timebase import FPS


def load(path: Path) -> FaceClip:
    """Read an animation. Raises ConfigurationError naming the file, FileNotFoundError."""
    suffix = suffix_of(path, READABLE)
    if suffix is None:
        raise ConfigurationError(f"clip: '{path.name}' has no known suffix. Use one of {', '.join(READABLE)}.")
    check_extra("clip", suffix)
    try:
        frames = _READERS[suffix](path)
    except (ValueError, KeyError, IndexError, TypeError, EOFError, csv.Error, BadZipFile) as error:
        raise ConfigurationError(f"clip: '{path}' is no animation of that kind: {error}. Export it again.") from error
    return FaceClip(_checked(path, frames))


def _checked(path: Path, frames: Frames) -> Frames:
    if frames.ndim != 2 or frames.shape[1] != BLENDSHAPES or not len(frames):
        raise ConfigurationError(f"clip: '{path}' has the shape {frames.shape} where [frames, 52] is due.")
    if not np.isfinite(frames).all():
        raise ConfigurationError(f"clip: '{path}' has values that are no numbers. Export it again.")
    return frames.astype(np.float32)


def _npy(path: Path) -> Frames:
    return np.asarray(np.load(path, allow_pickle=False), np.float32)


def _npz(path: Path) -> Frames:
    with np.load(path, allow_pickle=False) as arrays:
        return np.asarray(arrays["frames"], np.float32)


def _csv(path: Path) -> Frames:
    """Ours, or Live Link Face's under a plain name: the head says which."""
    head, rows = _table(path)
    return _ours(head, rows) if head[0] == "timecode" else _recording(head, rows)


def _livelink(path: Path) -> Frames:
    return _recording(*_table(path))


def _json(path: Path) -> Frames:
    document = json.loads(path.read_text(encoding="utf-8"))
    if list(document["names"]) != list(ARKIT_NAMES) or document["fps"] != FPS:
        raise ValueError("its names or its frame rate are others")
    return np.array([frame["blendshapes"] for frame in document["frames"]], np.float32)


def _parquet(path: Path) -> Frames:
    from pyarrow import parquet as files

    table = files.read_table(path, columns=list(ARKIT_NAMES))
    return np.stack([table[name].to_numpy() for name in ARKIT_NAMES], axis=1)


def _table(path: Path) -> tuple[list[str], list[list[str]]]:
    with path.open(newline="", encoding="utf-8-sig") as file:
        head, *rows = csv.reader(file)
    return head, [row for row in rows if row]


def _ours(head: list[str], rows: list[list[str]]) -> Frames:
    if head[1:] != list(ARKIT_NAMES):
        raise ValueError("its columns are not timecode and the 52 blendshapes")
    return np.array([row[1:] for row in rows], np.float32)


def _recording(head: list[str], rows: list[list[str]]) -> Frames:
    """A phone records at 60 or with gaps; what is shown at each thirtieth of a second is interpolated."""
    where = {livelink.arkit(name): i for i, name in enumerate(head)}
    if missing := [name for name in ARKIT_NAMES if name not in where]:
        raise ValueError(f"it has no column {missing[0]}")
    values = np.array([[row[where[name]] for name in ARKIT_NAMES] for row in rows], np.float32)
    times = _seconds([row[where["timecode"]] for row in rows])
    if np.any(np.diff(times) <= 0):
        raise ValueError("its timecodes do not rise")
    due = np.arange(round(float(times[-1]) * FPS) + 1) / FPS
    return np.stack([np.interp(due, times, column) for column in values.T], axis=1).astype(np.float32)


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


_READERS: dict[str, Callable[[Path], Frames]] = {
    ".npy": _npy,
    ".csv": _csv,
    ".json": _json,
    ".npz": _npz,
    ".livelink.csv": _livelink,
    ".parquet": _parquet,
}
READABLE = tuple(_READERS)
