"""Delivery reports: what became of each record that a producer was given.

Whoever waits for his own polls the producer himself, for all who wait: a thread between them would be woken for each
report, only to wake him. Why so: docs/decisions/0040.
"""

import threading
import time
from collections.abc import Callable

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from emotalk.errors import QueueUnavailable
from emotalk.queues.kafka.client.records import place_of

# librdkafka itself reports each record after delivery.timeout.ms; this bound is for one that is stuck.
_STUCK_SECONDS = 120.0
_LOOK_SECONDS = 0.1


class Delivery:
    """The reports of one `write`, awaited together."""

    def __init__(self, count: int) -> None:
        self._places: list[tuple[int, int]] = [(0, -1)] * count
        self._missing = count
        self._error: KafkaError | None = None
        self._news: threading.Event | None = None

    @property
    def is_complete(self) -> bool:
        """Has every record been reported?"""
        return self._missing == 0

    def report(self, index: int, error: KafkaError | None, message: Message) -> None:
        """Of one record; called by whoever polls."""
        if error is not None:
            self._error = self._error or error
        else:
            self._places[index] = place_of(message)
        self._missing -= 1
        if self._missing == 0:
            self.wake()

    def wake(self) -> None:
        """There is news: all is reported, or nobody polls any more."""
        if self._news is not None:
            self._news.set()

    def expect(self) -> threading.Event:
        """What `wake` sets, from now on."""
        self._news = self._news or threading.Event()
        self._news.clear()
        return self._news

    def places(self) -> list[tuple[int, int]]:
        """Partition and offset of each record. Raises KafkaException where one was refused."""
        if self._error is not None:
            raise KafkaException(self._error)
        return self._places


class Collector:
    """Takes turns in polling: one polls for all, and when he has what he waits for, another goes on.

    `on_fatal` is told what a poll raises: that producer never writes again.
    """

    def __init__(
        self, on_fatal: Callable[[Producer, KafkaException], None], monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._on_fatal, self._monotonic = on_fatal, monotonic
        self._turn = threading.Lock()
        self._others: list[Delivery] = []

    def wait(self, producer: Producer, delivery: Delivery, meanwhile: Callable[[], None]) -> list[tuple[int, int]]:
        """Return when all is reported; `meanwhile` is called every tenth of a second, and may raise.

        Raises KafkaException where a record was refused, QueueUnavailable where no report comes in two minutes.
        """
        watch = _Watch(meanwhile, self._monotonic)
        while not delivery.is_complete:
            if self._turn.acquire(blocking=False):
                try:
                    self._poll_until(producer, delivery, watch)
                finally:
                    self._pass_on()
            else:
                self._follow(delivery)
                watch.look(delivery)
        return delivery.places()

    def attend(self, producer: Producer) -> None:
        """Poll unless somebody does: for reports that nobody waits for, and for errors."""
        if self._turn.acquire(blocking=False):
            try:
                self._poll(producer, 0)
            finally:
                self._pass_on()

    def _poll_until(self, producer: Producer, delivery: Delivery, watch: "_Watch") -> None:
        while not delivery.is_complete:
            self._poll(producer, _LOOK_SECONDS)
            watch.look(delivery)

    def _poll(self, producer: Producer, seconds: float) -> None:
        try:
            producer.poll(seconds)
        except KafkaException as fatal:  # as where the right to write was withdrawn
            self._on_fatal(producer, fatal)

    def _pass_on(self) -> None:
        self._turn.release()
        follower = next((each for each in self._others if not each.is_complete), None)
        if follower is not None:
            follower.wake()

    def _follow(self, delivery: Delivery) -> None:
        """Wait until all is reported, or until it may be our turn."""
        news = delivery.expect()
        self._others.append(delivery)
        try:
            if not delivery.is_complete and self._turn.locked():  # else either was so before we could be told
                news.wait(_LOOK_SECONDS)
        finally:
            self._others.remove(delivery)


class _Watch:
    """Looks about every tenth of a second while somebody waits."""

    def __init__(self, meanwhile: Callable[[], None], monotonic: Callable[[], float]) -> None:
        self._meanwhile, self._monotonic = meanwhile, monotonic
        self._began = self._looked = monotonic()

    def look(self, delivery: Delivery) -> None:
        now = self._monotonic()
        if delivery.is_complete or now - self._looked < _LOOK_SECONDS:
            return
        self._looked = now
        if now - self._began > _STUCK_SECONDS:
            raise QueueUnavailable("Kafka: no delivery report came; the outcome of the write is unknown")
        self._meanwhile()
