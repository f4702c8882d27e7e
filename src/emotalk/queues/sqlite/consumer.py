"""A worker's end of the queue in a SQLite file."""

import logging
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from math import inf
from pathlib import Path

from emotalk.errors import ClaimLost, JobCancelled, QueueError
from emotalk.queues.base import RESULTS_KEPT_SECONDS, Claim, Record
from emotalk.queues.sqlite.connection import Connection, measure_log
from emotalk.queues.sqlite.doorbell import Doorbell, Ringer, Topic, list_ports
from emotalk.queues.sqlite.ledger import SKIP, finish, write_letter, write_results
from emotalk.queues.strangers import blob, headers, is_id, parse, place_id, text, whole

log = logging.getLogger(__name__)

# A lease counts in both directions: a clock that was set back must not lock a dead worker's request up for hours.
_FREE = "(l.owner IS NULL OR l.owner = :me OR abs(:now - l.kept_at) >= min(l.lease, 3600))"
_LOOK = f"SELECT {_FREE} FROM lanes l WHERE l.head < l.next"
_OLDEST = f"""
    SELECT l.partition, l.head, l.token, l.attempts, r.request_id, r.key, r.digest, r.headers, r.epoch, r.payload,
        EXISTS (SELECT 1 FROM payloads p WHERE p.id = r.payload)
    FROM lanes l JOIN requests r ON r.partition = l.partition AND r.place = l.head
    WHERE l.head < l.next AND {_FREE} ORDER BY l.owner IS :me DESC, r.appended_at, r.place LIMIT 1"""
_OWNED = """
    SELECT r.ended FROM lanes l JOIN requests r ON r.partition = l.partition AND r.place = l.head
    WHERE l.partition = ? AND l.head = ? AND l.token = ? AND l.owner = ?"""
_HELD = "partition = ? AND head = ? AND token = ?"
_LEAVE = "owner = NULL, kept_at = 0, lease = 0"

_BUSY_LOG_BYTES = 4 * 2**20
_HELD_SECONDS = 60.0
_ROWS_AT_ONCE = 256
_PAGES_AT_ONCE = 2048


