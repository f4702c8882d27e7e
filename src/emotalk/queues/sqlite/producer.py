"""The server's end of the request log in a SQLite file."""

import json
import shutil
import sqlite3
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from emotalk.errors import QueueFull, QueueUnavailable, RequestConflict
from emotalk.limits import MAX_MESSAGE_BYTES
from emotalk.queues.base import Receipt, Record
from emotalk.queues.lanes import check_waiting, lane_of
from emotalk.queues.sqlite.connection import PAGE_BYTES, Connection, measure_log
from emotalk.queues.sqlite.doorbell import Ringer, list_ports
from emotalk.queues.sqlite.ledger import SKIP
from emotalk.queues.sqlite.schema import count_unfinished
from emotalk.queues.strangers import text, whole

# A worker copies the write-ahead log away when it is idle or between two requests. This is for when no worker runs.
_CHECKPOINT_PAGES = 4000
# How long a refusal for want of room makes us unready: the next request may be smaller, or something done by then.
_REFUSED_SECONDS = 10.0
_KEPT_OF_A_SMALL_DISK = 8
MOST_LOG_BYTES = 256 * 2**20
"""Voices that are finished can lie beside the file as long as a program reads it: in so many bytes, and in no more."""

_AHEAD = """
    SELECT head, (SELECT count(*) FROM requests r WHERE r.partition = l.partition AND r.ended <> ''
        AND r.place BETWEEN l.head AND ? - 1 AND r.finished_at IS NOT NULL)
    FROM lanes l WHERE partition = ?"""
"""The second figure: what stands between and was cancelled."""
_EPOCH = "CAST(epoch AS INTEGER) AS epoch"
_NEWEST = f"""
    SELECT partition, place, digest, {_EPOCH}, ended, error FROM requests WHERE request_id = :id UNION ALL
    SELECT partition, place, digest, {_EPOCH}, 'dead', error FROM dead_letters WHERE request_id = :id
    ORDER BY epoch DESC LIMIT 1"""
"""A letter outlives the row of its run."""


# Not `next` alone: somebody may have put a row there by hand.
_NEXT = """
    SELECT max(next, coalesce((SELECT max(place) + 1 FROM requests r WHERE r.partition = lanes.partition), 0))
    FROM lanes WHERE partition = ?"""


@dataclass(frozen=True)
class Bounds:
    """Bounds of the file and of the unfinished requests in it; None and 0: without bounds."""

    max_bytes: int | None = None
    max_waiting: int = 0


