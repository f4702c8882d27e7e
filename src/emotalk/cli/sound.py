"""The sound that a command was given: a file, a pipe, or standard input."""

import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

STDIN = Path("-")
HELP = "WAV, FLAC, OGG, MP3, M4A, WebM or whatever else has sound; - for standard input"


@contextmanager
def open_file(path: Path) -> Iterator[Path]:
    """A file that can be read more than once: the path itself, or what came through a pipe, while this lasts.

    A pipe gives its bytes once, and its sound is read for the seed, for the face and for a film.
    """
    if path != STDIN and not _is_pipe(path):
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="emotalk-sound-") as folder:
        copy = Path(folder) / (path.name if path != STDIN else "stdin")
        with _open(path) as pipe, copy.open("wb") as file:
            shutil.copyfileobj(pipe, file)
        yield copy


def _is_pipe(path: Path) -> bool:
    return path.is_fifo() or path.is_char_device() or path.is_socket()


@contextmanager
def _open(path: Path) -> Iterator[BinaryIO]:
    if path == STDIN:
        yield sys.stdin.buffer
        return
    with path.open("rb") as pipe:
        yield pipe
