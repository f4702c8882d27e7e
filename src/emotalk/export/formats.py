"""npy, csv, json. To add a kind: write `_name(clip, path)` and enter it in `_WRITERS`."""

import csv
import errno
import json
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from emotalk.errors import ConfigurationError
from emotalk.face import ARKIT_NAMES, FaceClip
from emotalk.timebase import FPS


def save(clip: FaceClip, path: Path) -> None:
    """Write `clip` to `path`, whole or not at all; folders are created. Raises ConfigurationError for the suffix."""
    writer = _WRITERS[_check_suffix(path)]
    path.parent.mkdir(parents=True, exist_ok=True)
    # Written beside its place and moved there, so that nobody ever opens half a file.
    number, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=path.suffix)
    os.close(number)
    unfinished = Path(name)
    try:
        writer(clip, unfinished)
        unfinished.chmod(0o666 & ~_umask())
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def check_place(path: Path) -> None:
    """Raise now what `save` would raise after hours of work. Creates the folders; ConfigurationError, OSError."""
    _check_suffix(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    try:
        tempfile.TemporaryFile(dir=path.parent).close()
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path.parent)) from error


def _check_suffix(path: Path) -> str:
    """The suffix that decides. Raises ConfigurationError for an unknown one."""
    suffix = path.suffix.lower()
    if suffix not in _WRITERS:
        raise ConfigurationError(f"output: '{path.name}' has no known suffix. Use one of {', '.join(_WRITERS)}.")
    return suffix


def _npy(clip: FaceClip, path: Path) -> None:
    # Into an open file: given a name, numpy would add a suffix of its own to OUT.NPY.
    with path.open("wb") as file:
        np.save(file, clip.frames.astype(np.float32, copy=False))


def _csv(clip: FaceClip, path: Path) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("timecode", *ARKIT_NAMES))
        for seconds, row in zip(clip.timecodes, clip.frames, strict=True):
            writer.writerow((f"{seconds:.6f}", *(f"{value:.6f}" for value in row.tolist())))


def _json(clip: FaceClip, path: Path) -> None:
    rows = zip(clip.timecodes, clip.frames.tolist(), strict=True)
    frames = [
        {"timecode": seconds, "frame_number": number, "blendshapes": row} for number, (seconds, row) in enumerate(rows)
    ]
    document = {"fps": FPS, "names": ARKIT_NAMES, "frames": frames}
    path.write_text(json.dumps(document), encoding="utf-8")


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


_WRITERS: dict[str, Callable[[FaceClip, Path], None]] = {".npy": _npy, ".csv": _csv, ".json": _json}
SUFFIXES = tuple(_WRITERS)
