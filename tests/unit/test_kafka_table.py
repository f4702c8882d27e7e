"""The table of notes while the broker is away, where no broker is needed."""

import threading
from collections.abc import Sequence
from typing import Any, cast

import pytest

from emotalk.errors import QueueUnavailable
from emotalk.queues.kafka.client.sharing import SharedQuestion
from emotalk.queues.kafka.job_notes import table
from emotalk.queues.kafka.job_notes.table import PARTITION, Table

PATIENCE = 10.0


@pytest.fixture
def unread() -> Table:
    """One whose thread reads nothing."""
    made = Table.__new__(Table)
    made._topic, made._oracle, made._closing = "jobs", cast(Any, None), threading.Event()
    made._ends, made._read_to = SharedQuestion(made._ask), 0
    made._news, made._wanted = threading.Condition(), threading.Event()
    return made


def test_what_a_question_has_left_of_its_time_is_what_the_broker_and_the_reading_get(
    unread: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = list[float]()

    def ends_of(_: object, places: Sequence[tuple[str, int]], timeout: float) -> list[int]:
        given.append(timeout)
        return [7 for _ in places]

    monkeypatch.setattr(table, "ends_of", ends_of)
    with pytest.raises(QueueUnavailable, match="not read in time"):
        unread.refresh(0.05)
    unread._read_to = 7
    assert unread.refresh_beside(("results", PARTITION), timeout=PATIENCE) == [7]
    assert 0 <= given[0] <= 0.05 < given[1] <= PATIENCE


def test_a_table_that_is_closed_asks_nothing_more(unread: Table) -> None:
    unread._closing.set()
    with pytest.raises(QueueUnavailable, match="again"):
        unread.refresh()
