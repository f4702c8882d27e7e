"""A server's end of the result log in a SQLite file, and what an operator sees of the queue."""

import json
import sqlite3
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from emotalk.errors import QueueError
from emotalk.queues.base import Cursor, JobRow, JobState, Result
from emotalk.queues.sqlite.connection import Connection
from emotalk.queues.sqlite.doorbell import Doorbell

_AT_ONCE = 64

# A lane's oldest request is "running" while its owner's lease lives; a dead owner's waits, with its attempts counted.
_JOBS = """
    SELECT r.request_id, iif(r.finished_at IS NOT NULL, 'done', iif(r.place = l.head AND l.owner IS NOT NULL
        AND abs(:now - l.kept_at) < l.lease, 'running', 'queued')),
        r.partition, r.place, iif(r.place = l.head, l.attempts, r.attempts), r.headers, '', x''
    FROM requests r JOIN lanes l ON l.partition = r.partition ORDER BY r.appended_at, r.place"""
_DEAD = """
    SELECT request_id, 'dead', partition, place, attempts, headers, error, letter FROM dead_letters ORDER BY id"""
_STATES = ("queued", "running", "done", "dead")


class SqliteResults:
    """Results are numbered in the order of their commits, so "what is new" is one comparison."""

    def __init__(self, path: Path) -> None:
        self._file, self._bell = Connection(path), Doorbell()
        with self._file.write() as db:
            self._bell.hang(db, "results")
            self._seen = _last_number(db)

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

    def read(self, request_id: str, start: Cursor, limit: int) -> list[Result]:
        """See Results.read."""
        return self._select("request_id = ? AND seq >= ? ORDER BY seq LIMIT ?", (request_id, start[1], limit))

    def behind(self) -> int:
        """See Results.behind."""
        with self._file.read() as db:
            return max(0, _last_number(db) - self._seen)

    def close(self) -> None:
        """See Results.close."""
        with suppress(QueueError), self._file.write() as db:
            db.execute("DELETE FROM bells WHERE port = ?", (self._bell.port,))
        self._bell.close()
        self._file.close()

    def _select(self, which: str, values: Sequence[object]) -> list[Result]:
        with self._file.read() as db:
            rows = db.execute(f"SELECT request_id, payload, seq FROM results WHERE {which}", values).fetchall()
        return [Result(request_id, payload, (0, seq)) for request_id, payload, seq in rows]


def _last_number(db: sqlite3.Connection) -> int:
    """Not max(seq): the newest results may have been deleted, their numbers are not used again."""
    row = db.execute("SELECT seq FROM sqlite_sequence WHERE name = 'results'").fetchone()
    return 0 if row is None else int(row[0])


def job_rows(db: sqlite3.Connection, now: float) -> list[JobRow]:
    """See Queue.jobs."""
    rows = db.execute(_JOBS, {"now": now}).fetchall() + db.execute(_DEAD).fetchall()
    jobs = [_job_row(*row) for row in rows]
    return sorted(jobs, key=lambda job: _STATES.index(job.state))


def _job_row(
    request_id: str, state: JobState, partition: int, place: int, attempts: int, headers: str, error: str, letter: bytes
) -> JobRow:
    return JobRow(request_id, state, partition, place, attempts, json.loads(headers), error, letter)
