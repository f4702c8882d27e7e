"""A file as an array that is read when it is touched."""

import mmap
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]


def open_regular(path: Path) -> BinaryIO:
    """Open a file to read. Raises OSError; also for a pipe or a device, which may have no end."""
    if path.exists() and not path.is_file():
        raise OSError(f"{path} is not a regular file")
    return path.open("rb")


class MappedFile:
    """The bytes of an open file, uint8 [n]. They stay readable when the file is closed or replaced by another.

    Raises OSError, and ValueError if the file is empty.
    """

    def __init__(self, file: BinaryIO) -> None:
        # Copy on write: OpenVINO shares writeable arrays only, and the file itself must not change.
        self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
        self.bytes: Bytes = np.frombuffer(self._map, np.uint8)

    def release(self) -> None:
        """Give the pages back to the system. Nothing is lost: they are read again when they are touched."""
        if hasattr(mmap, "MADV_DONTNEED"):
            self._map.madvise(mmap.MADV_DONTNEED)
