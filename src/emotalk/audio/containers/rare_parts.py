"""The parts of rarer containers that PyAV reads, as parts.py has them of the others.

AMR      #!AMR, #!AMR-WB, a line end | frames: kind (4 bits from bit 1 on), whose size it says
DTS      frames: 0x7FFE8001, size less one (14 bits from bit 46 on)
TTA      TTA1, format, channels, bits (2 each), rate, samples (4 each, little), checksum | sizes of all frames | frames
MXF      keys (16: 0x060E2B34 …), size (1; above 127: so many bytes more have it)
SPHERE   NIST_1A, size of the header, fields in text | samples
"""

import re
import struct
from collections.abc import Iterator

from emotalk.audio.containers.base import Buffer, Part

_AMR = {b"#!AMR\n": (12, 13, 15, 17, 19, 20, 26, 31, 5), b"#!AMR-WB\n": (17, 23, 32, 36, 40, 46, 50, 58, 60, 5)}
_NOTHING, _UNUSED_BITS = (14, 15), 0x83
"""Kinds of frames that were lost or are not there; bits that are 0 in the first byte of every one."""
_DTS, _DTS_MORE = b"\x7f\xfe\x80\x01", b"\x64\x58\x20\x25"
_TTA_FRAME = 256 / 245
"""Seconds."""
_KEY = b"\x06\x0e\x2b\x34"
_FIELDS = 3
_FIELD = re.compile(rb"(sample_count|channel_count|sample_n_bytes) -i (\d+)")


def walk_amr(buffer: Buffer, at: int) -> Iterator[Part]:
    """Frames; of several channels nothing is known here."""
    for name, sizes in _AMR.items():
        if buffer[at : at + len(name)] == name:
            yield from _walk_amr_frames(buffer, at + len(name), sizes)


def _walk_amr_frames(buffer: Buffer, at: int, sizes: tuple[int, ...]) -> Iterator[Part]:
    while at < len(buffer):
        kind = buffer[at] >> 3 & 15
        if buffer[at] & _UNUSED_BITS or not (kind < len(sizes) or kind in _NOTHING):
            yield b"", at, at
            return
        stop = at + 1 + (sizes[kind] if kind < len(sizes) else 0)
        yield b"frame", at, stop
        at = stop


def walk_dts(buffer: Buffer, at: int) -> Iterator[Part]:
    """Frames, as far as they have no extension."""
    while at < len(buffer) and buffer[at : at + 4] != _DTS_MORE:
        if (head := buffer[at : at + 8])[:4] != _DTS:
            yield b"", at, at
            return
        stop = at + 1 + (int.from_bytes(head[5:8], "big") >> 4 & 0x3FFF)
        yield b"frame", at, stop
        at = stop


def walk_tta(buffer: Buffer, at: int) -> Iterator[Part]:
    """The header with its table, and the frames."""
    rate, samples = struct.unpack("<II", buffer[at + 10 : at + 18].ljust(8, b"\0"))
    count = -(-samples // max(int(rate * _TTA_FRAME), 1))
    table = buffer[at + 22 : at + 22 + 4 * count]
    frames = at + 22 + len(table) + 4
    stop = frames + sum(struct.unpack(f"<{len(table) // 4}I", table[: len(table) // 4 * 4]))
    yield b"frames", at, stop
    yield b"", stop, stop


def walk_mxf(buffer: Buffer, at: int) -> Iterator[Part]:
    """Keys and what they hold."""
    while buffer[at : at + 4] == _KEY and at + 17 <= len(buffer):
        more = max(buffer[at + 16] - 128, 0)
        size = int.from_bytes(buffer[at + 17 : at + 17 + more], "big") if more else buffer[at + 16]
        yield b"key", at, at + 17 + more + size
        at += 17 + more + size
    yield b"", at, at


def walk_sphere(buffer: Buffer, at: int) -> Iterator[Part]:
    """The header and the samples, where these are as they are."""
    said = buffer[at + 8 : at + 16].strip()
    size = int(said) if said.isdigit() else 0
    header = buffer[at : at + size]
    fields = {name: int(value) for name, value in _FIELD.findall(header)}
    if len(fields) != _FIELDS or b"shorten" in header:
        return
    stop = at + size + fields[b"sample_count"] * fields[b"channel_count"] * fields[b"sample_n_bytes"]
    yield b"samples", at, stop
    yield b"", stop, stop
