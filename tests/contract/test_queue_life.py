"""Whatever comes in whatever order: see life.py. The kinds whose clock a test can move."""

from collections.abc import Callable
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from emotalk.queues.base import Queue
from emotalk.queues.memory import MemoryQueue
from emotalk.queues.sqlite import SqliteQueue
from tests.contract.candidate import Clock
from tests.contract.life import LANES, LEASE, QueueLife
from tests.memory_disk import memory_disk

EXAMPLES, STEPS = 40, 40


def in_memory(_: Path) -> Callable[[Clock], Queue]:
    return lambda clock: MemoryQueue(clock, partitions=LANES, lease_seconds=LEASE)


def in_a_file(folder: Path) -> Callable[[Clock], Queue]:
    number = count()
    return lambda clock: SqliteQueue(folder / f"{next(number)}.db", partitions=LANES, clock=clock, lease_seconds=LEASE)


@pytest.mark.parametrize("kind", [in_memory, in_a_file])
@pytest.mark.long
def test_a_queue_keeps_its_promises_in_whatever_order_life_comes(
    kind: Callable[[Path], Callable[[Clock], Queue]],
) -> None:
    with TemporaryDirectory(dir=memory_disk()) as folder:

        class Life(QueueLife):
            make = staticmethod(kind(Path(folder)))

        run_state_machine_as_test(Life, settings=settings(max_examples=EXAMPLES, stateful_step_count=STEPS))
