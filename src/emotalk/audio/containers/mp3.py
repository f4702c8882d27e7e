"""MP3 (MPEG 1, 2 and 2.5, layer III), frame by frame.

An MP3 has no header of its own: its length is the number of its frames. Encoders leave that number in a silent first
frame ("Xing" or "Info"); where it is missing or wrong, libsndfile guesses from the first bit rate and loses the rest
of the clip. So the frames are counted here, and the decoder is given a first frame that tells the truth.
"""

import struct
from dataclasses import dataclass
from functools import lru_cache

from emotalk.audio.containers.base import Buffer, Coded
from emotalk.audio.containers.tags import STRAY_BYTES, find_tags, refuse_another, skip_tags, skip_zeros
from emotalk.audio.limits import CONVERT, check_length, make_endless_error
from emotalk.errors import EmptyAudio, NotAudio, TruncatedAudio
from emotalk.limits import Limits

_KBITS_1 = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
_KBITS_2 = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
_RATES = (44_100, 48_000, 32_000)
_PADDING = 3  # frames of an encoder's delay and padding, which are not part of the clip
_STRAY_IN_ALL = 64 * 1_024
_SHORT_BYTES = 4  # the last frame may lack so many: they hold padding, and zeros stand in for them
_VBRI_AT = 36  # Fraunhofer's silent frame has its tag there, whatever the side information


@dataclass(frozen=True)
class Header:
    """What the four bytes at the start of a frame say; `side` is the size of the side information."""

    length: int
    samples: int
    rate: int
    side: int


@dataclass(frozen=True)
class Walk:
    """All frames of a file: where the first begins, where the last ends, how many there are."""

    start: int
    stop: int
    frames: int


@dataclass(frozen=True)
class Tag:
    """What a silent first frame promises: frames and bytes, 0 where it does not say.

    `silent` is 0 without one; `played`: the decoder would take it for sound.
    """

    silent: int = 0
    frames: int = 0
    size: int = 0
    played: bool = False

    def promises_more(self, walk: Walk) -> bool:
        """Some encoders count the silent frame too: then the bytes tell whether the last frame is missing."""
        if self.frames == walk.frames:
            return self.size > walk.stop - walk.start
        return self.frames > walk.frames


