"""Which suffix is which kind, and how a file comes to its place: whole or not at all.

To add a kind: write `name(clip, path)` in a file beside this one and enter it in `_WRITERS`.
"""

import errno
import os
import shutil
import tempfile
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from importlib.util import find_spec
from pathlib import Path

from emotalk.errors import ConfigurationError
from emotalk.export import film, livelink, scene, tables, usd
from emotalk.extras import how_to_install
from emotalk.face import FaceClip

Writer = Callable[[FaceClip, Path], None]

_WRITERS: dict[str, Writer] = {
    ".npy": tables.write_npy,
    ".csv": tables.write_csv,
    ".json": tables.write_json,
    ".npz": tables.write_npz,
    ".livelink.csv": livelink.write,
    ".parquet": tables.write_parquet,
    ".glb": scene.write_glb,
    ".usda": usd.write_usda,
    ".mp4": film.write_mp4,
}
SUFFIXES = tuple(_WRITERS)

_EXTRAS = {".parquet": ("parquet", ("pyarrow",)), ".mp4": ("video", ("av", "moderngl", "PIL"))}
"""What a suffix needs beside the package: the extra, and the modules that it brings."""


def save(clip: FaceClip, path: Path, watch: film.Watch = iter) -> None:
    """Write `clip` to `path`, whole or not at all; folders are created. `watch`: see film.mp4.

    Raises ConfigurationError for an unknown suffix, or one whose extra is not installed; OSError that names `path`.
    """
    suffix = _check_suffix(path)
    writer = partial(film.write_mp4, watch=watch) if suffix == ".mp4" else _WRITERS[suffix]
    path.parent.mkdir(parents=True, exist_ok=True)
    path = _follow_link(path)
    try:
        # Written beside its place and moved there, so that nobody ever opens half a file.
        with tempfile.TemporaryDirectory(dir=_find_folder(path), prefix=".emotalk-") as folder:
            finished = Path(folder) / f"clip{suffix}"
            writer(clip, finished)
            _put(finished, path)
    except OSError as error:  # of a full disk it names nothing, or a file that nobody knows
        raise OSError(error.errno, error.strerror or str(error), str(path)) from error


def _find_folder(path: Path) -> Path | None:
    """The folder of `path`; None, for that of temporary files, where only the file itself may be written."""
    return path.parent if os.access(path.parent, os.W_OK) and not _is_special(path) else None


def _follow_link(path: Path) -> Path:
    """What a link leads to: the link stays a link. Raises OSError."""
    try:
        return path.resolve()
    except RuntimeError as loop:
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(path)) from loop


def _is_special(path: Path) -> bool:
    """Is it a pipe or a device, which is written to and never replaced?"""
    return path.exists() and not path.is_file()


def _put(finished: Path, path: Path) -> None:
    """With the mode that `path` had, or that a new file gets; some disks know no modes."""
    if _is_special(path):
        with finished.open("rb") as source, path.open("wb") as target:
            return shutil.copyfileobj(source, target)
    try:
        mode = path.stat().st_mode & 0o7777
    except FileNotFoundError:
        mode = 0o666 & ~_read_umask()
    with suppress(OSError):
        finished.chmod(mode)
    try:
        finished.replace(path)
    except OSError:  # it lies on a mount of its own, or its folder is closed: only its bytes can be written
        shutil.copyfile(finished, path)


def check_place(path: Path) -> None:
    """Raise now what `save` would raise after hours of work. Creates the folders; ConfigurationError, OSError."""
    if _check_suffix(path) == ".mp4":
        film.check()
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    path = _follow_link(path)
    # A name that is too long is heard of here.
    if path.exists() and os.access(path, os.W_OK):
        return
    try:
        tempfile.TemporaryFile(dir=path.parent).close()
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path.parent)) from error


def suffix_of(path: Path, known: tuple[str, ...] = SUFFIXES) -> str | None:
    """The suffix that decides: the longest of `known` that ends the name, in any case; None if there is none."""
    name = path.name.lower()
    return max((suffix for suffix in known if name.endswith(suffix) and name != suffix), key=len, default=None)


def _check_suffix(path: Path) -> str:
    suffix = suffix_of(path)
    if suffix is None:
        raise ConfigurationError(f"output: '{path.name}' has no known suffix. Use one of {', '.join(_WRITERS)}.")
    check_extra("output", suffix)
    return suffix


def check_extra(field: str, suffix: str) -> None:
    """Raise ConfigurationError where what this kind of file needs is not installed."""
    extra, modules = _EXTRAS.get(suffix, ("", ()))
    if missing := [module for module in modules if find_spec(module) is None]:
        raise ConfigurationError(
            f"{field}: {suffix} needs {' and '.join(missing)}: not installed. "
            f"Use another kind of file, or install it: {how_to_install(extra)}"
        )


def _read_umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
