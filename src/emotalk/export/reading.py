"""Animations back from files: ours, and Live Link Face's recordings."""

import csv
import json
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from emotalk.errors import ConfigurationError
from emotalk.export import livelink
from emotalk.export.formats import check_extra, suffix_of
from emotalk.export.resampling import interpolate, interpolate_faces
from emotalk.face import ARKIT_NAMES, BLENDSHAPES, HEAD_NAMES, FaceClip, Frames
from emotalk.timebase import FPS, RATES


def load(path: Path) -> FaceClip:
    """Read an animation at its own rate; a phone's recording becomes 30 fps.

    Raises ConfigurationError naming the file, OSError where it cannot be opened.
    """
    suffix = suffix_of(path, READABLE)
    if suffix is None:
        raise ConfigurationError(f"clip: '{path.name}' has no known suffix. Use one of {', '.join(READABLE)}.")
    check_extra("clip", suffix)
    path.open("rb").close()
    try:
        clip = _READERS[suffix](path)
    except Exception as error:  # each reader has words of its own for bytes that are not of its kind
        raise ConfigurationError(
            f"clip: '{path}' is not an animation of that kind: {error}. Export it again."
        ) from error
    head = None if clip.head is None else _check(path, clip.head, len(HEAD_NAMES))
    return replace(clip, frames=_check(path, clip.frames), head=head)


def _check(path: Path, frames: Frames, columns: int = BLENDSHAPES) -> Frames:
    if frames.ndim != 2 or frames.shape[1] != columns or not len(frames):
        raise ConfigurationError(f"clip: '{path}' has the shape {frames.shape} where [frames, {columns}] is due.")
    if not np.isfinite(frames).all():
        raise ConfigurationError(f"clip: '{path}' has values that are not numbers. Export it again.")
    return frames.astype(np.float32)


def _make_clip(frames: Any, head: Any = None, fps: Any = FPS) -> FaceClip:
    turns = None if head is None else np.asarray(head, np.float32)
    return FaceClip(np.asarray(frames, np.float32), head=turns, fps=_match_rate(float(fps)))


def _match_rate(fps: float) -> Fraction:
    """The one of RATES that is meant. Raises ValueError for others."""
    rate = min(RATES.values(), key=lambda known: abs(known - fps))
    if abs(rate - fps) > rate / 5000:
        raise ValueError(f"its frame rate, {fps:g}, is not one of {', '.join(RATES)}")
    return rate


def _read_npy(path: Path) -> FaceClip:
    return _make_clip(np.load(path, allow_pickle=False))


def _read_npz(path: Path) -> FaceClip:
    with np.load(path, allow_pickle=False) as arrays:
        return _make_clip(arrays["frames"], arrays.get("head", None), arrays.get("fps", FPS))


def _read_csv(path: Path) -> FaceClip:
    """Ours, or Live Link Face's under a plain name: the head says which."""
    head, rows = _read_table(path)
    return _read_ours(head, rows) if head[0] == "timecode" else _read_recording(head, rows)


def _read_livelink(path: Path) -> FaceClip:
    return _read_recording(*_read_table(path))


def _read_json(path: Path) -> FaceClip:
    document = json.loads(path.read_text(encoding="utf-8"))
    if list(document["names"]) != list(ARKIT_NAMES):
        raise ValueError("its names are not the 52 of ARKit")
    heads = [
        [frame["head"][axis] for axis in ("yaw", "pitch", "roll")] for frame in document["frames"] if "head" in frame
    ]
    return _make_clip([frame["blendshapes"] for frame in document["frames"]], heads or None, document["fps"])


def _read_parquet(path: Path) -> FaceClip:
    from pyarrow import parquet as files

    table = files.read_table(path)
    names = ARKIT_NAMES + (HEAD_NAMES if HEAD_NAMES[0] in table.column_names else ())
    fps = (table.schema.metadata or {}).get(b"fps", FPS)
    return _to_clip(np.stack([table[name].to_numpy() for name in names], axis=1), float(fps))


def _read_table(path: Path) -> tuple[list[str], list[list[str]]]:
    with path.open(newline="", encoding="utf-8-sig") as file:
        head, *rows = csv.reader(file)
    return head, [row for row in rows if row]


def _read_ours(head: list[str], rows: list[list[str]]) -> FaceClip:
    if head[1:] not in (list(ARKIT_NAMES), [*ARKIT_NAMES, *HEAD_NAMES]):
        raise ValueError("its columns are not timecode, the 52 blendshapes and, if any, the head's three")
    values = np.array(rows, np.float64)
    seconds = float(values[-1, 0] - values[0, 0])
    return _to_clip(values[:, 1:].astype(np.float32), (len(rows) - 1) / seconds if seconds else FPS)


def _to_clip(rows: Frames, fps: float) -> FaceClip:
    return replace(FaceClip.of([rows]), fps=_match_rate(fps))


def _read_recording(head: list[str], rows: list[list[str]]) -> FaceClip:
    """A phone records at 60 or with gaps; what is shown at each thirtieth of a second is interpolated."""
    shapes, where = livelink.columns(head), {name.strip(): i for i, name in enumerate(head)}
    times = livelink.to_seconds([row[_find_column(head, "timecode")] for row in rows])
    if np.any(np.diff(times) < 0) or (len(times) > 1 and not times[-1]):
        raise ValueError("its timecodes do not rise")
    if times[-1] > livelink.DAY:
        raise ValueError("its timecodes span more than a day")
    kept = np.append(np.diff(times) > 0, True)  # of two rows at one time the later one is shown
    values = np.array([[row[i] for i in shapes] for row in rows], np.float32)[kept]
    turns = [where[name] for name in livelink.ROTATIONS[:3] if name in where]
    angles = np.array([[row[i] for i in turns] for row in rows], np.float32)[kept]
    due = np.arange(round(float(times[-1]) * FPS) + 1) / FPS
    places = np.interp(due, times[kept], np.arange(kept.sum()))
    frames = interpolate_faces(values, places)
    if not angles.any():
        return FaceClip(frames)
    # In radians, and its pitch is positive up.
    return FaceClip(frames, head=interpolate(np.degrees(angles) * np.array([1, -1, 1], np.float32), places))


def _find_column(head: list[str], name: str) -> int:
    return [each.strip().lower() for each in head].index(name)


_READERS: dict[str, Callable[[Path], FaceClip]] = {
    ".npy": _read_npy,
    ".csv": _read_csv,
    ".json": _read_json,
    ".npz": _read_npz,
    ".livelink.csv": _read_livelink,
    ".parquet": _read_parquet,
}
READABLE = tuple(_READERS)
