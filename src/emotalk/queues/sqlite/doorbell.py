"""Wakes a waiting process at once, and works without being needed.

SQLite has no way to say "something was written". So whoever waits listens on a loopback port of its own and leaves the
number in the file; whoever writes sends an empty datagram there after its commit. A datagram that is lost costs one
look per FALLBACK_SECONDS; one that nobody sent costs one look for nothing. Nothing is ever decided by a bell.
"""

import socket
import sqlite3
import threading
from collections.abc import Iterable
from contextlib import suppress
from typing import Literal

from emotalk.errors import QueueUnavailable

FALLBACK_SECONDS = 0.25
_LOOPBACK = "127.0.0.1"
_DRAINED_AT_MOST = 1000

Topic = Literal["requests", "results"]


class Doorbell:
    """The ear of one waiting thread."""

    def __init__(self) -> None:
        self._ear = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            self._ear.bind((_LOOPBACK, 0))
        except OSError as error:
            self._ear.close()
            raise QueueUnavailable(f"No UDP port on {_LOOPBACK} is available: {error.strerror}.") from error
        self.port: int = self._ear.getsockname()[1]
        self._listening, self._closed = threading.Lock(), False

    def hang(self, db: sqlite3.Connection, topic: Topic) -> None:
        """Leave the port in the file, inside the caller's transaction, and take away those of the dead."""
        for (port,) in db.execute("SELECT port FROM bells").fetchall():
            if _is_free(port):
                db.execute("DELETE FROM bells WHERE port = ?", (port,))
        db.execute("INSERT OR REPLACE INTO bells (port, topic) VALUES (?, ?)", (self.port, topic))

    def hush(self) -> None:
        """Forget what has rung so far. Call it before looking, or a ring between look and wait would be lost."""
        with self._listening, suppress(OSError):
            self._ear.settimeout(0)
            for _ in range(_DRAINED_AT_MOST):
                self._ear.recv(1)

    def wait(self, seconds: float) -> bool:
        """True as soon as it rings, False after `seconds`, or after FALLBACK_SECONDS if that is sooner."""
        with self._listening:
            if self._closed:
                return True
            self._ear.settimeout(max(min(seconds, FALLBACK_SECONDS), 0.001))
            try:
                self._ear.recv(1)
            except OSError as error:
                return not isinstance(error, TimeoutError)
        return True

    def close(self) -> None:
        """Wake whoever waits, then fall silent."""
        self._closed = True
        with Ringer() as ringer:
            ringer.ring([self.port])
        with self._listening:
            self._ear.close()


class Ringer:
    """The finger of one writer."""

    def __init__(self) -> None:
        self._hand = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._hand.setblocking(False)

    def ring(self, ports: Iterable[int]) -> None:
        """Send and forget: a bell that cannot be reached costs its owner a quarter of a second."""
        for port in ports:
            with suppress(OSError, OverflowError, TypeError):
                self._hand.sendto(b"", (_LOOPBACK, port))

    def close(self) -> None:
        self._hand.close()

    def __enter__(self) -> "Ringer":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def list_ports(db: sqlite3.Connection, topic: Topic, besides: int = 0) -> list[int]:
    """Who waits for `topic`; not `besides`, which is the caller's own bell."""
    rows = db.execute("SELECT port FROM bells WHERE topic = ? AND port <> ?", (topic, besides)).fetchall()
    return [port for (port,) in rows]


def _is_free(port: int) -> bool:
    """A port that can be bound has no owner: its process was killed. What is not a port does not have one either."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((_LOOPBACK, port))
        except OSError:
            return False
        except (OverflowError, TypeError):
            return True
    return True
