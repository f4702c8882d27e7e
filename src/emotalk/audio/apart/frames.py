"""What server and decoding child say to each other over two pipes.

clip    length, 8 bytes · that many bytes
answer  kind, 1 byte · samples, 8 bytes · length, 8 bytes · that many bytes
"""

import struct
from typing import BinaryIO, NamedTuple

READY, SOUND, REFUSED, OUT_OF_MEMORY = range(4)

_CLIP = struct.Struct("<Q")
_ANSWER = struct.Struct("<BQQ")


class Reply(NamedTuple):
    """`payload`: FLAC of `samples`, or for a refusal the error's name, problem and fix, with NUL between them."""

    kind: int
    samples: int
    payload: bytes


def write_clip(target: BinaryIO, clip: bytes) -> None:
    """Raises BrokenPipeError where the child has gone."""
    target.write(_CLIP.pack(len(clip)))
    target.write(clip)
    target.flush()


def read_clip(source: BinaryIO, largest: int) -> bytes | None:
    """None at the end. Raises ValueError for one that is larger than agreed."""
    head = source.read(_CLIP.size)
    if len(head) < _CLIP.size:
        return None
    (length,) = _CLIP.unpack(head)
    if length > largest:
        raise ValueError(f"a clip of {length} bytes")
    clip = source.read(length)
    return clip if len(clip) == length else None


def write_answer(target: BinaryIO, kind: int, payload: bytes = b"", samples: int = 0) -> None:
    """Raises BrokenPipeError where the server has gone."""
    target.write(_ANSWER.pack(kind, samples, len(payload)))
    target.write(payload)
    target.flush()


def read_answer(source: BinaryIO, largest: int) -> Reply | None:
    """None where the child has gone, or says more than an honest one would: it has read what strangers sent."""
    head = source.read(_ANSWER.size)
    if len(head) < _ANSWER.size:
        return None
    kind, samples, length = _ANSWER.unpack(head)
    payload = source.read(length) if length <= largest else b""
    return Reply(kind, samples, payload) if len(payload) == length else None
