"""Writing to a topic and waiting for the acknowledgement of all replicas."""

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Producer

from emotalk.errors import EmoTalkError, QueueFull, QueueUnavailable
from emotalk.queues.kafka.client.cluster import Cluster
from emotalk.queues.kafka.client.faults import Right, kafka_error
from emotalk.queues.kafka.client.pulse import Pulse
from emotalk.queues.kafka.client.reports import Collector, Delivery
from emotalk.queues.kafka.client.throttle import Throttle
from emotalk.queues.strangers import blob

_log = logging.getLogger(__name__)

_POLL_SECONDS = 0.1
_FLUSH_SECONDS = 5.0
_AGAIN_SECONDS = 1.0
# A tombstone of nothing, under a key that no reader takes for a note.
_NOTHING = "\0pulse"


@dataclass(frozen=True)
class Outgoing:
    """What is written: a key that decides the partition unless one is named, the bytes, and headers of plain text.

    Without a value it is a tombstone: in a compacted topic it takes away what was written under its key.
    """

    key: str | bytes
    value: bytes | None
    headers: Mapping[str, str] = field(default_factory=dict)
    partition: int | None = None


class Writer:
    """An idempotent producer whose `write` blocks. A thread stands by while nobody waits for its reports.

    A write goes on for ten seconds, in which a broker may come back. One that was hurried gives up as soon as too few
    brokers answer, since somebody waits for its answer.
    """

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._pulse: Pulse | None = None
        self._throttle = Throttle()
        self._producer: Producer = cluster.producer(self._hear, self._throttle.hear)
        self._collector = Collector(self._lay_aside)
        self._broken: Producer | None = None
        self._renewing = threading.Lock()
        self._closed = threading.Event()
        self._standby = threading.Thread(target=self._stand_by, name="emotalk-kafka-writer", daemon=True)
        self._standby.start()

    def hurry(self, pulse: Pulse | None = None) -> Pulse:
        """From now on; returns what tells whether a record would be accepted, `pulse` where another has one already."""
        self._pulse = pulse or Pulse(self._cluster, self._write_nothing)
        return self._pulse

    def look(self) -> None:
        """Raise QueueUnavailable at once where a record would wait in vain, or for long."""
        self._throttle.check()
        if self._pulse:
            self._pulse.look()

    def write(self, topic: str, records: Sequence[Outgoing]) -> list[tuple[int, int]]:
        """Send all, then wait for all: (partition, offset) of each, in order.

        Raises QueueUnavailable (the outcome is unknown then), QueueFull, or ConfigurationError where a record is larger
        than the broker accepts.
        """
        return self.send(topic, records)()

    def send(self, topic: str, records: Sequence[Outgoing]) -> Callable[[], list[tuple[int, int]]]:
        """Send all; whoever calls what is returned waits for all. Errors are those of `write`, here or there."""
        if self._closed.is_set():
            raise QueueUnavailable(f"Kafka: nothing more is written to {topic}; this queue was closed")
        if self._pulse:
            self._pulse.look()
        return self._send(topic, records)

    def _write_nothing(self) -> None:
        self._send(self._cluster.jobs, [Outgoing(_NOTHING, None, partition=0)])()

    def _send(self, topic: str, records: Sequence[Outgoing]) -> Callable[[], list[tuple[int, int]]]:
        delivery, producer = Delivery(len(records)), self._producer
        try:
            for index, record in enumerate(records):
                _produce(producer, topic, record, partial(delivery.report, index))
        except BufferError as full:
            raise QueueFull(f"Kafka: too much is waiting to be written to {topic}; try later") from full
        except KafkaException as failure:
            raise self._break_error(failure, producer, topic) from failure
        return partial(self._wait, delivery, producer, topic)

    def _wait(self, delivery: Delivery, producer: Producer, topic: str) -> list[tuple[int, int]]:
        began = time.monotonic()
        try:
            places = self._collector.wait(producer, delivery, partial(self._give_up_in_vain, began))
        except KafkaException as failure:
            if failure.args[0].code() == KafkaError._MSG_TIMED_OUT and self._throttle.held_since(began):
                raise self._throttle.refusal() from failure
            raise self._break_error(failure, producer, topic) from failure
        if self._pulse:
            self._pulse.confirmed()
        return places

    def _give_up_in_vain(self, began: float) -> None:
        if self._closed.is_set():
            raise QueueUnavailable("Kafka: this queue was closed before the write was confirmed")
        if self._pulse:
            self._pulse.give_up_in_vain(time.monotonic() - began)

    def _break_error(self, failure: KafkaException, producer: Producer, topic: str) -> EmoTalkError:
        if failure.args[0].fatal() or failure.args[0].code() == KafkaError._FATAL:
            self._renew(producer)
        error = kafka_error(failure, f"writing to {topic}", Right("Write", "topic", topic))
        if self._pulse and isinstance(error, QueueUnavailable):
            self._pulse.missed()
        return error

    def close(self) -> None:
        """Let what is under way arrive, then end the thread and the connections."""
        if self._closed.is_set():
            return
        self._producer.flush(_FLUSH_SECONDS)
        self._closed.set()
        self._standby.join()
        if self._pulse:
            self._pulse.close()
        del self._producer

    def _hear(self, error: KafkaError) -> None:
        if self._pulse:
            self._pulse.hear(error)

    def _renew(self, broken: Producer) -> None:
        """An idempotent producer that met a fatal error never writes again: take another in its place."""
        with self._renewing:
            if self._producer is broken:
                self._producer = self._cluster.producer(self._hear, self._throttle.hear)

    def _stand_by(self) -> None:
        while not self._closed.wait(_POLL_SECONDS):
            self._collector.attend(self._producer)
            if self._broken is not None:
                self._closed.wait(_AGAIN_SECONDS)
                self._renew(self._broken)
                self._broken = None

    def _lay_aside(self, broken: Producer, fatal: KafkaException) -> None:
        """Whoever waits for one that is broken hears it, and the next write has another, in a second."""
        _log.debug("a producer is replaced: %s", fatal)
        with suppress(KafkaException):
            broken.purge()
            broken.flush(_POLL_SECONDS)
        self._broken = broken


def _produce(producer: Producer, topic: str, record: Outgoing, on_delivery: Callable[..., None]) -> None:
    headers: list[tuple[str, str | bytes | None]] = [(name, text.encode()) for name, text in record.headers.items()]
    place: dict[str, Any] = {} if record.partition is None else {"partition": record.partition}
    producer.produce(topic, record.value, blob(record.key), headers=headers, on_delivery=on_delivery, **place)
