"""Sound that was sent faster than it is used, of any length in bounded memory.

Two read from it, each where it is: the engine, and the echo that goes back to the caller.
"""

import tempfile
from typing import IO

from emotalk.errors import ServerUnavailable

MEMORY_BYTES = 4 * 2**20
"""Two minutes at 16 kHz. What exceeds it goes to a file without a name, which is gone when this process is."""


class Spool:
    """Bytes addressed from the start of a stream, kept until they are forgotten."""

    def __init__(self, memory_bytes: int = MEMORY_BYTES) -> None:
        self._memory_bytes = memory_bytes
        self._recent, self._base = bytearray(), 0
        self._file: IO[bytes] | None = None
        self._file_base = 0

    @property
    def end(self) -> int:
        """Position after the last byte."""
        return self._base + len(self._recent)

    def append(self, data: bytes) -> None:
        """Add bytes at the end. Raises ServerUnavailable where the temporary folder has no room."""
        self._recent += data
        if len(self._recent) > self._memory_bytes:
            try:
                self._move_to_file()
            except OSError as error:
                raise ServerUnavailable(f"no room for the sound in the temporary folder ({error.strerror})") from error

    def read(self, start: int, stop: int) -> bytes:
        """Bytes start … stop - 1, as far as they have come; all of them must still be kept."""
        older = self._read_file(start, min(stop, self._base)) if start < self._base else b""
        return older + self._recent[max(start - self._base, 0) : max(stop - self._base, 0)]

    def forget(self, before: int) -> None:
        """Let go of the bytes before this position; the file goes when nothing of it is needed any more."""
        if before < self._base:
            return
        self.close()
        del self._recent[: before - self._base]
        self._base = before

    def close(self) -> None:
        """Let go of the file."""
        if self._file:
            self._file.close()
            self._file = None

    def _move_to_file(self) -> None:
        if self._file is None:
            self._file, self._file_base = tempfile.TemporaryFile(), self._base  # noqa: SIM115 - closed in `close`
        self._file.seek(self._base - self._file_base)
        self._file.write(self._recent)
        self._base += len(self._recent)
        self._recent.clear()

    def _read_file(self, start: int, stop: int) -> bytes:
        assert self._file is not None, "these bytes were forgotten"
        self._file.seek(start - self._file_base)
        return self._file.read(stop - start)
