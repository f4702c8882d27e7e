"""When Kafka's producer says that a request is accepted."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, cast

import pytest

from emotalk.errors import QueueUnavailable
from emotalk.queues.base import Cursor, Record
from emotalk.queues.kafka.client.cluster import Cluster
from emotalk.queues.kafka.client.pulse import Pulse
from emotalk.queues.kafka.client.writer import Outgoing, Writer
from emotalk.queues.kafka.job_notes.notes import ACCEPTED, Note
from emotalk.queues.kafka.job_notes.register import Register
from emotalk.queues.kafka.producer import KafkaProducer

ONE = Record("one", "session", "digest", b"voice")


class Ids:
    """A register that has never heard of anything."""

    def look(self, _: str) -> tuple[None, Cursor]:
        return None, (0, 7)

    def last_epoch(self, _: str) -> int:
        return 0

    def prepare(self, request_id: str, kind: str, _: Note) -> Callable[[Cursor], Outgoing]:
        return lambda place: Outgoing(request_id + kind, b"note")


class Failing:
    """A writer that takes so many records, and then meets an outage once."""

    def __init__(self, takes: int) -> None:
        self.takes: int | None = takes
        self.written: list[tuple[str, str]] = []

    def look(self) -> None:
        """All brokers answer."""

    def write(self, topic: str, records: Sequence[Outgoing]) -> list[tuple[int, int]]:
        if self.takes == 0:
            self.takes = None
            raise QueueUnavailable("the broker is away")
        self.takes = self.takes and self.takes - 1
        self.written += [(topic, record.key) for record in records]
        return [(0, len(self.written) - 1)]

    def send(self, topic: str, records: Sequence[Outgoing]) -> Callable[[], list[tuple[int, int]]]:
        return partial(self.write, topic, records)


class Well:
    """All brokers answer."""

    def doubt(self) -> None:
        raise AssertionError("nothing was asked in vain")


def producer_on(writer: Failing) -> KafkaProducer:
    made = KafkaProducer.__new__(KafkaProducer)
    made._room = None
    made._cluster, made._register = Cluster("nowhere:1"), cast(Register, Ids())
    made._writer = made._notes = cast(Writer, cast(Any, writer))
    made._pulse = cast(Pulse, cast(Any, Well()))
    return made


def test_a_request_is_accepted_once_it_is_stored_and_noted() -> None:
    writer = Failing(9)
    assert producer_on(writer).append(ONE).offset == 0
    assert writer.written == [("audio-requests", "session"), ("audio-jobs", "one" + ACCEPTED)]


def test_a_request_that_is_stored_but_not_noted_is_not_accepted_for_nobody_would_know_its_id() -> None:
    writer = Failing(1)
    producer = producer_on(writer)
    with pytest.raises(QueueUnavailable):
        producer.append(ONE)
    assert producer.append(ONE).epoch == 1, "the same run: what was stored before is a repetition of it"
    assert [topic for topic, _ in writer.written] == ["audio-requests", "audio-requests", "audio-jobs"]
