"""One connection to the file: one lock, short transactions, and sqlite3's errors as ours."""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from emotalk.errors import ConfigurationError, EmoTalkError, QueueFull, QueueUnavailable
from emotalk.queues.strangers import text

PAGE_BYTES = 4096
_BUSY_MILLISECONDS = 5000

Sync = Literal["FULL", "NORMAL"]


class Connection:
    """Callable from any thread. Statements are prepared once; sqlite3 keeps them by their text.

    `sync`: FULL waits for the disk at every commit. NORMAL survives the death of every process, and a power cut takes
    away only the newest commits, newest first: results are gone together with the completion that followed them, so
    the request is claimed again and the same results are computed again. Only an accepted request must never vanish.

    `checkpoint_pages`: size of the write-ahead log at which a commit copies it into the file; 0 leaves it to `tidy`.
    """

    def __init__(
        self, path: Path, *, sync: Sync = "NORMAL", checkpoint_pages: int = 0, max_bytes: int | None = None
    ) -> None:
        self.path = path
        self._lock = threading.RLock()
        with translate_errors(path):
            self._db = sqlite3.connect(
                path, timeout=_BUSY_MILLISECONDS / 1000, isolation_level=None, check_same_thread=False
            )
            try:
                self._set_up(sync, checkpoint_pages, max_bytes)
            except BaseException:
                self._db.close()
                raise
        self._open = True

    def _set_up(self, sync: Sync, checkpoint_pages: int, max_bytes: int | None) -> None:
        self._db.text_factory = text  # sqlite3's own would refuse a row for a byte that is not text, again and again
        # auto_vacuum before journal_mode, which writes the first page: afterwards it could not be chosen any more.
        self._db.execute("PRAGMA auto_vacuum = INCREMENTAL")
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute(f"PRAGMA synchronous = {sync}")
        self._db.execute(f"PRAGMA fullfsync = {int(sync == 'FULL')}")  # macOS: fsync alone leaves it in the drive
        self._db.execute(f"PRAGMA wal_autocheckpoint = {checkpoint_pages}")
        self._db.execute("PRAGMA secure_delete = ON")  # deleted voices are overwritten, not just forgotten
        if max_bytes is not None:
            self._db.execute(f"PRAGMA max_page_count = {max(1, max_bytes // PAGE_BYTES)}")

    @contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """Statements outside a transaction: fetch everything at once, or the log cannot be checkpointed."""
        with self._lock, translate_errors(self.path):
            if not self._open:
                raise QueueUnavailable(f"{self.path}: this end of the queue is closed.")
            yield self._db

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """One transaction that owns the file from its first statement; an exception undoes it."""
        with self.read() as db:
            db.execute("BEGIN IMMEDIATE")
            try:
                yield db
                db.execute("COMMIT")
            finally:
                if db.in_transaction:
                    db.execute("ROLLBACK")

    def tidy(self) -> bool:
        """Copy the write-ahead log into the file and empty it; True if it is empty. Waits for nobody.

        The log keeps the voices of finished requests until then, so whoever finishes one calls this soon.
        """
        with self.read() as db:
            db.execute("PRAGMA busy_timeout = 0")
            try:
                # Copying needs no lock that a writer wants; only cutting does, and then nothing is left to copy.
                db.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
                (busy, _, _) = db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
                if not busy:
                    # The first write to an empty log waits for the disk twice; let it be this one, not an append.
                    (version,) = db.execute("PRAGMA user_version").fetchone()
                    db.execute(f"PRAGMA user_version = {version}")
            finally:
                db.execute(f"PRAGMA busy_timeout = {_BUSY_MILLISECONDS}")
        return not busy

    def close(self) -> None:
        """Wait for the statement that runs, then let go; safe to repeat."""
        with self._lock:
            self._open = False
            self._db.close()


def measure_log(path: Path) -> int:
    """The size of the write-ahead log beside the file."""
    try:
        return Path(f"{path}-wal").stat().st_size
    except FileNotFoundError:
        return 0


@contextmanager
def translate_errors(path: Path) -> Iterator[None]:
    """Inside, sqlite3's errors become QueueFull, ConfigurationError or QueueUnavailable; defects of ours stay."""
    try:
        yield
    except (sqlite3.DatabaseError, OSError) as error:
        if isinstance(error, EmoTalkError | sqlite3.IntegrityError | sqlite3.ProgrammingError):
            raise
        raise _to_ours(error, path) from error


def _to_ours(error: Exception, path: Path) -> EmoTalkError:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code == sqlite3.SQLITE_FULL:
        return QueueFull(f"{path}: no room for another request; the disk or the queue's own limit is full.")
    if code in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT):
        return ConfigurationError(
            f"{path}: is not a queue of emotalk, or it is damaged ({error}). Move it away, or choose another file."
        )
    if code == sqlite3.SQLITE_BUSY:
        return QueueUnavailable(
            f"{path}: another program has held the file locked for {_BUSY_MILLISECONDS / 1000:g} s. "
            "Close it, e.g. a browser of databases; nothing is lost."
        )
    return QueueUnavailable(f"{path}: {error}.")
