"""What a queue in a SQLite file looks like from outside."""

import shutil
import sqlite3
from pathlib import Path

from emotalk.errors import QueueUnavailable
from emotalk.queues.base import LaneReading, Reading, Usage
from emotalk.queues.sqlite.connection import PAGE_BYTES, Connection, measure_log
from emotalk.queues.strangers import number, whole

# A lane knows its own length, so this costs a few look-ups by key for each, however long the queue is.
_LANES = """
    SELECT l.partition, l.next - l.head - (SELECT count(*) FROM requests r WHERE r.partition = l.partition
            AND r.ended <> '' AND r.place >= l.head AND r.finished_at IS NOT NULL),
        (SELECT appended_at FROM requests r WHERE r.partition = l.partition AND r.place >= l.head
            AND r.finished_at IS NULL ORDER BY r.place LIMIT 1)
    FROM lanes l ORDER BY l.partition"""


class SqliteMeter:
    """See Meter. `max_bytes` is the limit that the queue was opened with, None where only the disk is one."""

    def __init__(self, path: Path, max_bytes: int | None) -> None:
        self._path, self._max_bytes = path, max_bytes
        self._file = Connection(path)

    def read(self) -> Reading:
        """See Meter.read."""
        with self._file.read() as db:
            lanes = [_read_lane(*row) for row in db.execute(_LANES).fetchall()]
            (dead,) = db.execute("SELECT count(*) FROM dead_letters").fetchone()
            used = _count_used(db)
        return Reading(lanes, int(dead), self._measure_room(used))

    def _measure_room(self, used: int) -> Usage:
        try:
            free = shutil.disk_usage(self._path).free
        except OSError as error:
            raise QueueUnavailable(f"{self._path}: {error.strerror}.") from error
        limit = used + free if self._max_bytes is None else min(self._max_bytes, used + free)
        return Usage(used, limit, free, measure_log(self._path))

    def close(self) -> None:
        """See Meter.close."""
        self._file.close()


def _read_lane(partition: int, unfinished: object, oldest_at: object) -> LaneReading:
    return LaneReading(partition, whole(unfinished), number(oldest_at) or None)


def _count_used(db: sqlite3.Connection) -> int:
    (pages,) = db.execute("PRAGMA page_count").fetchone()
    (unused,) = db.execute("PRAGMA freelist_count").fetchone()
    return int(pages - unused) * PAGE_BYTES
