"""The tables, and how an older file becomes a newer one.

A lane is a partition: its requests are numbered 0, 1, 2, … without gaps and finished strictly in that order. So `head`,
the oldest unfinished one, and `next` describe them all:

    place       0     1     2     3     4
              done  done  head  wait  wait  │ next = 5        ahead of place 4: 4 − head = 2

The claim lies on the lane, not on the request, so that every verb of a worker rewrites one small page. Payloads live in
a table of their own because SQLite rewrites a whole row at every update.
"""

import logging
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from emotalk.errors import ConfigurationError
from emotalk.queues.lanes import not_now

_log = logging.getLogger(__name__)

_FIRST = (
    """CREATE TABLE lanes (
        partition INTEGER PRIMARY KEY, head INTEGER NOT NULL DEFAULT 0, next INTEGER NOT NULL DEFAULT 0,
        token INTEGER NOT NULL DEFAULT 0, attempts INTEGER NOT NULL DEFAULT 0,
        owner TEXT, kept_at REAL NOT NULL DEFAULT 0, lease REAL NOT NULL DEFAULT 0)""",
    """CREATE TABLE requests (
        partition INTEGER NOT NULL, place INTEGER NOT NULL, request_id TEXT NOT NULL UNIQUE, key TEXT NOT NULL,
        digest TEXT NOT NULL, headers TEXT NOT NULL, payload INTEGER, appended_at REAL NOT NULL,
        attempts INTEGER NOT NULL DEFAULT 0, finished_at REAL, PRIMARY KEY (partition, place)) WITHOUT ROWID""",
    "CREATE INDEX finished ON requests (finished_at) WHERE finished_at IS NOT NULL",
    "CREATE TABLE payloads (id INTEGER PRIMARY KEY, payload BLOB NOT NULL)",
    # AUTOINCREMENT: a number is never used twice, even when the newest results were deleted; readers rely on it.
    """CREATE TABLE results (
        seq INTEGER PRIMARY KEY AUTOINCREMENT, request_id TEXT NOT NULL, written_at REAL NOT NULL,
        payload BLOB NOT NULL)""",
    "CREATE INDEX results_of ON results (request_id)",
    "CREATE INDEX results_written ON results (written_at)",
    """CREATE TABLE dead_letters (
        id INTEGER PRIMARY KEY, request_id TEXT NOT NULL, partition INTEGER NOT NULL, place INTEGER NOT NULL,
        attempts INTEGER NOT NULL, headers TEXT NOT NULL, error TEXT NOT NULL, buried_at REAL NOT NULL,
        letter BLOB NOT NULL)""",
    "CREATE TABLE bells (port INTEGER PRIMARY KEY, topic TEXT NOT NULL)",
)

# Runs of an id are told apart by their epoch. `ended`: taken away or given up (JobState); finished_at is empty as long
# as a worker has yet to let go of it. New columns have defaults: a worker of the version before may still be writing.
_RUNS = (
    """CREATE TABLE runs (
        partition INTEGER NOT NULL, place INTEGER NOT NULL, request_id TEXT NOT NULL, key TEXT NOT NULL,
        digest TEXT NOT NULL, headers TEXT NOT NULL, payload INTEGER, appended_at REAL NOT NULL,
        attempts INTEGER NOT NULL DEFAULT 0, finished_at REAL, epoch INTEGER NOT NULL DEFAULT 1,
        started_at REAL NOT NULL DEFAULT 0, ended TEXT NOT NULL DEFAULT '', error TEXT NOT NULL DEFAULT '',
        PRIMARY KEY (partition, place), UNIQUE (request_id, epoch)) WITHOUT ROWID""",
    """INSERT INTO runs
        (partition, place, request_id, key, digest, headers, payload, appended_at, attempts, finished_at)
        SELECT partition, place, request_id, key, digest, headers, payload, appended_at, attempts, finished_at
        FROM requests""",
    "DROP TABLE requests",
    "ALTER TABLE runs RENAME TO requests",
    "CREATE INDEX finished ON requests (finished_at) WHERE finished_at IS NOT NULL",
    "CREATE INDEX ended ON requests (partition, place) WHERE ended <> ''",
    "ALTER TABLE lanes ADD COLUMN started_at REAL NOT NULL DEFAULT 0",
    "ALTER TABLE dead_letters ADD COLUMN epoch INTEGER NOT NULL DEFAULT 1",
    "ALTER TABLE dead_letters ADD COLUMN digest TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE dead_letters ADD COLUMN started_at REAL NOT NULL DEFAULT 0",
    "CREATE INDEX letters_of ON dead_letters (request_id)",
)

