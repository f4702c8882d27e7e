"""Who sits the exam: every kind of queue, behind one face."""

import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from emotalk.errors import ClaimLost, EmoTalkError
from emotalk.queues.base import Claim, Consumer, Queue, Record, Result, Results
from emotalk.queues.memory import MemoryQueue
from emotalk.queues.sqlite import SqliteQueue


@dataclass
class Clock:
    """A clock that stands still until a test moves it."""

    now: float = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Candidate:
    """One kind of queue. `moment`: seconds after which nothing will come any more; `patience`: until something must."""

    make: Callable[..., Queue]
    moment: float = 0.0
    patience: float = 10.0
    clock: Clock | None = None
    opened: list[Queue] = field(default_factory=list)
    max_waiting: int = 0

    def queue(self, partitions: int = 1) -> Queue:
        """Another process's view of the same address."""
        queue = self.make(partitions=partitions, max_waiting=self.max_waiting)
        queue.prepare()
        self.opened.append(queue)
        return queue

    def claim(self, consumer: Consumer) -> Claim:
        """The claim that must come now."""
        claim = consumer.claim(self.patience)
        assert claim is not None, "nothing was delivered"
        return claim

    def start(self, consumer: Consumer) -> Claim:
        """The claim that must come now, begun."""
        claim = self.claim(consumer)
        consumer.begin(claim, claim.attempts + 1)
        return claim

    def until(self, act: Callable[[], object], passing: type[EmoTalkError]) -> None:
        """Repeat until it is not refused any more: a log may be a second behind."""
        end = time.monotonic() + self.patience
        while time.monotonic() < end:
            try:
                act()
            except passing:
                time.sleep(0.05)
            else:
                return
        act()

    def becomes(self, look: Callable[[], object], expected: object) -> None:
        """What is noted, and not waited for, is soon known."""
        end = time.monotonic() + self.patience
        while (found := look()) != expected and time.monotonic() < end:
            time.sleep(0.01)
        assert found == expected

    def keep_until_lost(self, consumer: Consumer, claim: Claim) -> None:
        """Keep the claim until the worker hears that it has another owner; a group of Kafka's says so when polled."""
        until = time.monotonic() + self.patience
        with pytest.raises(ClaimLost):  # noqa: PT012
            while time.monotonic() < until:
                consumer.keep(claim)

    def hear(self, results: Results, count: int) -> list[Result]:
        """The next `count` results, and not one more."""
        heard: list[Result] = []
        until = time.monotonic() + self.patience
        while len(heard) < count and time.monotonic() < until:
            heard += results.poll(self.patience)
        assert len(heard) == count
        return heard

    def silent(self, results: Results) -> bool:
        return results.poll(self.moment) == []


def request(request_id: str = "one", payload: bytes = b"voice", key: str = "session", **headers: str) -> Record:
    return Record(request_id, key, f"digest of {payload[:64]!r}", payload, headers)


def memory(_: Path, __: pytest.FixtureRequest) -> Candidate:
    clock = Clock()
    queues: dict[str, MemoryQueue] = {}
    return Candidate(
        lambda partitions=1, **bounds: queues.setdefault(
            "the one", MemoryQueue(clock, partitions=partitions, **bounds)
        ),
        clock=clock,
    )


def sqlite(folder: Path, _: pytest.FixtureRequest) -> Candidate:
    clock = Clock()
    return Candidate(
        lambda partitions=1, **bounds: SqliteQueue(folder / "q.db", clock=clock, partitions=partitions, **bounds),
        clock=clock,
    )


# A named member that has closed keeps its partitions until its session ends: three seconds suffice for an exam.
SHORT_SESSION = {"session.timeout.ms": "3000"}


def kafka(_: Path, test: pytest.FixtureRequest) -> Candidate:
    broker: Any = test.getfixturevalue("kafka_broker")
    from emotalk.queues.kafka import KafkaQueue

    prefix = f"exam-{uuid.uuid4().hex[:12]}-"
    return Candidate(
        lambda partitions=1, **bounds: KafkaQueue(
            broker.bootstrap, prefix=prefix, settings=SHORT_SESSION, partitions=partitions, **bounds
        ),
        moment=2.0,
        patience=30.0,
    )
