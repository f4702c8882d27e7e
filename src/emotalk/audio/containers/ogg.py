"""OGG with one Vorbis or Opus stream, page by page: whole and unbroken.

libogg drops a damaged page without a word and libsndfile reads the first of several chained streams only, so the pages
are checked here: number and checksum. Messengers and call recorders leave the flag of the last page out, or set it on
an empty page of its own; libsndfile wants it on the last page that has sound, where it is put if that page is whole.
"""

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from emotalk.audio.containers.base import Buffer, Coded
from emotalk.audio.containers.tags import refuse_rest
from emotalk.audio.limits import CONVERT
from emotalk.errors import AudioError, NotAudio, TruncatedAudio, UnsupportedAudio

_HEADER = struct.Struct("<4sBBqIIIB")
_BEGINS, _ENDS = 2, 4
_NO_POSITION = b"\xff" * 8
_REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


@dataclass(frozen=True)
class OggPage:
    """One page: where it lies, its flags, its stream and number; `open`: its last packet goes on in the next page."""

    start: int
    stop: int
    flags: int
    serial: int
    number: int
    open: bool
    empty: bool


def locate(buffer: Buffer) -> Coded:
    """Find an OGG stream. Raises TruncatedAudio, UnsupportedAudio, NotAudio."""
    first = last = final = None
    for page in _pages(buffer):
        if first is None or final is None:
            _check_codec(buffer, page)
            first = page
        elif page.serial != first.serial or page.flags & _BEGINS:
            raise UnsupportedAudio("the OGG holds more than one stream", CONVERT)
        elif page.number != final.number + 1:
            raise _broken(f"page {final.number + 1} is missing")
        final, last = page, last if page.empty else page
    if final is None or last is None or last.open:
        raise _broken("its last page is missing")
    refuse_rest(buffer, final.stop, "OGG")
    return Coded("OGG", buffer, 0, last.start, tail=_ended(buffer, last, final))


def _ended(buffer: Buffer, last: OggPage, final: OggPage) -> bytes:
    """The last page with sound, with the flag of the last one; where the clip ends is said by the final page."""
    page = bytearray(buffer[last.start : last.stop])
    page[5] |= _ENDS
    if final.flags & _ENDS and buffer[final.start + 6 : final.start + 14] != _NO_POSITION:
        page[6:14] = buffer[final.start + 6 : final.start + 14]
    page[22:26] = page_checksum(bytes(page)).to_bytes(4, "little")
    return bytes(page)


def _pages(buffer: Buffer) -> Iterator[OggPage]:
    at, ended = 0, False
    while at < len(buffer):
        head = buffer[at : at + _HEADER.size]
        if head[:4] != b"OggS" and ended:
            return  # tags or padding after the end
        if len(head) < _HEADER.size or head[:4] != b"OggS":
            raise _broken(f"there is no page at byte {at}")
        _, _, flags, _, serial, number, checksum, segments = _HEADER.unpack(head)
        body = at + _HEADER.size + segments
        stop = body + sum(buffer[at + _HEADER.size : body])
        if stop > len(buffer) or page_checksum(buffer[at:stop]) != checksum:
            raise _broken(f"page {number} is cut or damaged")
        lacing = buffer[at + _HEADER.size : body]
        yield OggPage(at, stop, flags, serial, number, lacing[-1:] == b"\xff", stop == body)
        at, ended = stop, bool(flags & _ENDS)


def page_checksum(page: bytes) -> int:
    """CRC-32 of a page as RFC 3533 wants it: zlib's polynomial with the bits the other way round, from 0."""
    blank = page[:22] + b"\0\0\0\0" + page[26:]
    mirrored = zlib.crc32(blank.translate(_REVERSED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int.from_bytes(mirrored.to_bytes(4, "little").translate(_REVERSED), "big")


def _check_codec(buffer: Buffer, page: OggPage) -> None:
    body = buffer[_HEADER.size + buffer[26] : page.stop]
    if body.startswith((b"\x80theora", b"fishead\0", b"BBCD")):
        raise NotAudio("this is an OGG video", CONVERT)
    if not body.startswith((b"\x01vorbis", b"OpusHead")):
        raise UnsupportedAudio("the OGG holds neither Vorbis nor Opus", CONVERT)


def _broken(how: str) -> AudioError:
    return TruncatedAudio(f"the OGG is cut or damaged: {how}", "Send the whole file, or record it again")
