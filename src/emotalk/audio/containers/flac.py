"""FLAC: the STREAMINFO block says how long the clip is, or 0 where its writer could not know."""

from emotalk.audio.containers.base import Buffer, Coded
from emotalk.audio.containers.tags import find_tags
from emotalk.audio.limits import check_length, check_shape
from emotalk.errors import NotAudio, TruncatedAudio
from emotalk.limits import Limits

_STREAMINFO_END = 42


def locate(buffer: Buffer, start: int, limits: Limits) -> Coded:
    """Find a FLAC stream that begins at `start`. Raises TruncatedAudio, NotAudio, UnsupportedAudio, AudioTooLong."""
    info = buffer[start : start + _STREAMINFO_END]
    if len(info) < _STREAMINFO_END:
        raise TruncatedAudio("the FLAC ends within its header", "Send the whole file")
    if info[4] & 0x7F:
        raise NotAudio("the FLAC does not begin with a STREAMINFO block", "Write it again: ffmpeg -i INPUT output.flac")
    bits = int.from_bytes(info[18:26], "big")
    rate, channels, total = bits >> 44, (bits >> 41 & 7) + 1, bits & (1 << 36) - 1
    check_shape(rate, channels)
    check_length(total, rate, limits)
    return Coded("FLAC", buffer, start, find_tags(buffer), counted=total > 0)
