"""The ledger of a queue in a SQLite file, and the endings that it shares with the worker."""

import sqlite3
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from emotalk.errors import QueueError
from emotalk.queues.base import STATES, JobRow, JobState
from emotalk.queues.sqlite.connection import Connection
from emotalk.queues.sqlite.doorbell import Ringer, list_ports
from emotalk.queues.strangers import blob, headers, number, parse, text, whole

# A lane's oldest request is "running" while its owner's lease lives; a dead owner's waits, with its attempts counted.
_RUNS = """
    SELECT r.request_id, iif(r.ended <> '', r.ended, iif(r.finished_at IS NOT NULL, 'done',
        iif(r.place = l.head AND l.owner IS NOT NULL AND abs(:now - l.kept_at) < l.lease, 'running', 'queued'))),
        r.partition, r.place, iif(r.place = l.head, l.attempts, r.attempts), r.headers, r.error, r.epoch, r.digest,
        iif(r.place = l.head, l.started_at, r.started_at), coalesce(r.finished_at, 0)
    FROM requests r LEFT JOIN lanes l ON l.partition = r.partition"""
# A letter outlives the row of its run.
_LETTERS = """
    SELECT request_id, 'dead', partition, place, attempts, headers, error, epoch, digest, started_at, buried_at
    FROM dead_letters"""
_SPAN = "SELECT min(seq), max(seq) FROM results WHERE request_id = ?"
_AT = "WHERE partition = ? AND place = ?"
_MOST_PLACES = 2**63 - 1

# What was taken away while it waited has nobody who would move its lane on.
SKIP = """
    UPDATE lanes SET attempts = 0, started_at = 0, owner = NULL, kept_at = 0, lease = 0, head = coalesce(
        (SELECT min(place) FROM requests r
        WHERE r.partition = lanes.partition AND r.place > lanes.head AND r.finished_at IS NULL), next)
    WHERE head < next AND NOT EXISTS (SELECT 1 FROM requests r
        WHERE r.partition = lanes.partition AND r.place = lanes.head AND r.finished_at IS NULL)"""


class SqliteLedger:
    """See Ledger. The voice of what is taken away goes in the transaction that takes it, or with its worker."""

    def __init__(self, path: Path, clock: Callable[[], float]) -> None:
        self._file, self._clock = Connection(path), clock
        self._ringer = Ringer()

    def find(self, request_id: str) -> JobRow | None:
        """See Ledger.find."""
        chosen = "WHERE request_id = :id ORDER BY epoch DESC LIMIT 1"
        values = {"now": self._clock(), "id": request_id}
        with self._file.read() as db:
            found = (
                db.execute(f"{_RUNS} {chosen}", values).fetchall()
                + db.execute(f"{_LETTERS} {chosen}", values).fetchall()
            )
            span = db.execute(_SPAN, (request_id,)).fetchone()
        # Of one run that has both, the row: it comes first.
        rows = [_make_row(*each, *span) for each in found]
        return max(rows, key=lambda row: row.epoch, default=None)

    def rows(self) -> list[JobRow]:
        """See Ledger.rows."""
        with self._file.read() as db:
            runs = f"{_RUNS} WHERE r.ended <> 'dead' ORDER BY r.appended_at, r.place"
            found = db.execute(runs, {"now": self._clock()}).fetchall()
            found += db.execute(f"{_LETTERS} ORDER BY id").fetchall()
        return sorted((_make_row(*each) for each in found), key=lambda row: STATES.index(row.state))

    def payload(self, row: JobRow) -> bytes:
        """See Ledger.payload."""
        with self._file.read() as db:
            if row.state == "dead":
                ids = _find_letters(db, row.request_id)
                newest = f"WHERE id IN ({ids}) ORDER BY epoch = ? DESC, id DESC LIMIT 1"
                found = db.execute(f"SELECT letter FROM dead_letters {newest}", (row.epoch,)).fetchone()
            else:
                payloads = f"SELECT payload FROM payloads WHERE id = (SELECT payload FROM requests {_AT})"
                found = db.execute(payloads, (row.partition, row.offset)).fetchone()
        return blob(found[0]) if found else b""

    def cancel(self, row: JobRow, results: Sequence[bytes]) -> JobRow:
        """See Ledger.cancel."""
        return self._take_away(row, "cancelled", "", b"", results)

    def bury(self, row: JobRow, letter: bytes, error: str, results: Sequence[bytes]) -> JobRow:
        """See Ledger.bury."""
        return self._take_away(row, "dead", error, letter, results)

    def _take_away(self, row: JobRow, ended: JobState, error: str, letter: bytes, results: Sequence[bytes]) -> JobRow:
        waiting: list[int] = []
        with self._file.write() as db:
            if self._is_open(db, row):
                now = self._clock()
                if letter:
                    write_letter(db, row.partition, row.offset, now, error, letter)
                db.execute(f"UPDATE requests SET ended = ?, error = ? {_AT}", (ended, error, *_to_place(row)))
                write_results(db, row.request_id, now, results)
                if not _is_held(db, row):
                    finish(db, *_to_place(row), now)
                waiting = list_ports(db, "results")
        self._ringer.ring(waiting)
        self._file.tidy()
        return self.find(row.request_id) or row

    def _is_open(self, db: sqlite3.Connection, row: JobRow) -> bool:
        open_run = f"SELECT 1 FROM requests {_AT} AND finished_at IS NULL AND ended = ''"
        return db.execute(open_run, _to_place(row)).fetchone() is not None

    def delete(self, request_id: str) -> int:
        """See Ledger.delete."""
        with self._file.write() as db:
            deleted = db.execute(f"DELETE FROM dead_letters WHERE id IN ({_find_letters(db, request_id)})").rowcount
            db.execute("UPDATE requests SET ended = 'failed' WHERE request_id = ? AND ended = 'dead'", (request_id,))
        self._file.tidy()
        return deleted

    def close(self) -> None:
        """See Ledger.close."""
        with suppress(QueueError):
            self._file.tidy()
        self._file.close()
        self._ringer.close()