class SqliteProducer:
    """Every append is one transaction with one full sync; `room` binds here only.

    So a full queue refuses new requests, and the worker can still finish, answer and delete those it has.
    """

    def __init__(self, path: Path, clock: Callable[[], float], room: Bounds) -> None:
        self._path, self._clock, self._room = path, clock, room
        self._file = Connection(path, sync="FULL", checkpoint_pages=_CHECKPOINT_PAGES, max_bytes=room.max_bytes)
        self._ringer = Ringer()
        self._inode = path.stat().st_ino
        self._refused_until = 0.0

    def append(self, request: Record, again: bool = False, fresh: bool = False) -> Receipt:
        """See Producer.append."""
        self._look_at_the_log()
        with self._file.write() as db:
            known, epoch = _find_run(db, request, again)
            if known is not None:
                return known
            self._check_waiting(db)
            self._look_at_the_disk(len(request.payload))
            # What an earlier run of this id had answered does not answer this one.
            db.execute("DELETE FROM results WHERE request_id = ?", (request.request_id,))
            # The file says how many lanes there are: two servers that were told differently must not disagree.
            receipt = self._store(db, request, _choose_lane(db, request.key), epoch)
            waiting = list_ports(db, "requests")
        self._ringer.ring(waiting)
        return receipt

    def _store(self, db: sqlite3.Connection, request: Record, partition: int, epoch: int) -> Receipt:
        try:
            receipt = _store(db, request, partition, self._clock(), epoch)
        except sqlite3.DatabaseError:
            self._note_no_room()
            raise
        self._refused_until = 0.0
        return receipt

    def _note_no_room(self) -> None:
        self._refused_until = time.monotonic() + _REFUSED_SECONDS

    def ahead(self, receipt: Receipt) -> int:
        """See Producer.ahead; two look-ups by key, however long the queue is."""
        with self._file.read() as db:
            row = db.execute(_AHEAD, (receipt.offset, receipt.partition)).fetchone()
        return 0 if row is None else max(0, receipt.offset - int(row[0]) - int(row[1]))

    def ping(self) -> None:
        """See Producer.ping. Takes the lock that an append takes, and looks for room for the largest request."""
        self._look_at_the_log()
        with self._file.write() as db:
            (pages,) = db.execute("PRAGMA page_count").fetchone()
            (unused,) = db.execute("PRAGMA freelist_count").fetchone()
            # A worker of the version before knows nothing of what was taken away, and would stand there for ever.
            db.execute(SKIP)
            self._check_waiting(db)
        limit = self._room.max_bytes
        if limit is not None and (pages - unused) * PAGE_BYTES >= limit:
            raise QueueFull(f"{self._path}: the queue holds its limit of {limit} bytes.")
        if time.monotonic() < self._refused_until:
            raise QueueFull(f"{self._path}: had no room for a request a moment ago.")
        self._look_at_the_disk()

    def _check_waiting(self, db: sqlite3.Connection) -> None:
        if self._room.max_waiting:
            check_waiting(count_unfinished(db), self._room.max_waiting)

    def _look_at_the_log(self) -> None:
        if measure_log(self._path) > MOST_LOG_BYTES and not self._file.tidy():
            held = (
                f"another program reads the file, so {measure_log(self._path) >> 20} MiB wait in {self._path.name}-wal"
            )
            raise QueueFull(f"{self._path}: {held}. Close that program, e.g. a browser of databases.")

    def _look_at_the_disk(self, wanted: int = 0) -> None:
        """Some is left for the worker: on a disk that is quite full it could not even finish what would make room."""
        try:
            there = self._path.stat().st_ino
            disk = shutil.disk_usage(self._path)
        except OSError as error:
            raise QueueUnavailable(f"{self._path}: {error.strerror}.") from error
        if there != self._inode:  # appends would go into a file without a name, and nobody would ever find them
            raise QueueUnavailable(f"{self._path}: the file was replaced while it was open. Restart.")
        kept = min(MAX_MESSAGE_BYTES, disk.total // _KEPT_OF_A_SMALL_DISK)
        if disk.free < kept + 2 * wanted:  # once in the write-ahead log, once in the file
            if wanted:
                self._note_no_room()
            raise QueueFull(f"{self._path}: only {disk.free} bytes are left on its disk.")

    def close(self) -> None:
        """See Producer.close."""
        with suppress(QueueUnavailable):
            self._file.tidy()
        self._file.close()
        self._ringer.close()


def _find_run(db: sqlite3.Connection, request: Record, again: bool) -> tuple[Receipt | None, int]:
    """Where the request stands already, or which epoch it begins.

    Raises RequestConflict where its id stands for other content.
    """
    found = db.execute(_NEWEST, {"id": request.request_id}).fetchone()
    if found is None:
        return None, 1
    partition, place, digest, written, ended, error = found
    epoch = whole(written, 1)
    if ended == "dead" and digest == request.digest and not again:
        return Receipt(partition, place, True, epoch, failure=text(error)), epoch
    if ended:
        return None, epoch + 1
    if digest != request.digest:
        raise RequestConflict(f"request_id: {request.request_id!r} is taken by another request. Send a new id.")
    return Receipt(partition, place, True, epoch, (0, 0)), epoch


def _choose_lane(db: sqlite3.Connection, key: str) -> int:
    partitions = [partition for (partition,) in db.execute("SELECT partition FROM lanes ORDER BY partition")]
    return int(partitions[lane_of(key, len(partitions))])


def _store(db: sqlite3.Connection, request: Record, partition: int, now: float, epoch: int) -> Receipt:
    (place,) = db.execute(_NEXT, (partition,)).fetchone()
    db.execute("UPDATE lanes SET next = ? WHERE partition = ?", (place + 1, partition))
    payload = db.execute("INSERT INTO payloads (payload) VALUES (?)", (request.payload,)).lastrowid
    # SQLite gives a number again: where somebody has deleted a payload, its request would take this one's.
    db.execute("UPDATE requests SET payload = NULL WHERE payload = ?", (payload,))
    db.execute(
        "INSERT INTO requests (partition, place, request_id, key, digest, headers, payload, appended_at, epoch) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            *(partition, place, request.request_id, request.key, request.digest),
            *(json.dumps(dict(request.headers)), payload, now, epoch),
        ),
    )
    return Receipt(partition, place, epoch=epoch)