@lru_cache(4096)
def read_header(four: bytes) -> Header | None:
    """Read a frame's header; None if these are not the first bytes of a layer III frame."""
    if len(four) < 4 or four[0] != 0xFF or four[1] & 0xE6 != 0xE2 or four[1] & 0x18 == 0x08:
        return None
    kbits_index, rate_index = four[2] >> 4, four[2] >> 2 & 3
    if kbits_index in (0, 15) or rate_index == 3:
        return None
    first, half = four[1] & 0x18 == 0x18, four[1] & 0x18 == 0x00
    rate = _RATES[rate_index] >> (0 if first else 2 if half else 1)
    kbits = (_KBITS_1 if first else _KBITS_2)[kbits_index]
    samples, mono = 1152 if first else 576, four[3] >> 6 == 3
    side = (17 if mono else 32) if first else (9 if mono else 17)
    return Header(samples * 125 * kbits // rate + (four[2] >> 1 & 1), samples, rate, side)


def locate(buffer: Buffer, start: int, limits: Limits) -> Coded:
    """Find the frames of an MP3 that begins at about `start`. Raises NotAudio, TruncatedAudio, AudioTooLong."""
    stop = find_tags(buffer)
    start = _find_next_frame(buffer, skip_zeros(buffer, start), stop)
    header = read_header(buffer[start : start + 4]) if start < stop else None
    if header is None:
        raise NotAudio("there is no MP3 frame in it", CONVERT)
    tag = _read_tag(buffer[start : start + header.length], header)
    check_length((tag.frames - _PADDING) * header.samples, header.rate, limits)
    walk = _walk(buffer, start, stop, limits)
    frames = walk.frames - tag.silent
    if tag.promises_more(walk):
        raise TruncatedAudio(
            f"the MP3 is cut: it promises {tag.frames} frames and holds {frames}", "Send the whole file"
        )
    if not frames:
        raise EmptyAudio("the MP3 has no frames", "Send a recording that is not empty")
    end = min(walk.stop, stop)
    tail = bytes(walk.stop - end)
    if tag.frames == frames and not tag.played:
        return Coded("MP3", buffer, walk.start, end, tail=tail)
    first = walk.start + header.length * tag.silent
    head = make_info_frame(buffer[walk.start : walk.start + 4], frames)
    return Coded("MP3", buffer, first, end, head=head, tail=tail)


def _walk(buffer: Buffer, start: int, stop: int, limits: Limits) -> Walk:
    at, end = start, start
    frames = samples = stray = 0
    while header := read_header(buffer[at : at + 4]) if at < stop else None:
        if at + header.length > stop + _SHORT_BYTES:
            raise TruncatedAudio("the MP3 is cut: it ends within a frame", "Send the whole file")
        frames, samples, end = frames + 1, samples + header.samples, at + header.length
        if samples > limits.max_seconds * header.rate + _PADDING * header.samples:
            raise make_endless_error(samples, header.rate, limits)
        at = _find_next_frame(buffer, after := skip_tags(buffer, end), stop)
        stray += max(at - after, 0) if at < stop else 0
        if stray > _STRAY_IN_ALL:
            raise TruncatedAudio("the MP3 is damaged: too many bytes belong to no frame", "Send the original file")
    if at < stop and frames < 2:
        raise NotAudio("it begins like an MP3, but there are no frames in it", CONVERT)
    if at < stop:
        refuse_another(buffer, at, "MP3")
        raise TruncatedAudio("the MP3 is damaged: its frames end before the file does", "Send the original file")
    return Walk(start, end, frames)


def begins_soon(buffer: Buffer) -> bool:
    """Is there an MP3 behind zeros and a few stray bytes? Two frames in a row must say so."""
    at = skip_zeros(buffer, 0)
    start = _find_next_frame(buffer, at, len(buffer)) if at < len(buffer) else at
    header = read_header(buffer[start : start + 4])
    return bool(header and read_header(buffer[start + header.length : start + header.length + 4]))


def _find_next_frame(buffer: Buffer, at: int, stop: int) -> int:
    """Where the next frame begins: at `at`, or after a few stray bytes; `stop` if only tags or padding follow."""
    if at < stop and read_header(buffer[at : at + 4]):
        return at
    ahead = buffer[at : min(at + STRAY_BYTES + 4, stop)]
    found = ahead.find(b"\xff")
    while found >= 0:
        header = read_header(ahead[found : found + 4])
        if header and _is_followed(buffer, at + found + header.length, stop):
            return at + found
        found = ahead.find(b"\xff", found + 1)
    return stop if at + STRAY_BYTES >= stop or not buffer[at:stop].strip(b"\0") else at


def _is_followed(buffer: Buffer, at: int, stop: int) -> bool:
    return at == stop or bool(read_header(buffer[at : at + 4]))


def _read_tag(frame: bytes, header: Header) -> Tag:
    if frame[_VBRI_AT : _VBRI_AT + 4] == b"VBRI":
        size, frames = struct.unpack(">II", frame[_VBRI_AT + 10 :].ljust(8, b"\0")[:8])
        return Tag(1, frames, size, played=True)
    tag = frame[4 + header.side :].ljust(16, b"\0")
    if tag[:4] not in (b"Xing", b"Info"):
        return Tag()
    flags, *fields = struct.unpack(">III", tag[4:16])
    frames = fields.pop(0) if flags & 1 else 0
    return Tag(1, frames, fields.pop(0) if flags & 2 else 0)


def make_info_frame(four: bytes, frames: int) -> bytes:
    """A silent first frame like the one that starts with `four`, which says that `frames` follow."""
    roomy = bytes((four[0], four[1] | 1, 0x90 | four[2] & 0x0C, four[3]))
    header = read_header(roomy)
    if header is None:
        raise ValueError(f"{four.hex()} is not a header of an MP3 frame")
    body = roomy + bytes(header.side) + b"Info" + struct.pack(">II", 1, frames)
    return body.ljust(header.length, b"\0")
