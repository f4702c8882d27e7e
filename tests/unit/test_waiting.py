"""Who has submitted a job and waits for it is told what it waits for."""

import pytest

from emotalk.cli.wait import Waiting
from emotalk.errors import QueueUnavailable
from emotalk.queues.base import JobRow, Record
from emotalk.queues.memory import MemoryQueue
from emotalk.queues.memory.ledger import MemoryLedger


class Wait:
    """The job `two` behind the job `one`, and what is told of it as a minute and a half goes by."""

    def __init__(self) -> None:
        self.queue, self.now, self.told = MemoryQueue(), 0.0, list[tuple[float, str]]()
        producer = self.queue.producer()
        _, receipt = [producer.append(Record(name, "k", "digest", b"voice")) for name in ("one", "two")]
        self.waiting = Waiting(self.queue, "two", lambda: producer.ahead(receipt), self.hear, lambda: self.now)

    def hear(self, text: str) -> None:
        self.told.append((self.now, text))

    def until(self, second: float) -> list[str]:
        """What was told since it was asked last."""
        before = len(self.told)
        while self.now < second:
            self.waiting.look()
            self.now += 0.5
        return [text for _, text in self.told[before:]]


def test_it_is_told_at_once_that_no_worker_has_the_job_and_again_ever_less_often() -> None:
    wait = Wait()
    texts = wait.until(90)
    assert [moment for moment, _ in wait.told] == [0, 5, 15, 35, 75]
    assert set(texts) == {
        "two is queued, 1 before it, and waits for a worker. Is one running? If not: emotalk work --queue memory://"
    }


def test_it_is_told_that_a_worker_has_begun_it_and_nothing_once_it_is_over() -> None:
    wait = Wait()
    worker = wait.queue.consumer("")
    first = worker.claim(0)
    assert first is not None
    worker.begin(first, 1)
    worker.complete(first)
    assert "two is queued, 0 before it" in wait.until(5)[0]
    second = worker.claim(0)
    assert second is not None
    worker.begin(second, 1)
    assert wait.until(15) == ["two: a worker has begun it (attempt 1); waiting for its frames"]
    worker.complete(second)
    assert wait.until(90) == []


def test_an_outage_of_the_queue_is_what_it_waits_for_then(monkeypatch: pytest.MonkeyPatch) -> None:
    wait = Wait()

    def away(_: MemoryLedger, __: str) -> JobRow:
        raise QueueUnavailable("no broker answers at nowhere:1")

    with monkeypatch.context() as broken:
        broken.setattr(MemoryLedger, "find", away)
        assert wait.until(5) == ["two waits until the queue answers again: no broker answers at nowhere:1"]
    assert "is queued" in wait.until(15)[0]
