"""Where the brokers are, what the topics are called, and how every librdkafka client here is set up."""

import logging
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, TypeVar

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, ThrottleEvent
from confluent_kafka.admin import AdminClient

from emotalk.address import Address
from emotalk.errors import ConfigurationError
from emotalk.limits import MAX_RECORD_MIB
from emotalk.queues.base import DEAD_TOPIC, GROUP, JOBS_TOPIC, REQUESTS_TOPIC, RESULTS_TOPIC
from emotalk.queues.kafka_options import without_secrets

_LARGEST = MAX_RECORD_MIB * 2**20
_BATCH_BYTES = 2**19
"""What is written at once, unless one record is larger: less than any broker takes."""

# librdkafka writes to stderr unless it is given a logger. An outage is told by whoever waits for its end; librdkafka
# would tell it several times a second, and is heard only where everything is.
_log = logging.getLogger("emotalk.queues.kafka.librdkafka")
_log.addFilter(lambda _: logging.getLogger("emotalk").isEnabledFor(logging.DEBUG))

_told = logging.getLogger(__name__)

_SHUT_OUT = (KafkaError._AUTHENTICATION, KafkaError._SSL, KafkaError.SASL_AUTHENTICATION_FAILED)

Client = TypeVar("Client")
Value = str | int | float | bool

_EVERY_CLIENT: Mapping[str, Value] = {
    # A topic that has gone must not come back by itself with settings that delete what waits.
    "allow.auto.create.topics": False,
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
    "batch.size": _BATCH_BYTES,
    "queue.buffering.max.kbytes": 4 * _LARGEST // 1024,
    # Java's default for records with a key, so that other programs that write here agree on the partition.
    "partitioner": "murmur2_random",
}
_CONSUMER: Mapping[str, Value] = {
    "enable.auto.commit": False,
    "enable.auto.offset.store": False,
    "auto.offset.reset": "earliest",
    # Whatever is written here now: what an earlier setting let in must be read all the same.
    "fetch.max.bytes": _LARGEST,
    "receive.message.max.bytes": _LARGEST + 2**20,
    "queued.max.messages.kbytes": _LARGEST // 1024,
    # librdkafka's second of back-off whenever its local queue is full would be a second of latency.
    "fetch.queue.backoff.ms": 5,
    "fetch.error.backoff.ms": 50,
    # Also how long a commit waits for a coordinator that is gone; librdkafka's own figure is ten minutes.
    "coordinator.query.interval.ms": 5_000,
}


def shuts_out(error: KafkaError) -> bool:
    """Is it no outage, so that waiting does not help? A broker that misses our certificate says so in an alert."""
    return error.code() in _SHUT_OUT or "SSL alert" in error.str()


@dataclass(frozen=True)
class Cluster:
    """A Kafka address. `settings` go over ours (security, time-outs); `prefix` keeps deployments apart on one cluster.

    `record_mib`: the largest record that is written.
    """

    bootstrap: str
    settings: Mapping[str, str] = field(default_factory=dict, repr=False)
    prefix: str = ""
    group_name: str = GROUP
    record_mib: int = MAX_RECORD_MIB

    @property
    def topics(self) -> tuple[str, ...]:
        """All of them."""
        return self.requests, self.results, self.dead, self.jobs

    @property
    def record_bytes(self) -> int:
        """The largest record that is written, in bytes."""
        return self.record_mib * 2**20

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

    def speaks_tls(self) -> bool:
        """Does any of its addresses? Asked of all at once, so that it takes as long as the slowest."""
        with ThreadPoolExecutor() as asking:
            return any(asking.map(Address.speaks_tls, self.places()))

    def admin(self, heard: Callable[[KafkaError], None] | None = None) -> AdminClient:
        """A client that describes and changes topics; it ends when the last reference goes.

        `heard` is told what goes wrong with its connections, whenever it is polled.
        """
        return self._make(AdminClient, {"error_cb": heard} if heard else {})

    def producer(
        self, on_error: Callable[[KafkaError], None], on_throttle: Callable[[ThrottleEvent], None]
    ) -> Producer:
        """A client that writes; somebody must poll it for its delivery reports and for what these two hear."""

        def hear(error: KafkaError) -> None:
            self._tell(error)
            on_error(error)

        own = {"message.max.bytes": self.record_bytes, "error_cb": hear, "throttle_cb": on_throttle}
        return self._make(Producer, {**_PRODUCER, **own})

    def consumer(self, own: Mapping[str, Value]) -> Consumer:
        """A client that reads; `own` must name a group.id."""
        return self._make(Consumer, {**_CONSUMER, **own})

    def _make(self, kind: Callable[..., Client], own: Mapping[str, Any]) -> Client:
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
        if shuts_out(error):
            fix = "check the security settings given here, and the broker's"
            _told.warning("kafka does not let us in", extra={"error": self.scrub(error.str()), "fix": fix})
