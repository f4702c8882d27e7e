"""Several workers on partitions of a real broker: what moves, what is done again, and what clients see of it."""

import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from threading import Event, Thread
from typing import Any

import pytest

from emotalk import metrics
from emotalk.engines.tone import ToneEngine
from emotalk.errors import ClaimLost
from emotalk.face import Frames, Pcm, Style
from emotalk.pipeline import Pipeline
from emotalk.queues.base import Record
from emotalk.queues.kafka import KafkaQueue
from emotalk.queues.kafka.consumer import KafkaConsumer
from emotalk.worker.loop import Worker
from tests.integration.served import PATIENCE, Inside, eventually, frames_of, speech
from tests.kafka.broker import Broker

pytestmark = pytest.mark.kafka

PARTITIONS = 2


@pytest.fixture
def queue(kafka_broker: Broker) -> Iterator[KafkaQueue]:
    queue = KafkaQueue(kafka_broker.bootstrap, prefix=f"s-{uuid.uuid4().hex[:12]}-", partitions=PARTITIONS)
    queue.prepare()
    yield queue
    queue.close()


@dataclass
class Gated:
    """The tone engine, whose second window waits until it is let through."""

    card = ToneEngine.card
    waits: Event = field(default_factory=Event)
    through: Event = field(default_factory=Event)
    windows: int = 0

    def animate(self, window: Pcm, style: Style) -> Frames:
        self.windows += 1
        if self.windows == 2:
            self.waits.set()
            assert self.through.wait(PATIENCE)
        return ToneEngine().animate(window, style)


class Hired:
    """A worker on a thread of this process."""

    def __init__(self, queue: KafkaQueue, engine: Any) -> None:
        self.consumer: KafkaConsumer = queue.consumer("")
        self._stop = Event()
        self._thread = Thread(target=Worker(self.consumer, Pipeline(engine), self._stop, drain_seconds=0).run)
        self._thread.start()

    @property
    def owned(self) -> set[int]:
        return set(self.consumer._member.owned)

    def let_go(self) -> None:
        """Its partitions are taken from it in good order, as by a newcomer; which ones a newcomer takes is not ours."""
        self.consumer._member._kafka.unsubscribe()

    def leave(self) -> None:
        self._stop.set()
        self._thread.join(PATIENCE)
        self.consumer.close()


def test_a_job_whose_partition_moves_stops_at_its_next_window_and_its_client_sees_each_frame_once(
    queue: KafkaQueue,
) -> None:
    repeated, engine = metrics.REPEATED_SECONDS._value.get(), Gated()
    with Inside(queue) as server, ExitStack() as stack:  # the server closes the queue, so the workers go first
        stack.callback(engine.through.set)
        first = Hired(queue, engine)
        stack.callback(first.leave)
        eventually(lambda: len(first.owned) == PARTITIONS)
        call = server.ask(speech(5.0), chunk_duration=1.0, chunk_overlap=0.2)
        assert engine.waits.wait(PATIENCE)
        second = Hired(queue, ToneEngine())
        stack.callback(second.leave)
        first.let_go()
        eventually(lambda: len(second.owned) == PARTITIONS)
        engine.through.set()
        frames = frames_of(list(call))
    assert len(frames) == 150
    assert engine.windows == 2, "the first owner stopped at its next window"
    assert metrics.REPEATED_SECONDS._value.get() - repeated > 0


def test_a_conversation_keeps_its_order_however_many_workers_come_and_go(queue: KafkaQueue) -> None:
    sessions, each = 4, 6
    started: dict[str, list[int]] = {f"{session}": [] for session in range(sessions)}
    alone = threading.Lock()

    def began(claim: Any) -> None:
        session, number = claim.request.request_id.split()
        with alone:
            if started[session][-1:] != [int(number)]:  # else it is done again, after its partition moved
                started[session].append(int(number))

    producer = queue.producer()
    for number in range(each):
        for session in started:
            producer.append(Record(f"{session} {number}", session, "", b"voice"))
    stop = Event()

    def work() -> None:
        consumer = queue.consumer("")
        try:
            while not stop.is_set():
                if claim := consumer.claim(0.1):
                    began(claim)
                    _answer(consumer, claim)
        finally:
            consumer.close()

    workers = [Thread(target=work) for _ in range(3)]
    for worker in workers:
        worker.start()
    try:
        eventually(lambda: sum(map(len, started.values())) == sessions * each)
    finally:
        stop.set()
        for worker in workers:
            worker.join(PATIENCE)
    assert all(numbers == list(range(each)) for numbers in started.values())


def _answer(consumer: KafkaConsumer, claim: Any) -> None:
    time.sleep(0.05)  # so that a rebalance finds someone at work
    with suppress(ClaimLost):
        consumer.complete(claim)
