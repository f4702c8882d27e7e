"""An HTTP/2 client that does what no library lets it do: shut its window, send half a request, and stay."""

import socket
import ssl
import struct
from contextlib import suppress
from select import select
from threading import Lock, Thread

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, SETTINGS, PING, WINDOW = 0, 1, 4, 6, 8
END_HEADERS, END_STREAM, ACK = 4, 1, 1
INITIAL_WINDOW = 4


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    """RFC 9113, 4.1."""
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def _integer(value: int, bits: int) -> bytes:
    most = (1 << bits) - 1
    if value < most:
        return bytes([value])
    value, found = value - most, [most]
    while value >= 128:
        found.append(value % 128 + 128)
        value //= 128
    return bytes([*found, value])


def headers(*pairs: tuple[str, str]) -> bytes:
    """Literal fields without a table (RFC 7541, 6.2.2)."""
    return b"".join(b"\0" + b"".join(_integer(len(word), 7) + word.encode() for word in pair) for pair in pairs)


def message(payload: bytes) -> bytes:
    """gRPC's frame of one message, uncompressed."""
    return b"\0" + struct.pack(">I", len(payload)) + payload


class Attacker:
    """One connection; it answers pings and settings, and reads whatever comes."""

    def __init__(self, port: int, tls: ssl.SSLContext | None = None, window: int = 65_535) -> None:
        plain = socket.create_connection(("127.0.0.1", port), 30)
        self._socket = tls.wrap_socket(plain, server_hostname="localhost") if tls else plain
        self._stream, self._lock = -1, Lock()  # OpenSSL reads and writes one connection in turns
        self.received = bytearray()
        self._send(PREFACE + frame(SETTINGS, 0, 0, struct.pack(">HI", INITIAL_WINDOW, window)))
        Thread(target=self._answer, daemon=True).start()

    def _send(self, data: bytes) -> None:
        with self._lock:
            self._socket.sendall(data)

    def begin(self, path: str, *more: tuple[str, str]) -> int:
        """A call without a message; the number of its stream."""
        self._stream += 2
        fields = ((":method", "POST"), (":scheme", "https"), (":path", path), (":authority", "localhost"))
        block = headers(*fields, ("content-type", "application/grpc"), ("te", "trailers"), *more)
        self._send(frame(HEADERS, END_HEADERS, self._stream, block))
        return self._stream

    def data(self, stream: int, payload: bytes, end: bool = True) -> None:
        """A piece of its request, within the window."""
        self._send(frame(DATA, END_STREAM if end else 0, stream, payload))

    def call(self, path: str, payload: bytes = b"") -> int:
        """A whole call of one message."""
        stream = self.begin(path)
        self.data(stream, message(payload))
        return stream

    def close(self) -> None:
        """Hang up."""
        self._socket.close()

    def _answer(self) -> None:
        waiting = b""
        with suppress(OSError, ValueError):  # it is closed
            while True:
                select([self._socket], [], [])
                with self._lock:
                    more = self._socket.recv(65_536)
                if not more:
                    return
                waiting = self._frames(waiting + more)

    def _frames(self, waiting: bytes) -> bytes:
        while len(waiting) >= 9 and len(waiting) >= 9 + (size := int.from_bytes(waiting[:3], "big")):
            kind, flags, payload = waiting[3], waiting[4], waiting[9 : 9 + size]
            if kind in (PING, SETTINGS) and not flags & ACK:
                self._send(frame(kind, ACK, 0, payload if kind == PING else b""))
            self.received += bytes([kind])
            waiting = waiting[9 + size :]
        return waiting
