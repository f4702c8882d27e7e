"""Sound as a job carries it, and the one step that makes it of what a caller sent."""

from dataclasses import dataclass

from emotalk.audio.decode import open_audio
from emotalk.audio.sent import AS_IT_IS, Sent
from emotalk.audio.transport import encode_flac
from emotalk.limits import Limits


@dataclass(frozen=True)
class Prepared:
    """`flac` holds exactly `samples` at 16 kHz, mono; `missing`: what a damaged file lacked, else empty."""

    samples: int
    flac: bytes
    missing: str = ""


def prepare(data: bytes, limits: Limits, sent: Sent = AS_IT_IS) -> Prepared:
    """Decode and encode anew, in this process. Raises AudioError."""
    reader = open_audio(data, limits, sent)
    pcm = reader.whole()
    return Prepared(len(pcm), encode_flac(pcm), reader.missing)
