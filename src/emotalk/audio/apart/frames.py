"""What server and decoding child say to each other over two pipes.

clip    how it is to be read, 66 bytes · length, 8 bytes · that many bytes
answer  kind, 1 byte · samples, 8 bytes · length, 8 bytes · length of what is missing, 2 bytes · those bytes
"""

import struct
from typing import BinaryIO, NamedTuple

from emotalk.audio.sent import AS_IT_IS, Sent

READY, SOUND, REFUSED, OUT_OF_MEMORY, BROKE = range(5)

MOST_MISSING = 500
_CLIP = struct.Struct("<?64sQ")
_ANSWER = struct.Struct("<BQQH")


class Reply(NamedTuple):
    """`payload`: FLAC of `samples`, or for a refusal the error's name, problem and fix, with NUL between them;
    for a child that broke, the kind of exception that ends it.

    `missing`: what a damaged clip lacks.
    """

    kind: int
    samples: int
    payload: bytes
    missing: str


def write_clip(target: BinaryIO, clip: bytes, sent: Sent = AS_IT_IS) -> None:
    """Raises BrokenPipeError where the child has gone."""
    target.write(_CLIP.pack(sent.lenient, sent.audio_format.encode(), len(clip)))
    target.write(clip)
    target.flush()


def read_clip(source: BinaryIO, largest: int) -> tuple[bytes, Sent] | None:
    """None at the end. Raises ValueError for one that is larger than agreed."""
    head = source.read(_CLIP.size)
    if len(head) < _CLIP.size:
        return None
    lenient, audio_format, length = _CLIP.unpack(head)
    if length > largest:
        raise ValueError(f"a clip of {length} bytes")
    clip = source.read(length)
    return (clip, Sent(audio_format.rstrip(b"\0").decode(), lenient)) if len(clip) == length else None


def write_answer(target: BinaryIO, kind: int, payload: bytes = b"", samples: int = 0, missing: str = "") -> None:
    """Raises BrokenPipeError where the server has gone."""
    lacking = missing.encode()[:MOST_MISSING]
    target.write(_ANSWER.pack(kind, samples, len(payload), len(lacking)))
    target.write(payload + lacking if lacking else payload)
    target.flush()


def read_answer(source: BinaryIO, largest: int) -> Reply | None:
    """None where the child has gone, or says more than an honest one would: it has read what strangers sent."""
    head = source.read(_ANSWER.size)
    if len(head) < _ANSWER.size:
        return None
    kind, samples, length, lacking = _ANSWER.unpack(head)
    payload = source.read(length) if length <= largest else b""
    missing = source.read(min(lacking, MOST_MISSING)).decode("utf-8", "replace")
    return Reply(kind, samples, payload, missing) if len(payload) == length else None
