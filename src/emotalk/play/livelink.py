"""The packet of Apple's and Epic's Live Link Face app, as Unreal's Live Link source reads it from UDP port 11111.

Big-endian: version 6 (1 byte), device id and subject name (each a length of 4 bytes and that many bytes), frame number
(4), part of a frame (float), numerator and denominator of the frame rate (4 and 4), count 61 (1), 61 floats.
"""

import socket
import struct
import uuid
from collections.abc import Sequence
from fractions import Fraction

from emotalk.export.livelink import COLUMNS, COUNT, ROTATIONS, rotations, to_arkit
from emotalk.face import INDEX
from emotalk.timebase import FPS

DEFAULT_PORT = 11111
VERSION = 6

_TURNED = {"JawRight": "JawLeft", "JawLeft": "JawRight", "MouthRight": "MouthLeft", "MouthLeft": "MouthRight"}
_ORDER = [INDEX[to_arkit(_TURNED.get(column, column))] for column in COLUMNS]
"""The packet has left before right for jaw and mouth too, which the recorded file has the other way round."""

_STILL = (0.0,) * len(ROTATIONS)


class LiveLink:
    """`subject` is the name under which Unreal lists the face."""

    def __init__(
        self, host: str, port: int, subject: str = "emotalk", device: str = "", fps: Fraction = Fraction(FPS)
    ) -> None:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0]
        self._socket, self._address = socket.socket(family, kind, protocol), address
        # A device id has the length of a UUID; one subject from one machine keeps its own.
        self._device = (device or str(uuid.uuid5(uuid.NAMESPACE_DNS, f"{socket.gethostname()}/{subject}"))).upper()
        self._subject, self._fps = subject, fps

    def send(self, frame: int, seconds: float, values: Sequence[float], head: Sequence[float] | None = None) -> None:
        """See Receiver."""
        turns = _STILL if head is None else rotations(values, head)
        shapes = (*(values[i] for i in _ORDER), *turns)
        time = struct.pack("!IfII", frame, 0.0, self._fps.numerator, self._fps.denominator)
        packet = struct.pack("!B", VERSION) + _pack_text(self._device) + _pack_text(self._subject) + time
        self._socket.sendto(packet + struct.pack(f"!B{COUNT}f", COUNT, *shapes), self._address)

    def close(self) -> None:
        """The packet knows no good-bye."""
        self._socket.close()


def _pack_text(text: str) -> bytes:
    data = text.encode()
    return struct.pack("!I", len(data)) + data