class SqliteConsumer:
    """The claim is a lease on a lane, fenced by a token that grows at every claim.

    Every verb checks the token in the transaction that writes, so a worker that was thought dead can change nothing.
    """

    def __init__(self, path: Path, name: str, clock: Callable[[], float], lease_seconds: float) -> None:
        self._path, self._name, self._clock, self._lease = path, name, clock, lease_seconds
        self._file = Connection(path)
        self._bell, self._ringer = Doorbell(), Ringer()
        self._held: Claim | None = None
        self._voices_in_log = False
        self._log_held_since: float | None = None
        with self._file.write() as db:
            self._bell.hang(db, "requests")

    def claim(self, timeout: float) -> Claim | None:
        """See Consumer.claim. A claim that this name holds already, from an earlier life or by mistake, comes first."""
        until = time.monotonic() + timeout
        self._tidy_a_long_log()
        while True:
            self._bell.hush()
            self._held = self._take()
            left = until - time.monotonic()
            if self._held is not None or left <= 0:
                return self._held
            if not self._bell.wait(left):
                self._tidy()  # nobody has rung for a while: nobody is kept waiting by it

    def _take(self) -> Claim | None:
        # A look without the write lock first: idle workers must not stand in the way of an append.
        if not any(self._list_lanes()):
            return None
        now = self._clock()
        with self._file.write() as db:
            db.execute(SKIP)
            row = db.execute(_OLDEST, {"me": self._name, "now": now}).fetchone()
            if row is None:
                return None
            partition, head, token, attempts, written_id, key, digest, written, epoch, payload_id, is_there = row
            token, name = whole(token, most=2**53) + 1, _choose_id(db, partition, head, written_id)
            db.execute(
                "UPDATE lanes SET token = ?, owner = ?, kept_at = ?, lease = ? WHERE partition = ?",
                (token, self._name, now, self._lease, partition),
            )
        payload = (
            self._read_payload(payload_id) if is_there else b""
        )  # somebody has deleted it: nothing that could be done
        if payload is None:
            return None
        request = Record(name, text(key), text(digest), payload, headers(parse(text(written))))
        return Claim(request, partition, head, whole(attempts), token, whole(epoch, 1))

    def _read_payload(self, payload_id: int) -> bytes | None:
        """Read after the commit: 64 MiB are not copied while everyone else waits. None: a successor has finished it."""
        with self._file.read() as db:
            found = db.execute("SELECT payload FROM payloads WHERE id = ?", (payload_id,)).fetchone()
        return None if found is None else blob(found[0])

    def _list_lanes(self) -> list[bool]:
        """For each lane with work: may this worker have it?"""
        with self._file.read() as db:
            rows = db.execute(_LOOK, {"me": self._name, "now": self._clock()}).fetchall()
        return [bool(free) for (free,) in rows]

    def standing_by(self) -> bool:
        """See Consumer.standing_by."""
        lanes = self._list_lanes()
        return bool(lanes) and not any(lanes)

    def begin(self, claim: Claim, attempt: int) -> None:
        """See Consumer.begin."""
        with self._owning(claim) as db:
            started = "started_at = iif(started_at = 0, ?, started_at)"
            db.execute(
                f"UPDATE lanes SET attempts = ?, {started} WHERE {_HELD}", (attempt, self._clock(), *_to_place(claim))
            )

    def keep(self, claim: Claim) -> None:
        """See Consumer.keep."""
        with self._owning(claim) as db:
            db.execute(f"UPDATE lanes SET kept_at = ? WHERE {_HELD}", (self._clock(), *_to_place(claim)))

    def publish(self, claim: Claim, results: Sequence[bytes]) -> None:
        """See Consumer.publish."""
        with self._owning(claim, wakes="results") as db:
            write_results(db, claim.request.request_id, self._clock(), results)

    def complete(self, claim: Claim) -> None:
        """See Consumer.complete. The voice is deleted in the transaction that finishes its request."""
        with self._owning(claim, wakes="requests", whatever=True) as db:
            self._finish(db, claim)
        self._let_go()

    def bury(self, claim: Claim, letter: bytes, error: str, results: Sequence[bytes]) -> None:
        """See Consumer.bury. One transaction, so there is no order to get wrong."""
        with self._owning(claim, wakes="results") as db:
            write_letter(db, claim.partition, claim.offset, self._clock(), error, letter)
            write_results(db, claim.request.request_id, self._clock(), results)
            self._finish(db, claim)
        self._let_go()

    def _finish(self, db: sqlite3.Connection, claim: Claim) -> None:
        finish(db, claim.partition, claim.offset, self._clock())
        _advance(db, claim)

    def give_back(self, claim: Claim) -> None:
        """See Consumer.give_back. Attempts that failed before the current one still count."""
        with self._owning(claim, wakes="requests", whatever=True) as db:
            db.execute(
                f"UPDATE lanes SET attempts = max(?, attempts - 1), {_LEAVE} WHERE {_HELD}",
                (claim.attempts, *_to_place(claim)),
            )
        self._held = None

    def housekeep(self) -> None:
        """See Consumer.housekeep. In small transactions: nobody waits for a day's results to be wiped."""
        before = self._clock() - RESULTS_KEPT_SECONDS
        # Requests first, and results only with them: one whose answer began a day before it was finished must not lose
        # its first frames while it is still taken for one that can be read.
        # What still stands before a waiting one is counted by it.
        passed = "place < (SELECT head FROM lanes l WHERE l.partition = requests.partition)"
        self._delete("requests", "partition, place", "finished_at", before, passed)
        self._delete("results", "seq", "written_at", before, "request_id NOT IN (SELECT request_id FROM requests)")
        with self._file.read() as db:
            (unused,) = db.execute("PRAGMA freelist_count").fetchone()
            for _ in range(0, unused, _PAGES_AT_ONCE):
                # It answers a row per page but has no columns: sqlite3's execute would stop after the first page.
                db.executescript(f"PRAGMA incremental_vacuum({_PAGES_AT_ONCE})")
        self._voices_in_log = True
        self._tidy()

    def close(self) -> None:
        """See Consumer.close. Others need not wait for the lease to run out."""
        with suppress(QueueError):
            with self._file.write() as db:
                if self._held is not None:
                    db.execute(f"UPDATE lanes SET {_LEAVE} WHERE {_HELD}", _to_place(self._held))
                db.execute("DELETE FROM bells WHERE port = ?", (self._bell.port,))
                waiting = list_ports(db, "requests")
            self._ringer.ring(waiting)
            self._tidy()
        self._bell.close()
        self._file.close()
        self._ringer.close()

    @contextmanager
    def _owning(self, claim: Claim, wakes: Topic | None = None, whatever: bool = False) -> Iterator[sqlite3.Connection]:
        """A transaction in which `claim` is still ours.

        Raises ClaimLost or, unless `whatever`, JobCancelled; then nothing was written.
        """
        waiting: list[int] = []
        with self._file.write() as db:
            found = db.execute(_OWNED, (*_to_place(claim), self._name)).fetchone()
            if found is None:
                raise ClaimLost(f"request {claim.request.request_id!r}: another worker has it, or has finished it.")
            if found[0] and not whatever:
                raise JobCancelled(f"request {claim.request.request_id!r} was cancelled.")
            yield db
            if wakes is not None:
                waiting = list_ports(db, wakes, besides=self._bell.port)
        self._ringer.ring(waiting)

    def _let_go(self) -> None:
        self._held, self._voices_in_log = None, True

    def _tidy_a_long_log(self) -> None:
        """Between two requests, for a worker that is never idle. The answer of the last one is out already."""
        if self._voices_in_log and measure_log(self._path) > _BUSY_LOG_BYTES:
            self._tidy()

    def _tidy(self) -> None:
        if self._voices_in_log:
            self._voices_in_log = not self._file.tidy()
            self._say_whether_held()

    def _say_whether_held(self) -> None:
        """Once for each time that another program keeps the log from being emptied for long."""
        if not self._voices_in_log:
            self._log_held_since = None
        elif self._log_held_since is None:
            self._log_held_since = self._clock()
        elif self._clock() - self._log_held_since > _HELD_SECONDS:
            self._log_held_since = inf
            fix = "close the program that reads the file, e.g. a browser of databases; finished voices stay until then"
            log.warning(
                "queue log held", extra={"file": f"{self._path}-wal", "bytes": measure_log(self._path), "fix": fix}
            )

    def _delete(self, table: str, key: str, column: str, before: float, besides: str = "true") -> None:
        chosen = f"SELECT {key} FROM {table} WHERE {column} < ? AND {besides} LIMIT {_ROWS_AT_ONCE}"
        deleted = _ROWS_AT_ONCE
        while deleted == _ROWS_AT_ONCE:
            with self._file.write() as db:
                deleted = db.execute(f"DELETE FROM {table} WHERE ({key}) IN ({chosen})", (before,)).rowcount


def _to_place(claim: Claim) -> tuple[int, int, int]:
    return claim.partition, claim.offset, claim.token


def _choose_id(db: sqlite3.Connection, partition: int, head: int, written: object) -> str:
    """The id of a request. What nobody could type to take it away is called after its place from now on."""
    name, at = text(written), "partition = ? AND place = ?"
    same = f"SELECT 1 FROM requests WHERE {at} AND request_id = ?"
    if is_id(name) and db.execute(same, (partition, head, name)).fetchone():
        return name
    name = place_id(partition, head)
    db.execute(f"UPDATE OR IGNORE requests SET request_id = ? WHERE {at}", (name, partition, head))
    return name


def _advance(db: sqlite3.Connection, claim: Claim) -> None:
    """Move the lane on to its next request, which nobody has and nobody has tried."""
    db.execute(
        f"UPDATE lanes SET head = head + 1, attempts = 0, started_at = 0, {_LEAVE} WHERE {_HELD}", _to_place(claim)
    )
