"""What a queue in memory has written down: lanes of requests, and one log of results."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeVar

from emotalk.errors import QueueUnavailable
from emotalk.queues.base import Cursor, JobRow, JobState, Record, Result

# A lease runs out without anyone saying so; whoever waits looks up this often.
_LEASES_LOOKED_AT_SECONDS = 0.25

T = TypeVar("T")


@dataclass
class StoredJob:
    """A run of a request at its place; `age` orders the lanes among each other. `ended`: how, if not well."""

    request: Record
    partition: int
    place: int
    age: int
    appended_at: float
    epoch: int = 1
    attempts: int = 0
    started_at: float = 0.0
    finished_at: float | None = None
    ended: JobState | None = None
    error: str = ""
    letter: bytes = b""

    @property
    def waits(self) -> bool:
        """Is a worker still to have it, or to let go of it?"""
        return self.finished_at is None

    def finish(self, now: float) -> None:
        """Nothing more will be done; the voice is forgotten."""
        request = self.request
        self.request = Record(request.request_id, request.key, request.digest, b"", request.headers)
        self.finished_at = now


@dataclass
class Lane:
    """A partition: its requests are finished strictly in order, so the claim lies on the lane."""

    jobs: dict[int, StoredJob] = field(default_factory=dict)
    head: int = 0
    next: int = 0
    token: int = 0
    attempts: int = 0
    started_at: float = 0.0
    owner: str | None = None
    kept_at: float = 0.0

    def leave(self) -> None:
        """Nobody works on the oldest request any more."""
        self.owner = None

    def advance(self) -> None:
        """Move on to the next request, which nobody has and nobody has tried."""
        self.head, self.attempts, self.started_at, self.owner = self.head + 1, 0, 0.0, None

    def skip(self) -> None:
        """Move on past requests that were taken away while they waited."""
        while self.head < self.next and not self.jobs[self.head].waits:
            self.advance()

    def ahead(self, place: int) -> int:
        """Unfinished requests before this one."""
        return sum(self.jobs[each].waits for each in range(self.head, place))


@dataclass
class Store:
    """Everything that was written. Touched only under `changed`."""

    lanes: list[Lane]
    clock: Callable[[], float]
    lease: float
    changed: threading.Condition = field(default_factory=threading.Condition)
    known: dict[str, StoredJob] = field(default_factory=dict)
    results: dict[int, tuple[float, Result]] = field(default_factory=dict)
    answers: dict[str, list[int]] = field(default_factory=dict)
    appended: int = 0
    written: int = 0
    closed: bool = False

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Alone with the store. Raises QueueUnavailable once the queue is closed."""
        with self.changed:
            if self.closed:
                raise QueueUnavailable("memory: the queue is closed.")
            yield

    def wait_for(self, look: Callable[[], T], timeout: float) -> T:
        """What `look` finds, as soon as it finds something, or its last empty answer after `timeout` seconds."""
        until = time.monotonic() + timeout
        found = look()
        while not found and (left := until - time.monotonic()) > 0:
            self.changed.wait(min(left, _LEASES_LOOKED_AT_SECONDS))
            if self.closed:
                raise QueueUnavailable("memory: the queue is closed.")
            found = look()
        return found

    def free_for(self, name: str, lane: Lane) -> bool:
        """May a worker of this name have the lane?"""
        return lane.owner in (None, name) or abs(self.clock() - lane.kept_at) >= self.lease

    def write(self, request_id: str, payloads: Sequence[bytes]) -> None:
        """Append to the result log."""
        for payload in payloads:
            self.results[self.written] = self.clock(), Result(request_id, payload, (0, self.written))
            self.answers.setdefault(request_id, []).append(self.written)
            self.written += 1

    def forget(self, request_id: str) -> None:
        """Delete the results of one request."""
        for number in self.answers.pop(request_id, []):
            del self.results[number]

    def forget_before(self, moment: float) -> None:
        """Delete the finished requests that are older, then older results, but none of a request that is known.

        What has a dead letter stays until that is deleted; what still stands before a waiting one is counted by it.
        """
        for lane in self.lanes:
            for job in [job for job in lane.jobs.values() if job.place < lane.head and not job.letter]:
                if job.finished_at is not None and job.finished_at < moment:
                    self._forget_run(lane, job)
        old = [(number, result) for number, (written_at, result) in self.results.items() if written_at < moment]
        for number, result in old:
            if result.request_id not in self.known:
                del self.results[number]
                self.answers[result.request_id].remove(number)
        self.answers = {request_id: numbers for request_id, numbers in self.answers.items() if numbers}

    def letters(self) -> int:
        """Dead letters that are kept."""
        return sum(bool(job.letter) for lane in self.lanes for job in lane.jobs.values())

    def _forget_run(self, lane: Lane, job: StoredJob) -> None:
        del lane.jobs[job.place]
        if self.known[job.request.request_id] is job:
            del self.known[job.request.request_id]

    def state_of(self, job: StoredJob) -> JobState:
        """Where it stands now."""
        if job.ended or not job.waits:
            return job.ended or "done"
        lane = self.lanes[job.partition]
        return "running" if job.place == lane.head and not self.free_for("", lane) else "queued"

    def row(self, job: StoredJob) -> JobRow:
        """As the ledger shows it."""
        lane, request, state = self.lanes[job.partition], job.request, self.state_of(job)
        tried = lane if job.place == lane.head else job
        first, last = self._find_span(request.request_id) if job is self.known.get(request.request_id) else (None, None)
        return JobRow(
            request.request_id,
            state,
            job.partition,
            job.place,
            tried.attempts,
            dict(request.headers),
            job.error,
            job.epoch,
            request.digest,
            first,
            last,
            tried.started_at,
            job.finished_at or 0.0,
        )

    def _find_span(self, request_id: str) -> tuple[Cursor | None, Cursor | None]:
        numbers = self.answers.get(request_id)
        return ((0, numbers[0]), (0, numbers[-1])) if numbers else (None, None)
