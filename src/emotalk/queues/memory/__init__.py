"""The queue for one process: what the other kinds promise, without a disk. Nothing outlives the program."""

import time
from collections.abc import Callable
from uuid import uuid4

from emotalk.queues.base import JobRow, JobState, Waiting
from emotalk.queues.memory.doors import MemoryConsumer, MemoryMeter, MemoryProducer, MemoryResults
from emotalk.queues.memory.store import Job, Lane, Store

__all__ = ["MemoryQueue"]


class MemoryQueue:
    """See Queue. `clock` gives seconds; a claim that is not kept for `lease_seconds` of it may be taken over."""

    url = "memory://"

    def __init__(
        self, clock: Callable[[], float] = time.time, *, partitions: int = 1, lease_seconds: float = 10.0
    ) -> None:
        self._store = Store([Lane() for _ in range(partitions)], clock, lease_seconds)

    def prepare(self) -> None:
        """See Queue.prepare."""

    def producer(self) -> MemoryProducer:
        """See Queue.producer."""
        return MemoryProducer(self._store)

    def consumer(self, name: str) -> MemoryConsumer:
        """See Queue.consumer."""
        return MemoryConsumer(self._store, name or uuid4().hex)

    def results(self) -> MemoryResults:
        """See Queue.results."""
        with self._store.held():
            return MemoryResults(self._store)

    def meter(self) -> MemoryMeter:
        """See Queue.meter."""
        return MemoryMeter(self._store)

    def waiting(self) -> list[Waiting]:
        """See Queue.waiting: an append knows every id itself."""
        return []

    def jobs(self) -> list[JobRow]:
        """See Queue.jobs."""
        with self._store.held():
            jobs = sorted(self._store.known.values(), key=lambda job: job.age)
            rows = [self._row(job) for job in jobs] + self._store.dead
        states: tuple[JobState, ...] = ("queued", "running", "done", "dead")
        return sorted(rows, key=lambda row: states.index(row.state))

    def _row(self, job: Job) -> JobRow:
        lane = self._store.lanes[job.partition]
        at_head = job.place == lane.head
        running = at_head and not self._store.free_for("", lane)
        state: JobState = "done" if job.finished_at is not None else "running" if running else "queued"
        attempts = lane.attempts if at_head else job.attempts
        return JobRow(job.request.request_id, state, job.partition, job.place, attempts, dict(job.request.headers))

    def close(self) -> None:
        """See Queue.close. Whoever waits is woken and hears QueueUnavailable."""
        with self._store.changed:
            self._store.closed = True
            self._store.changed.notify_all()
