"""How a server and a live engine talk: a connection a stream; a length and a kind stand before each message.

    server ──► OPENING, then SOUND and FELT as they come, END          MEASURE
    engine ◄── CHUNK as they are drawn, then DONE or FAILURE           MEASURED

Not gRPC, whose Python costs more for one message than everything else that a relay does: docs/decisions/0037. A
connection that ends before its last word is an engine that has died, or a caller who has hung up.
"""

import asyncio
import struct
from enum import IntEnum

_HEAD = struct.Struct("<IB")
READ_AHEAD = 2**18
"""Bytes of sound that are read before they are wanted; then the sender waits."""


class Kind(IntEnum):
    """What a message is."""

    OPENING = 1
    SOUND = 2
    FELT = 3
    END = 4
    CHUNK = 5
    DONE = 6
    FAILURE = 7
    MEASURE = 8
    MEASURED = 9


def frame(kind: Kind, body: bytes = b"") -> bytes:
    """A message as it goes over the socket."""
    return _HEAD.pack(len(body), kind) + body


async def receive(reader: asyncio.StreamReader) -> tuple[Kind, bytes] | None:
    """The next message; None where the other side is gone."""
    try:
        size, kind = _HEAD.unpack(await reader.readexactly(_HEAD.size))
        return Kind(kind), await reader.readexactly(size) if size else b""
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
