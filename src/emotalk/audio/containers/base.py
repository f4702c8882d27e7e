"""Where the coded sound lies in a file, and what must be told to the decoder to read just that."""

import io
import mmap
from dataclasses import dataclass

Buffer = bytes | mmap.mmap
"""A whole file: its bytes, or its pages mapped into memory. Slices of both are bytes."""

Part = tuple[bytes, int, int]
"""Name, where it begins and where the next one does; a name of no bytes: what stands here is not a part."""

WIDTHS = dict.fromkeys(("PCM_U8", "PCM_S8", "ULAW", "ALAW"), 1)
WIDTHS |= {"PCM_16": 2, "PCM_24": 3, "PCM_32": 4, "FLOAT": 4, "DOUBLE": 8}
"""Bytes of a sample, by libsndfile's names."""


@dataclass(frozen=True)
class RawPcm:
    """What a WAV header says of its samples; `subtype` and `endian` in libsndfile's words."""

    rate: int
    channels: int
    subtype: str
    endian: str


@dataclass(frozen=True)
class Coded:
    """The coded sound: bytes `start` to `stop` of a file, between `head` and `tail`, which the file should have had.

    `raw` describes headerless PCM. `counted` is False where only decoding tells how long the sound is. `alone`: nobody
    asks what stands behind it. `demuxer`: which of PyAV's reads it; empty where libsndfile does. `most`: frames that
    are sound, where packets are filled up; or 0.
    """

    format: str
    buffer: Buffer
    start: int
    stop: int
    head: bytes = b""
    tail: bytes = b""
    raw: RawPcm | None = None
    counted: bool = True
    alone: bool = False
    demuxer: str = ""
    most: int = 0

    def open(self) -> "CodedFile":
        """A file to read `head`, the coded bytes and `tail` from."""
        return CodedFile(self)


class CodedFile:
    """As much of a file over `Coded` as a decoder asks for, without a copy of it."""

    def __init__(self, coded: Coded) -> None:
        self._coded, self._at = coded, 0
        self._size = len(coded.head) + coded.stop - coded.start + len(coded.tail)
        self.step = self._size
        """So many bytes at most are handed out at once: who reads little has not read far beyond what was needed."""

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        origin = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = min(max(origin + offset, 0), self._size)
        return self._at

    def read(self, size: int = -1) -> bytes:
        stop = self._size if size < 0 else min(self._at + min(size, self.step), self._size)
        coded = self._coded
        shift, behind = coded.start - len(coded.head), self._size - len(coded.tail)
        body = coded.buffer[max(self._at + shift, coded.start) : max(min(stop, behind) + shift, coded.start)]
        head, tail = coded.head[self._at : stop], coded.tail[max(self._at - behind, 0) : max(stop - behind, 0)]
        self._at = stop
        return head + body + tail if head or tail else body
