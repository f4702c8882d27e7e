"""Sound as a job carries it, and the one step that makes it of what a caller sent."""

from dataclasses import dataclass

from emotalk.audio.decode import decode
from emotalk.audio.transport import encode_flac
from emotalk.limits import Limits


@dataclass(frozen=True)
class Prepared:
    """`flac` holds exactly `samples` at 16 kHz, mono."""

    samples: int
    flac: bytes


def prepare(data: bytes, limits: Limits) -> Prepared:
    """Decode and encode anew, in this process. Raises AudioError."""
    pcm = decode(data, limits)
    return Prepared(len(pcm), encode_flac(pcm))
