"""Where the coded sound lies in a file, and what must be told to the decoder to read just that."""

import io
import mmap
from dataclasses import dataclass

Buffer = bytes | mmap.mmap
"""A whole file: its bytes, or its pages mapped into memory. Slices of both are bytes."""


@dataclass(frozen=True)
class RawPcm:
    """What a WAV header says of its samples; `subtype` and `endian` in libsndfile's words."""

    rate: int
    channels: int
    subtype: str
    endian: str


@dataclass(frozen=True)
class Coded:
    """The coded sound: bytes `start` to `stop` of a file, after `head`, which the file should have begun with.

    `raw` describes headerless PCM. `counted` is False where only decoding tells how long the sound is.
    """

    format: str
    buffer: Buffer
    start: int
    stop: int
    head: bytes = b""
    raw: RawPcm | None = None
    counted: bool = True

    def open(self) -> "CodedFile":
        """A file to read `head` and the coded bytes from."""
        return CodedFile(self)


class CodedFile:
    """As much of a file over `Coded` as soundfile asks for, without a copy of it."""

    def __init__(self, coded: Coded) -> None:
        self._coded, self._at = coded, 0
        self._size = len(coded.head) + coded.stop - coded.start

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        origin = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = min(max(origin + offset, 0), self._size)
        return self._at

    def read(self, size: int = -1) -> bytes:
        stop = self._size if size < 0 else min(self._at + size, self._size)
        coded, shift = self._coded, self._coded.start - len(self._coded.head)
        head = coded.head[self._at : stop]
        body = coded.buffer[max(self._at + shift, coded.start) : max(stop + shift, coded.start)]
        self._at = stop
        return head + body if head else body