def _find_letters(db: sqlite3.Connection, request_id: str) -> str:
    """The rows of an id's letters, for an IN; also of one that a stranger wrote as no text can be."""
    found = db.execute("SELECT id FROM dead_letters WHERE request_id = ?", (request_id,)).fetchall()
    if not found:
        rows = db.execute("SELECT id, request_id FROM dead_letters").fetchall()
        found = [(number,) for number, written in rows if text(written) == request_id]
    return ", ".join(str(number) for (number,) in found)


def write_results(db: sqlite3.Connection, request_id: str, now: float, results: Sequence[bytes]) -> None:
    """Append to the result log."""
    rows = [(request_id, now, payload) for payload in results]
    db.executemany("INSERT INTO results (request_id, written_at, payload) VALUES (?, ?, ?)", rows)


def write_letter(db: sqlite3.Connection, partition: int, place: int, now: float, error: str, letter: bytes) -> None:
    """Keep a dead letter of the run that stands there."""
    db.execute(
        "INSERT INTO dead_letters (request_id, partition, place, attempts, headers, error, buried_at, letter, epoch, "
        "digest, started_at) "
        "SELECT r.request_id, r.partition, r.place, iif(r.place = l.head, l.attempts, 0), r.headers, ?, ?, ?, r.epoch, "
        "r.digest, iif(r.place = l.head, l.started_at, 0) "
        "FROM requests r LEFT JOIN lanes l ON l.partition = r.partition WHERE r.partition = ? AND r.place = ?",
        (error, now, letter, partition, place),
    )
    db.execute(f"UPDATE requests SET ended = 'dead', error = ? {_AT}", (error, partition, place))


def finish(db: sqlite3.Connection, partition: int, place: int, now: float) -> None:
    """Nothing more will be done; the voice is deleted in the transaction that finishes its request."""
    others = "SELECT 1 FROM requests r WHERE r.payload = payloads.id AND (r.partition, r.place) <> (?, ?)"
    db.execute(
        f"DELETE FROM payloads WHERE id = (SELECT payload FROM requests {_AT}) AND NOT EXISTS ({others})",
        2 * (partition, place),
    )
    tried = "SELECT {} FROM lanes l WHERE l.partition = requests.partition AND l.head = requests.place"
    db.execute(
        f"UPDATE requests SET payload = NULL, finished_at = ?, attempts = coalesce(({tried.format('attempts')}), 0), "
        f"started_at = coalesce(({tried.format('started_at')}), 0) {_AT}",
        (now, partition, place),
    )


def _is_held(db: sqlite3.Connection, row: JobRow) -> bool:
    """Does a worker have it, even a dead one? Then it is its, or its successor's, to let go of."""
    held = "SELECT 1 FROM lanes WHERE partition = ? AND head = ? AND owner IS NOT NULL"
    return db.execute(held, _to_place(row)).fetchone() is not None


def _to_place(row: JobRow) -> tuple[int, int]:
    return row.partition, row.offset


def _make_row(
    request_id: object,
    state: JobState,
    partition: object,
    place: object,
    attempts: object,
    written: str,
    error: object,
    epoch: object,
    digest: object,
    started_at: object,
    finished_at: object,
    first: int | None = None,
    last: int | None = None,
) -> JobRow:
    return JobRow(
        text(request_id),
        state if state in STATES else "failed",
        whole(partition),
        whole(place, most=_MOST_PLACES),
        whole(attempts),
        headers(parse(text(written))),
        text(error),
        whole(epoch, 1),
        text(digest),
        None if first is None else (0, first),
        None if last is None else (0, last),
        number(started_at),
        number(finished_at),
    )
