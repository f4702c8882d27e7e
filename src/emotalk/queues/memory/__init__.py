"""The queue for one process: what the other kinds promise, without a disk. Nothing outlives the program.

producer · consumer · results · ledger · meter     the ports of queues/base.py
store                                              what they have written down
"""

import time
from collections.abc import Callable
from uuid import uuid4

from emotalk.queues.base import JobRow
from emotalk.queues.memory.consumer import MemoryConsumer
from emotalk.queues.memory.ledger import MemoryLedger
from emotalk.queues.memory.meter import MemoryMeter
from emotalk.queues.memory.producer import MemoryProducer
from emotalk.queues.memory.results import MemoryResults
from emotalk.queues.memory.store import Lane, Store

__all__ = ["MemoryQueue"]


class MemoryQueue:
    """See Queue. `clock` gives seconds; a claim that is not kept for `lease_seconds` of it may be taken over."""

    url = "memory://"

    def __init__(
        self,
        clock: Callable[[], float] = time.time,
        *,
        partitions: int = 1,
        lease_seconds: float = 10.0,
        max_waiting: int = 0,
    ) -> None:
        self._store = Store([Lane() for _ in range(partitions)], clock, lease_seconds)
        self._max_waiting = max_waiting

    def prepare(self, create: bool = True) -> None:
        """See Queue.prepare."""

    def producer(self) -> MemoryProducer:
        """See Queue.producer."""
        return MemoryProducer(self._store, self._max_waiting)

    def consumer(self, name: str) -> MemoryConsumer:
        """See Queue.consumer."""
        return MemoryConsumer(self._store, name or uuid4().hex)

    def results(self) -> MemoryResults:
        """See Queue.results."""
        with self._store.hold():
            return MemoryResults(self._store)

    def meter(self) -> MemoryMeter:
        """See Queue.meter."""
        return MemoryMeter(self._store)

    def ledger(self) -> MemoryLedger:
        """See Queue.ledger."""
        return MemoryLedger(self._store)

    def jobs(self) -> list[JobRow]:
        """See Queue.jobs."""
        return self.ledger().rows()

    def close(self) -> None:
        """See Queue.close. Whoever waits is woken and hears QueueUnavailable."""
        with self._store.changed:
            self._store.closed = True
            self._store.changed.notify_all()
