"""A server's end of the result log in a SQLite file."""

import sqlite3
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from emotalk.errors import QueueError
from emotalk.queues.base import Cursor, Result
from emotalk.queues.sqlite.connection import Connection
from emotalk.queues.sqlite.doorbell import Doorbell
from emotalk.queues.strangers import blob, text

_AT_ONCE = 64


class SqliteResults:
    """Results are numbered in the order of their commits, so "what is new" is one comparison."""

    def __init__(self, path: Path) -> None:
        self._file, self._bell = Connection(path), Doorbell()
        with self._file.write() as db:
            self._bell.hang(db, "results")
            self._seen = _read_last_number(db)

    def poll(self, timeout: float) -> list[Result]:
        """See Results.poll."""
        until = time.monotonic() + timeout
        while True:
            self._bell.hush()
            found = self._select("seq > ? ORDER BY seq LIMIT ?", (self._seen, _AT_ONCE))
            left = until - time.monotonic()
            if found or left <= 0:
                self._seen = found[-1].cursor[1] if found else self._seen
                return found
            self._bell.wait(left)

    def read(self, request_id: str, start: Cursor, limit: int, last: Cursor | None = None) -> list[Result]:
        """See Results.read."""
        return self._select("request_id = ? AND seq >= ? ORDER BY seq LIMIT ?", (request_id, start[1], limit))

    def behind(self) -> int:
        """See Results.behind."""
        with self._file.read() as db:
            return max(0, _read_last_number(db) - self._seen)

    def close(self) -> None:
        """See Results.close."""
        with suppress(QueueError), self._file.write() as db:
            db.execute("DELETE FROM bells WHERE port = ?", (self._bell.port,))
        self._bell.close()
        self._file.close()

    def _select(self, which: str, values: Sequence[object]) -> list[Result]:
        with self._file.read() as db:
            rows = db.execute(f"SELECT request_id, payload, seq FROM results WHERE {which}", values).fetchall()
        return [Result(text(name), blob(payload), (0, seq)) for name, payload, seq in rows]


def _read_last_number(db: sqlite3.Connection) -> int:
    """Not max(seq): the newest results may have been deleted, their numbers are not used again."""
    row = db.execute("SELECT seq FROM sqlite_sequence WHERE name = 'results'").fetchone()
    return 0 if row is None else int(row[0])
