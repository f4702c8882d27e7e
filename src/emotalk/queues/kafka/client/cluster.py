"""Where the brokers are, what the topics are called, and how every librdkafka client here is set up."""

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, TypeVar

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer
from confluent_kafka.admin import AdminClient

from emotalk.address import Address
from emotalk.errors import ConfigurationError
from emotalk.limits import MAX_MESSAGE_BYTES
from emotalk.queues.base import DEAD_TOPIC, GROUP, JOBS_TOPIC, REQUESTS_TOPIC, RESULTS_TOPIC
from emotalk.queues.kafka_options import without_secrets

# Key, headers and batch framing come on top of the 64 MiB that a payload may have.
RECORD_BYTES = MAX_MESSAGE_BYTES + 2**20

# librdkafka writes to stderr unless it is given a logger. An outage is told by whoever waits for its end; librdkafka
# would tell it several times a second, and is heard only where everything is.
_log = logging.getLogger("emotalk.queues.kafka.librdkafka")
_log.addFilter(lambda _: logging.getLogger("emotalk").isEnabledFor(logging.DEBUG))

_told = logging.getLogger(__name__)

SHUT_OUT = (KafkaError._AUTHENTICATION, KafkaError._SSL, KafkaError.SASL_AUTHENTICATION_FAILED)
"""No outage: waiting does not help."""

Client = TypeVar("Client")
Value = str | int | float | bool

_EVERY_CLIENT: Mapping[str, Value] = {
    "socket.nagle.disable": True,
    "socket.timeout.ms": 10_000,
    "socket.connection.setup.timeout.ms": 5_000,
    "reconnect.backoff.ms": 50,
    "reconnect.backoff.max.ms": 1_000,
    # How soon everyone knows of partitions that were added; librdkafka would leave them unread for five minutes.
    "topic.metadata.refresh.interval.ms": 10_000,
}
_PRODUCER: Mapping[str, Value] = {
    "acks": "all",
    "enable.idempotence": True,
    "linger.ms": 0,
    "delivery.timeout.ms": 10_000,
    "request.timeout.ms": 10_000,
    "message.max.bytes": RECORD_BYTES,
    "queue.buffering.max.kbytes": 4 * RECORD_BYTES // 1024,
    # Java's default for records with a key, so that other programs that write here agree on the partition.
    "partitioner": "murmur2_random",
}
_CONSUMER: Mapping[str, Value] = {
    "enable.auto.commit": False,
    "enable.auto.offset.store": False,
    "auto.offset.reset": "earliest",
    "fetch.max.bytes": RECORD_BYTES,
    "receive.message.max.bytes": RECORD_BYTES + 2**20,
    "queued.max.messages.kbytes": RECORD_BYTES // 1024,
    # librdkafka's second of back-off whenever its local queue is full would be a second of latency.
    "fetch.queue.backoff.ms": 5,
    "fetch.error.backoff.ms": 50,
    # Also how long a commit waits for a coordinator that is gone; librdkafka's own figure is ten minutes.
    "coordinator.query.interval.ms": 5_000,
}


@dataclass(frozen=True)
class Cluster:
    """A Kafka address. `settings` go over ours (security, time-outs); `prefix` keeps tests apart on one broker."""

    bootstrap: str
    settings: Mapping[str, str] = field(default_factory=dict, repr=False)
    prefix: str = ""
    group_name: str = GROUP

    @property
    def requests(self) -> str:
        """The request log's topic."""
        return self.prefix + REQUESTS_TOPIC

    @property
    def results(self) -> str:
        """The result log's topic."""
        return self.prefix + RESULTS_TOPIC

    @property
    def dead(self) -> str:
        """The dead letters' topic."""
        return self.prefix + DEAD_TOPIC

    @property
    def jobs(self) -> str:
        """The topic that holds where each job stands."""
        return self.prefix + JOBS_TOPIC

    @property
    def group(self) -> str:
        """The workers' consumer group."""
        return self.prefix + self.group_name

    @property
    def is_plain(self) -> bool:
        """Do we speak to it without TLS?"""
        return "SSL" not in self.settings.get("security.protocol", "PLAINTEXT").upper()

    def places(self) -> Iterator[Address]:
        """Each address that can be read as one, without its protocol."""
        for place in self.bootstrap.split(","):
            with suppress(ValueError):
                yield Address.parse(place.strip().rpartition("/")[2])

    def admin(self, heard: Callable[[KafkaError], None] | None = None) -> AdminClient:
        """A client that describes and changes topics; it ends when the last reference goes.

        `heard` is told what goes wrong with its connections, whenever it is polled.
        """
        return self._made(AdminClient, {"error_cb": heard} if heard else {})

    def producer(self, on_error: Callable[[KafkaError], None]) -> Producer:
        """A client that writes; somebody must poll it for its delivery reports and for what `on_error` hears."""

        def hear(error: KafkaError) -> None:
            self._tell(error)
            on_error(error)

        return self._made(Producer, {**_PRODUCER, "error_cb": hear})

    def consumer(self, own: Mapping[str, Value]) -> Consumer:
        """A client that reads; `own` must name a group.id."""
        return self._made(Consumer, {**_CONSUMER, **own})

    def _made(self, kind: Callable[..., Client], own: Mapping[str, Any]) -> Client:
        config = {"bootstrap.servers": self.bootstrap, "error_cb": self._tell, **_EVERY_CLIENT, **own, **self.settings}
        try:
            return kind(config, logger=_log)
        except KafkaException as error:
            raise ConfigurationError(f"kafka_option: {self.scrub(error.args[0].str())}.") from None

    def scrub(self, words: str) -> str:
        """Words of librdkafka or a broker, without our secrets."""
        return without_secrets(words, self.settings)

    def _tell(self, error: KafkaError) -> None:
        """An outage is told by whoever waits for its end; that we are not let in is told here, or nobody would know."""
        if error.code() in SHUT_OUT:
            fix = "check the security settings given here, and the broker's"
            _told.warning("kafka does not let us in", extra={"error": self.scrub(error.str()), "fix": fix})
