"""MP3 (MPEG 1, 2 and 2.5, layer III), frame by frame.

An MP3 has no header of its own: its length is the number of its frames. Encoders leave that number in a silent first
frame ("Xing" or "Info"); where it is missing or wrong, libsndfile guesses from the first bit rate and loses the rest
of the clip. So the frames are counted here, and the decoder is given a first frame that tells the truth.
"""

import struct
from dataclasses import dataclass
from functools import lru_cache

from emotalk.audio.containers.base import Buffer, Coded
from emotalk.audio.containers.sniff import skip_id3
from emotalk.audio.limits import CONVERT, check_length, endless
from emotalk.errors import EmptyAudio, NotAudio, TruncatedAudio
from emotalk.limits import Limits

_KBITS_1 = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
_KBITS_2 = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
_RATES = (44_100, 48_000, 32_000)
_PADDING = 3  # frames of an encoder's delay and padding, which are not part of the clip
_STRAY_BYTES = 1_024  # what libmpg123 looks through for the next frame
_STRAY_BYTES_IN_ALL = 64 * 1_024


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
    """What a silent first frame promises: frames and bytes, 0 where it does not say. `silent` is 0 without one."""

    silent: int = 0
    frames: int = 0
    size: int = 0

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
    stop = _before_tags(buffer)
    start = _next_frame(buffer, start, stop)
    header = read_header(buffer[start : start + 4]) if start < stop else None
    if header is None:
        raise NotAudio("there is no MP3 frame in it", CONVERT)
    tag = _tag(buffer[start : start + header.length], header)
    check_length((tag.frames - _PADDING) * header.samples, header.rate, limits)
    walk = _walk(buffer, start, stop, limits)
    frames = walk.frames - tag.silent
    if tag.promises_more(walk):
        raise TruncatedAudio(
            f"the MP3 is cut: it promises {tag.frames} frames and holds {frames}", "Send the whole file"
        )
    if not frames:
        raise EmptyAudio("the MP3 has no frames", "Send a recording that is not empty")
    if tag.frames == frames:
        return Coded("MP3", buffer, walk.start, walk.stop)
    first = walk.start + header.length * tag.silent
    return Coded("MP3", buffer, first, walk.stop, head=info_frame(buffer[walk.start : walk.start + 4], frames))


def _walk(buffer: Buffer, start: int, stop: int, limits: Limits) -> Walk:
    at, end = start, start
    frames = samples = stray = 0
    while header := read_header(buffer[at : at + 4]) if at < stop else None:
        if at + header.length > stop:
            raise TruncatedAudio("the MP3 is cut: it ends within a frame", "Send the whole file")
        frames, samples, end = frames + 1, samples + header.samples, at + header.length
        if samples > limits.max_seconds * header.rate + _PADDING * header.samples:
            raise endless(samples, header.rate, limits)
        at = _next_frame(buffer, after := _skip_tags(buffer, end), stop)
        stray += max(at - after, 0) if at < stop else 0
        if stray > _STRAY_BYTES_IN_ALL:
            raise TruncatedAudio("the MP3 is damaged: too many bytes belong to no frame", "Send the original file")
    if at < stop and frames < 2:
        raise NotAudio("it begins like an MP3, but there are no frames in it", CONVERT)
    if at < stop:
        raise TruncatedAudio("the MP3 is damaged: its frames end before the file does", "Send the original file")
    return Walk(start, end, frames)


def _before_tags(buffer: Buffer) -> int:
    """Where the ID3v1 and APEv2 tags at the end begin: a last frame that is cut reaches into them."""
    stop = len(buffer) - 128 if buffer[-128:-125] == b"TAG" else len(buffer)
    footer = buffer[max(stop - 32, 0) : stop]
    if footer[:8] != b"APETAGEX":
        return stop
    size, _, flags = struct.unpack("<III", footer[12:24])
    return int(max(stop - size - (32 if flags >> 31 else 0), 0))


def _skip_tags(buffer: Buffer, at: int) -> int:
    """Where the file goes on after the tags at `at`: at its end, or between two files that were joined."""
    while (name := buffer[at : at + 8]).startswith((b"ID3", b"TAG", b"APETAGEX", b"LYRICSBE")):
        if name.startswith(b"ID3"):
            at = skip_id3(buffer, at)
        elif name.startswith(b"TAG"):
            at += 128
        elif name == b"APETAGEX":
            size, _, flags = struct.unpack("<III", buffer[at + 12 : at + 24].ljust(12, b"\0"))
            at += 32 + (size if flags >> 29 & 1 else 0)
        else:
            end = buffer.find(b"LYRICS200", at)
            at = end + 9 if end > 0 else len(buffer)
    return at


def _next_frame(buffer: Buffer, at: int, stop: int) -> int:
    """Where the next frame begins: at `at`, or after a few stray bytes; `stop` if only tags or padding follow."""
    if at < stop and read_header(buffer[at : at + 4]):
        return at
    ahead = buffer[at : min(at + _STRAY_BYTES + 4, stop)]
    found = ahead.find(b"\xff")
    while found >= 0:
        header = read_header(ahead[found : found + 4])
        if header and _is_followed(buffer, at + found + header.length, stop):
            return at + found
        found = ahead.find(b"\xff", found + 1)
    return stop if at + _STRAY_BYTES >= stop or not buffer[at:stop].strip(b"\0") else at


def _is_followed(buffer: Buffer, at: int, stop: int) -> bool:
    return at == stop or bool(read_header(buffer[at : at + 4]))


def _tag(frame: bytes, header: Header) -> Tag:
    tag = frame[4 + header.side :].ljust(16, b"\0")
    if tag[:4] not in (b"Xing", b"Info"):
        return Tag()
    flags, *fields = struct.unpack(">III", tag[4:16])
    frames = fields.pop(0) if flags & 1 else 0
    return Tag(1, frames, fields.pop(0) if flags & 2 else 0)


def info_frame(four: bytes, frames: int) -> bytes:
    """A silent first frame like the one that starts with `four`, which says that `frames` follow."""
    roomy = bytes((four[0], four[1] | 1, 0x90 | four[2] & 0x0C, four[3]))
    header = read_header(roomy)
    if header is None:
        raise ValueError(f"{four.hex()} is no header of an MP3 frame")
    body = roomy + bytes(header.side) + b"Info" + struct.pack(">II", 1, frames)
    return body.ljust(header.length, b"\0")
