"""How much may be sent at once: what clients, server and queues agree on before anybody has looked at the sound."""

from dataclasses import dataclass

from emotalk.errors import AudioTooLong, EmptyAudio

MAX_MESSAGE_BYTES = 64 * 2**20
"""The largest message that a server takes and a queue keeps."""
MAX_RECORD_MIB = 65
"""The largest record of a queue: such a message in its envelope, its key and headers beside it."""
LONGEST_WAIT = 1e9
"""Seconds. The system's clocks take no more, and gRPC takes what is longer for a deadline that has passed."""
_ENVELOPE_BYTES = 64 * 2**10
"""More than a record's key and headers take, and what a dead letter says beside the job that it holds."""


def letter_bytes(record_mib: int) -> int:
    """How much of a job a dead letter of so many MiB holds."""
    return record_mib * 2**20 - _ENVELOPE_BYTES


def job_bytes(record_mib: int) -> int:
    """The largest job where the queue takes records of so many MiB: its letter must fit, too."""
    return min(MAX_MESSAGE_BYTES, letter_bytes(record_mib))


@dataclass(frozen=True)
class Limits:
    """The longest clip in seconds, and the largest one that is handed over as bytes (64 MiB fit into one message).

    `queued_bytes`: what its job may take in the queue.
    """

    max_seconds: float = 1800.0
    max_bytes: int = MAX_MESSAGE_BYTES
    queued_bytes: int = MAX_MESSAGE_BYTES


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
