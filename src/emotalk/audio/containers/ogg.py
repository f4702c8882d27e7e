"""OGG, page by page: whole and unbroken. One Vorbis or Opus stream goes to libsndfile, all else to PyAV.

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
from emotalk.errors import AudioError, TruncatedAudio, UnsupportedAudio

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
    """Find the sound in an OGG. Raises TruncatedAudio, UnsupportedAudio."""
    first = final = None
    lasts, numbers = dict[int, OggPage](), dict[int, int]()
    for page in _walk_pages(buffer):
        if page.flags & _BEGINS and any(numbers.values()):
            raise UnsupportedAudio("the OGG holds more than one stream, one behind the other", CONVERT)
        if not page.flags & _BEGINS and numbers and page.number != numbers.get(page.serial, -2) + 1:
            raise _make_error(f"page {numbers.get(page.serial, -1) + 1} is missing")
        first, final, numbers[page.serial] = first or page, page, page.number
        if not page.empty:
            lasts[page.serial] = page
    if first is None or final is None or not lasts or any(last.open for last in lasts.values()):
        raise _make_error("its last page is missing")
    refuse_rest(buffer, final.stop, "OGG")
    body = buffer[_HEADER.size + buffer[26] : first.stop]
    if len(numbers) > 1 or not body.startswith((b"\x01vorbis", b"OpusHead")):
        return Coded("OGG", buffer, 0, final.stop, demuxer="ogg", counted=False)
    last = lasts[first.serial]
    return Coded("OGG", buffer, 0, last.start, tail=_end_page(buffer, last, final))


def _end_page(buffer: Buffer, last: OggPage, final: OggPage) -> bytes:
    """The last page with sound, with the flag of the last one; where the clip ends is said by the final page."""
    page = bytearray(buffer[last.start : last.stop])
    page[5] |= _ENDS
    if final.flags & _ENDS and buffer[final.start + 6 : final.start + 14] != _NO_POSITION:
        page[6:14] = buffer[final.start + 6 : final.start + 14]
    page[22:26] = checksum_page(bytes(page)).to_bytes(4, "little")
    return bytes(page)


def _walk_pages(buffer: Buffer) -> Iterator[OggPage]:
    at, ended = 0, False
    while at < len(buffer):
        head = buffer[at : at + _HEADER.size]
        if head[:4] != b"OggS" and ended:
            return  # tags or padding after the end
        if len(head) < _HEADER.size or head[:4] != b"OggS":
            raise _make_error(f"there is no page at byte {at}")
        _, _, flags, _, serial, number, checksum, segments = _HEADER.unpack(head)
        body = at + _HEADER.size + segments
        stop = body + sum(buffer[at + _HEADER.size : body])
        if stop > len(buffer) or checksum_page(buffer[at:stop]) != checksum:
            raise _make_error(f"page {number} is cut or damaged")
        lacing = buffer[at + _HEADER.size : body]
        yield OggPage(at, stop, flags, serial, number, lacing[-1:] == b"\xff", stop == body)
        at, ended = stop, bool(flags & _ENDS)


def checksum_page(page: bytes) -> int:
    """CRC-32 of a page as RFC 3533 wants it: zlib's polynomial with the bits the other way round, from 0."""
    blank = page[:22] + b"\0\0\0\0" + page[26:]
    mirrored = zlib.crc32(blank.translate(_REVERSED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int.from_bytes(mirrored.to_bytes(4, "little").translate(_REVERSED), "big")


def _make_error(how: str) -> AudioError:
    return TruncatedAudio(f"the OGG is cut or damaged: {how}", "Send the whole file, or record it again")
