"""How much may be sent at once: what clients, server and queues agree on before anybody has looked at the sound."""

from dataclasses import dataclass

from emotalk.errors import AudioTooLong, EmptyAudio

MAX_MESSAGE_BYTES = 64 * 2**20
"""The largest message that a server takes and a queue keeps."""


@dataclass(frozen=True)
class Limits:
    """The longest clip in seconds, and the largest one that is handed over as bytes (64 MiB fit into one message)."""

    max_seconds: float = 1800.0
    max_bytes: int = MAX_MESSAGE_BYTES


DEFAULT_LIMITS = Limits()


def check_size(size: int, limits: Limits) -> None:
    """Raise EmptyAudio or AudioTooLong for a file of `size` bytes that would have to be held whole."""
    if not size:
        raise EmptyAudio("there are no bytes", "Send the contents of a WAV, FLAC, OGG or MP3 file")
    if size > limits.max_bytes:
        raise AudioTooLong(
            f"the file has {size / 2**20:.1f} MiB, the limit is {limits.max_bytes / 2**20:.1f} MiB",
            "Cut it into parts, or send it smaller: ffmpeg -i INPUT -vn -ac 1 -ar 16000 output.flac",
        )
