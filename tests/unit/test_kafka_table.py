"""The table of notes while the broker is away, where no broker is needed."""

import threading
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType

import pytest

from emotalk.errors import QueueUnavailable
from emotalk.queues.kafka.job_notes import table
from emotalk.queues.kafka.job_notes.table import Table

COME_TOGETHER = 2
PATIENCE = 10.0


class Door:
    """A lock that tells once so many have come to it."""

    def __init__(self) -> None:
        self._lock, self._came, self.all_here = threading.Lock(), 0, threading.Event()

    def __enter__(self) -> None:
        self._came += 1
        if self._came == COME_TOGETHER:
            self.all_here.set()
        self._lock.acquire()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._lock.release()


def test_who_waited_while_another_asked_in_vain_hears_the_same_and_whoever_comes_later_asks_anew(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made, door, asked = Table.__new__(Table), Door(), list[int]()
    made._topic, made._oracle, made._asking, made._outage = "jobs", None, door, None
    made._closing = threading.Event()

    def ends_of(*_: object) -> list[int]:
        asked.append(1)
        assert door.all_here.wait(PATIENCE)
        raise QueueUnavailable("away")

    monkeypatch.setattr(table, "ends_of", ends_of)
    with ThreadPoolExecutor(COME_TOGETHER) as hands:
        errors = [each.exception() for each in [hands.submit(made.refresh) for _ in range(COME_TOGETHER)]]
    assert [str(error) for error in errors] == ["away"] * COME_TOGETHER
    assert len(asked) == 1
    with pytest.raises(QueueUnavailable):
        made.refresh()
    assert len(asked) == 2
