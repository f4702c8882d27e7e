"""What a queue in memory has written down: lanes of requests, and one log of results."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeVar

from emotalk.errors import QueueUnavailable
from emotalk.queues.base import JobRow, Request, Result

# A lease runs out without anyone saying so; whoever waits looks up this often.
_LEASES_LOOKED_AT_SECONDS = 0.25

T = TypeVar("T")


@dataclass
class Job:
    """A request at its place; `age` orders the lanes among each other."""

    request: Request
    partition: int
    place: int
    age: int
    appended_at: float
    attempts: int = 0
    finished_at: float | None = None


@dataclass
class Lane:
    """A partition: its requests are finished strictly in order, so the claim lies on the lane."""

    jobs: dict[int, Job] = field(default_factory=dict)
    head: int = 0
    next: int = 0
    token: int = 0
    attempts: int = 0
    owner: str | None = None
    kept_at: float = 0.0

    def leave(self) -> None:
        """Nobody works on the oldest request any more."""
        self.owner = None

    def advance(self) -> None:
        """Move on to the next request, which nobody has and nobody has tried."""
        self.head, self.attempts, self.owner = self.head + 1, 0, None


@dataclass
class Store:
    """Everything that was written. Touched only under `changed`."""

    lanes: list[Lane]
    clock: Callable[[], float]
    lease: float
    changed: threading.Condition = field(default_factory=threading.Condition)
    known: dict[str, Job] = field(default_factory=dict)
    results: dict[int, tuple[float, Result]] = field(default_factory=dict)
    answers: dict[str, list[int]] = field(default_factory=dict)
    dead: list[JobRow] = field(default_factory=list)
    appended: int = 0
    written: int = 0
    closed: bool = False

    @contextmanager
    def held(self) -> Iterator[None]:
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
        """Delete the finished requests that are older, then older results, but none of a request that is known."""
        for job in [job for job in self.known.values() if job.finished_at is not None and job.finished_at < moment]:
            del self.known[job.request.request_id], self.lanes[job.partition].jobs[job.place]
        old = [(number, result) for number, (written_at, result) in self.results.items() if written_at < moment]
        for number, result in old:
            if result.request_id not in self.known:
                del self.results[number]
                self.answers[result.request_id].remove(number)
        self.answers = {request_id: numbers for request_id, numbers in self.answers.items() if numbers}
