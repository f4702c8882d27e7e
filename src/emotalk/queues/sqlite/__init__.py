"""The embedded queue: one SQLite file, any number of processes on one machine, no other program to run.

producer · consumer · results · ledger · meter     the ports of queues/base.py
connection · schema                                transactions, and the tables with their drawing
doorbell                                           wakes a process that waits
place                                              where the file may lie

Why so: docs/decisions/0006.
"""

import time
from collections.abc import Callable
from contextlib import ExitStack, closing
from pathlib import Path
from uuid import uuid4

from emotalk.errors import NoQueue, QueueUnavailable
from emotalk.queues.base import JobRow
from emotalk.queues.sqlite.connection import Connection
from emotalk.queues.sqlite.consumer import SqliteConsumer
from emotalk.queues.sqlite.ledger import SqliteLedger
from emotalk.queues.sqlite.meter import SqliteMeter
from emotalk.queues.sqlite.place import make_private_file, refuse_network_disk
from emotalk.queues.sqlite.producer import Bounds, SqliteProducer
from emotalk.queues.sqlite.results import SqliteResults
from emotalk.queues.sqlite.schema import migrate, open_lanes

__all__ = ["SqliteQueue"]

LEASE_SECONDS = 10.0
_TRIES, _PAUSE_SECONDS = 50, 0.1


class SqliteQueue:
    """A queue in the file `path`. `clock` gives seconds since 1970 and is the same for all processes.

    `partitions`: at least so many; a file keeps what it has. `max_bytes` bounds the file and `max_waiting` the
    unfinished requests: appends beyond them raise QueueFull. A worker that dies is taken over `lease_seconds` after its
    last sign of life, or at once by a worker of the same name.
    """

    def __init__(
        self,
        path: Path,
        *,
        partitions: int = 1,
        clock: Callable[[], float] = time.time,
        lease_seconds: float = LEASE_SECONDS,
        max_bytes: int | None = None,
        max_waiting: int = 0,
    ) -> None:
        self._path = Path(path).absolute()
        self.url = f"sqlite:///{self._path.as_posix()}"
        self._partitions, self._clock, self._lease = partitions, clock, lease_seconds
        self._room = Bounds(max_bytes, max_waiting)
        self._opened = ExitStack()
        self._prepared = False

    def prepare(self, create: bool = True) -> None:
        """See Queue.prepare."""
        if not create and not self._path.exists():
            raise NoQueue(f"queue: there is no {self._path}. Check --queue; emotalk serve makes it.")
        refuse_network_disk(self._path)
        make_private_file(self._path)
        partitions = self._partitions if create else 1  # who only looks changes nothing
        for _ in range(_TRIES):
            try:
                self._migrate(partitions)
            except QueueUnavailable:  # two processes that create the file at once get in each other's way
                time.sleep(_PAUSE_SECONDS)
            else:
                break
        else:
            self._migrate(partitions)
        self._prepared = True

    def _migrate(self, partitions: int) -> None:
        file = Connection(self._path)
        try:
            with file.write() as db:
                migrate(db, self._path)
                open_lanes(db, partitions)
        finally:
            file.close()

    def producer(self) -> SqliteProducer:
        """See Queue.producer."""
        self._be_prepared()
        return self._opened.enter_context(closing(SqliteProducer(self._path, self._clock, self._room)))

    def consumer(self, name: str) -> SqliteConsumer:
        """See Queue.consumer."""
        self._be_prepared()
        return self._opened.enter_context(
            closing(SqliteConsumer(self._path, name or uuid4().hex, self._clock, self._lease))
        )

    def results(self) -> SqliteResults:
        """See Queue.results."""
        self._be_prepared()
        return self._opened.enter_context(closing(SqliteResults(self._path)))

    def meter(self) -> SqliteMeter:
        """See Queue.meter."""
        self._be_prepared()
        return self._opened.enter_context(closing(SqliteMeter(self._path, self._room.max_bytes)))

    def ledger(self) -> SqliteLedger:
        """See Queue.ledger."""
        self._be_prepared()
        return self._opened.enter_context(closing(SqliteLedger(self._path, self._clock)))

    def jobs(self) -> list[JobRow]:
        """See Queue.jobs."""
        self._be_prepared()
        with closing(SqliteLedger(self._path, self._clock)) as ledger:
            return ledger.rows()

    def close(self) -> None:
        """See Queue.close."""
        self._opened.close()

    def _be_prepared(self) -> None:
        if not self._prepared:
            self.prepare()
