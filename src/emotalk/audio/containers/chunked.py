"""AIFF, CAF, AU and W64, as far as to see that they are whole: libsndfile reads them, and takes half of one for one.

A W64 has the fmt chunk of a WAV; libsndfile takes floats for integers where it is the extensible one.

AIFF  FORM  size (4, big)    AIFF | chunks: name (4), size (4, big), even     | samples in SSND
CAF   caff  version, flags (4)    | chunks: name (4), size (8, big)           | samples in data, -1: to the end
AU    .snd  offset, size (4, big) | samples from the offset on, size -1: to the end
W64   a GUID, size (8)  a GUID    | chunks: GUID (16), size with its head (8), on multiples of 8 | samples in data
"""

import struct
from collections.abc import Callable, Iterator
from functools import partial

from emotalk.audio.containers.base import Buffer, Coded
from emotalk.audio.containers.tags import BEGINNINGS, refuse_rest
from emotalk.audio.containers.wav import count_frame_bytes, is_name, read_plain
from emotalk.audio.limits import CONVERT
from emotalk.errors import NotAudio, TruncatedAudio

_MAX_CHUNKS = 1_000
_UNKNOWN = (-1, 0xFFFFFFFF)
_ENDLESS, _SOX_ENDLESS = 2**62, 0x7F000000
"""What ffmpeg writes into a pipe as the size of a W64 is near the largest number; SoX has its own for an AIFF."""

Chunk = tuple[bytes, int, int]
"""Name, where its content begins, size of the content."""


def locate(kind: str, buffer: Buffer) -> Coded:
    """Check that all the samples are there that the header promises. Raises TruncatedAudio, UnsupportedAudio."""
    walk, samples = _KINDS[kind]
    end, heard, fmt, coded = 0, False, b"", Coded(kind, buffer, 0, len(buffer))
    for name, start, size in walk(buffer):
        if name in BEGINNINGS and heard:
            break
        heard = heard or name == samples
        fmt = buffer[start : start + size] if name == b"fmt " else fmt
        whole = _is_unknown(kind, buffer, start, size)
        end = len(buffer) if whole else start + size
        if end > len(buffer) and name == samples:
            held = max(len(buffer) - start, 0)
            raise TruncatedAudio(
                f"the {kind} is cut: it promises {size} bytes of sound and holds {held}", "Send it all"
            )
        if kind == "W64" and name == samples and (raw := read_plain(fmt)):
            coded = Coded("W64", buffer, start, end - (end - start) % count_frame_bytes(raw), raw=raw)
        elif whole and kind in ("W64", "AIFF"):
            coded = _fill_in_sizes(kind, buffer, start)
        if whole:
            break
    if not heard:
        raise NotAudio(f"this begins like an {kind} file, but has no sound in it", CONVERT)
    if end < len(buffer):
        refuse_rest(buffer, end, kind)
    return coded


def _is_unknown(kind: str, buffer: Buffer, start: int, size: int) -> bool:
    """Did its writer, who wrote into a pipe, leave the size of the samples open?"""
    if kind == "AIFF":
        return (size, buffer[4:8]) == (0, bytes(4)) or size >= max(_SOX_ENDLESS, len(buffer))
    return size in _UNKNOWN or size >= _ENDLESS


def _fill_in_sizes(kind: str, buffer: Buffer, start: int) -> Coded:
    """With the sizes that its writer did not know: libsndfile wants them."""
    size, samples = len(buffer), len(buffer) - start
    if kind == "W64":
        head = buffer[:16] + struct.pack("<q", size) + buffer[24 : start - 8] + struct.pack("<q", samples + 24)
    else:
        head = buffer[:4] + struct.pack(">I", size - 8) + buffer[8 : start - 4] + struct.pack(">I", samples)
    return Coded(kind, buffer, start, size, head=head)


def _walk_named(buffer: Buffer, at: int, head: str, even: bool) -> Iterator[Chunk]:
    length = struct.calcsize(head)
    for _ in range(_MAX_CHUNKS):
        if at + length > len(buffer) or not is_name(buffer[at : at + 4]):
            return
        name, size = struct.unpack(head, buffer[at : at + length])
        at += length
        yield name, at, size
        if size < 0:
            return
        at += size + (size % 2 if even else 0)


def _walk_au(buffer: Buffer) -> Iterator[Chunk]:
    if len(buffer) >= 24:
        offset, size = struct.unpack(">II", buffer[4:12])
        yield b".snd", offset, size


def _walk_w64(buffer: Buffer) -> Iterator[Chunk]:
    at = 40
    for _ in range(_MAX_CHUNKS):
        if at + 24 > len(buffer) or not buffer[at : at + 4].strip(b"\0"):
            return
        name, size = struct.unpack("<4s12xq", buffer[at : at + 24])
        if size < 24:
            return
        yield name, at + 24, size - 24
        at += size + -size % 8


_KINDS: dict[str, tuple[Callable[[Buffer], Iterator[Chunk]], bytes]] = {
    "AIFF": (partial(_walk_named, at=12, head=">4sI", even=True), b"SSND"),
    "CAF": (partial(_walk_named, at=8, head=">4sq", even=False), b"data"),
    "AU": (_walk_au, b".snd"),
    "W64": (_walk_w64, b"data"),
}