MIGRATIONS: tuple[Sequence[str], ...] = (_FIRST, _RUNS)
"""MIGRATIONS[n] turns a file of version n into one of version n + 1. Only ever add: older files are in the field."""


# Not a step of its own: a worker of the version before goes on working on the file, and keeps it without knowing.
_WHO_HAS = "CREATE INDEX IF NOT EXISTS payload_of ON requests (payload) WHERE payload IS NOT NULL"

# A lane whose figures are not numbers, or do not reach all its requests, would stand still without a word.
_WRONG = """typeof(head) || typeof(next) || typeof(token) || typeof(attempts) <> 'integerintegerintegerinteger'
    OR typeof(kept_at) || typeof(lease) || typeof(started_at) <> 'realrealreal' OR head < 0 OR head > next
    OR next <= (SELECT max(place) FROM requests r WHERE r.partition = lanes.partition)"""
_MEND_LANES = f"""
    UPDATE lanes SET head = coalesce((SELECT min(place) FROM requests r WHERE r.partition = lanes.partition
            AND r.finished_at IS NULL), 0), token = CAST(token AS INTEGER), attempts = CAST(attempts AS INTEGER),
        next = coalesce((SELECT max(place) + 1 FROM requests r WHERE r.partition = lanes.partition), 0),
        owner = NULL, kept_at = 0.0, lease = 0.0, started_at = 0.0
    WHERE {_WRONG}"""

_APPLICATION_ID = int.from_bytes(b"emot")


def migrate(db: sqlite3.Connection, path: Path) -> None:
    """Bring the file to this version, inside the caller's write transaction.

    Raises ConfigurationError where the file is newer than this program, or another program's.
    """
    (version,) = db.execute("PRAGMA user_version").fetchone()
    _refuse_strangers(db, path)
    if version > len(MIGRATIONS):
        raise ConfigurationError(
            f"{path}: written by a newer version of emotalk (format {version}, this one reads {len(MIGRATIONS)}). "
            "Upgrade emotalk, or choose another file."
        )
    for step in MIGRATIONS[version:]:
        for statement in step:
            db.execute(statement)
    _refuse_what_lacks(db, path)
    db.execute(_WHO_HAS)
    db.execute(_MEND_LANES)
    db.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
    db.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")


def open_lanes(db: sqlite3.Connection, wanted: int) -> None:
    """Make sure that there are `wanted` lanes at least. A smaller number is ignored: keys are spread over all lanes.

    A new number sends a key to another lane, where a later request of it would overtake the earlier ones. So it waits
    for a moment in which nothing does.
    """
    there, unfinished = count_lanes(db), count_unfinished(db)
    if there and unfinished and wanted > there:
        _log.warning("partitions left as they are", extra=not_now(there, wanted, unfinished))
        return
    added = [(partition,) for partition in range(there, wanted)]
    db.executemany("INSERT OR IGNORE INTO lanes (partition) VALUES (?)", added)


def count_lanes(db: sqlite3.Connection) -> int:
    """How many lanes the file has; keys are spread over all of them."""
    (count,) = db.execute("SELECT count(*) FROM lanes").fetchone()
    return int(count)


def count_unfinished(db: sqlite3.Connection) -> int:
    """Requests that wait or are being worked on."""
    (count,) = db.execute("SELECT coalesce(sum(next - head), 0) FROM lanes").fetchone()
    return int(count)


def _refuse_what_lacks(db: sqlite3.Connection, path: Path) -> None:
    """A file of ours from which a table or a column was removed."""
    with closing(sqlite3.connect(":memory:")) as whole:
        for statement in (each for step in MIGRATIONS for each in step):
            whole.execute(statement)
        lacking = _list_columns(whole) - _list_columns(db)
    if lacking:
        raise ConfigurationError(f"{path}: lacks {min(lacking)}. Restore a backup of the file, or choose another one.")


def _list_columns(db: sqlite3.Connection) -> set[str]:
    tables = "SELECT m.name || '.' || c.name FROM sqlite_master m, pragma_table_info(m.name) c WHERE m.type = 'table'"
    return {name for (name,) in db.execute(tables)}


def _refuse_strangers(db: sqlite3.Connection, path: Path) -> None:
    (owner,) = db.execute("PRAGMA application_id").fetchone()
    (tables,) = db.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if tables and owner != _APPLICATION_ID:
        raise ConfigurationError(f"{path}: is another program's database. Choose another file.")
