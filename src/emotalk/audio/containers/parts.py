"""The parts of containers that PyAV reads: where each begins and ends.

MP4       boxes: size (4, big; 1: 8 more bytes have it, 0: to the end), name (4)
Matroska  elements: name and size, each with its own length in the first bits
Flash     FLV, 9 bytes in all | size of the last tag (4), then tags: kind (1), size (3, big), 7 more bytes
MPEG TS   packets of 188, 192 or 204 bytes, see programmes.py
AVI       RIFF  size (4)  AVI | more of them, called AVIX | chunks: name (4), size (4), even; a list has its name behind
ASF       objects: GUID (16), size (8); of the one with the samples 50 or less where its writer did not know
IFF       FORM  size (4, big)
MPEG PS   packs: 0x000001BA, 12 bytes in all, or 14 and more; packets: 0x000001, kind (1), size (2, big); 0x000001B9
VOC       a name, its own length (2) at 20 | blocks: kind (1; 0: the end), size (3)
"""

import struct
from collections.abc import Callable, Iterator

from emotalk.audio.containers import rare_parts
from emotalk.audio.containers.base import Buffer, Part
from emotalk.audio.containers.programmes import find_packets

_FLV_TAGS = (8, 9, 18)
_AT_TOP = (b"\x1aE\xdf\xa3", b"\x18\x53\x80\x67", b"\xec", b"\xbf")
"""A header, a segment, and what may stand beside them: room to spare, a checksum."""
_LONGEST_NAME = 4
_UNKNOWN_RIFF = 0xFFFF0000
_OPEN_LISTS = (b"movi", b"rec ")
"""Lists whose size is as unknown as the file's: what is in them is looked at instead."""
_ASF_SAMPLES, _ASF_NO_SAMPLES = b"\x36\x26\xb2\x75", 50
_ASF_BEHIND = (_ASF_SAMPLES, b"\x90\x08\0\x33", b"\xd3\x29\xe2\xd6", b"\xf8\x03\xb1\xfe", b"\xd0\x3f\xb7\x3c")
"""The samples, and four kinds of index."""
_VOC_BLOCK = 16
"""Fewer bytes hold no block of samples; SoX counts its own 8 bytes too little."""
_PS_KIND, _PS_END, _PS_PACK = 3, 0xB9, 0xBA


def _walk_boxes(buffer: Buffer, at: int) -> Iterator[Part]:
    while at < len(buffer):
        size, name = struct.unpack(">I4s", buffer[at : at + 8].ljust(8, b"\0"))
        if size == 1:
            size = int.from_bytes(buffer[at + 8 : at + 16], "big")
        if 0 < size < 8 or not all(32 <= byte < 127 or byte == 0xA9 for byte in name):
            yield b"", at, at
            return
        stop = at + size if size else len(buffer)
        yield name, at, stop
        at = stop


def _walk_elements(buffer: Buffer, at: int) -> Iterator[Part]:
    inside = False
    while at < len(buffer):
        name = buffer[at : at + _count_bytes(buffer[at])]
        size_at = at + len(name)
        if size_at >= len(buffer) or (len(name) > _LONGEST_NAME if inside else name not in _AT_TOP):
            yield b"", at, at
            return
        count = _count_bytes(buffer[size_at])
        unknown = (1 << 7 * count) - 1
        size = int.from_bytes(buffer[size_at : size_at + count], "big") & unknown
        if size == unknown:  # a recorder in a browser does not know: what is in it is looked at instead
            inside, size = True, 0
        yield name, at, size_at + count + size
        at = size_at + count + size


def _count_bytes(first: int) -> int:
    return 9 - first.bit_length()


def _walk_flv(buffer: Buffer, at: int) -> Iterator[Part]:
    at += int.from_bytes(buffer[at + 5 : at + 9], "big") + 4
    while at < len(buffer):
        kind, size = buffer[at], int.from_bytes(buffer[at + 1 : at + 4], "big")
        if kind not in _FLV_TAGS:
            yield b"", at, at
            return
        yield b"tag", at, at + 11 + size
        at += 11 + size + 4


def _walk_packets(buffer: Buffer, at: int) -> Iterator[Part]:
    size, _ = find_packets(buffer, at) or (188, 0)
    last = at + (len(buffer) - at - 1) // size * size
    yield b"packet", last, last + size


def _walk_packs(buffer: Buffer, at: int) -> Iterator[Part]:
    while (head := buffer[at : at + 14])[:3] == b"\0\0\1" and len(head) > _PS_KIND:
        if head[_PS_KIND] == _PS_END:
            stop = at + 4
        elif head[_PS_KIND] == _PS_PACK:
            stop = at + (14 + (head[-1] & 7) if head[4] >> 6 == 1 else 12)
        else:
            stop = at + 6 + int.from_bytes(head[4:6], "big")
        yield b"pack", at, stop
        at = stop
    yield b"", at, at


def _walk_form(buffer: Buffer, at: int) -> Iterator[Part]:
    yield b"FORM", at, at + 8 + int.from_bytes(buffer[at + 4 : at + 8], "big")


def _walk_voc(buffer: Buffer, at: int) -> Iterator[Part]:
    at += int.from_bytes(buffer[at + 20 : at + 22], "little")
    while at + _VOC_BLOCK <= len(buffer) and buffer[at]:
        size = int.from_bytes(buffer[at + 1 : at + 4], "little")
        yield b"block", at, at + 4 + size
        at += 4 + size


def _walk_avi(buffer: Buffer, at: int) -> Iterator[Part]:
    kind = b"AVI "
    while at + 12 <= len(buffer):
        name, size, inside = struct.unpack("<4sI4s", buffer[at : at + 12])
        if (name, inside) != (b"RIFF", kind):
            yield b"", at, at
            return
        if not size or size >= _UNKNOWN_RIFF:
            yield from _walk_chunks(buffer, at + 12)
            return
        stop = at + 8 + size
        yield name, at, stop
        at, kind = stop + size % 2, b"AVIX"


def _walk_chunks(buffer: Buffer, at: int) -> Iterator[Part]:
    while at + 8 <= len(buffer):
        name, size = struct.unpack("<4sI", buffer[at : at + 8])
        stop = at + (12 if name == b"LIST" and buffer[at + 8 : at + 12] in _OPEN_LISTS else 8 + size)
        yield name, at, stop
        at = stop + (stop - at) % 2


def _walk_objects(buffer: Buffer, at: int) -> Iterator[Part]:
    name = buffer[at : at + 4]
    while at + 24 <= len(buffer):
        size = int.from_bytes(buffer[at + 16 : at + 24], "little")
        unknown = name == _ASF_SAMPLES and size <= _ASF_NO_SAMPLES
        yield name, at, len(buffer) if unknown else at + max(size, 24)
        at = len(buffer) if unknown else at + max(size, 24)
        name = buffer[at : at + 4]
        if name not in _ASF_BEHIND:
            yield b"", at, at
            return


WALKS: dict[str, Callable[[Buffer, int], Iterator[Part]]] = {
    "mov": _walk_boxes,
    "matroska": _walk_elements,
    "flv": _walk_flv,
    "mpegts": _walk_packets,
    "mpeg": _walk_packs,
    "iff": _walk_form,
    "voc": _walk_voc,
    "avi": _walk_avi,
    "asf": _walk_objects,
    "amr": rare_parts.walk_amr,
    "dts": rare_parts.walk_dts,
    "tta": rare_parts.walk_tta,
    "mxf": rare_parts.walk_mxf,
    "nistsphere": rare_parts.walk_sphere,
}
