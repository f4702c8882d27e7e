"""Would a record be accepted now? Whoever writes for somebody who waits wants to know it, and so does health.

A broker tells of its cluster what it heard last: with two of three gone the third still names all leaders, and would
take a record without ever confirming it. So the leaders are asked themselves; and a write that nobody confirmed is
followed by a small one that somebody must.

Why so: docs/decisions/0038.
"""

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from confluent_kafka import KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec, PartitionMetadata

from emotalk.errors import QueueUnavailable
from emotalk.queues.kafka.client.cluster import Cluster
from emotalk.queues.kafka.client.faults import Right, is_out_of_reach, kafka_error

# librdkafka is back within a tenth of a second where a connection merely broke; whose broker is gone hears it now and
# not after delivery.timeout.ms.
_DOUBT_SECONDS = 0.5
_SLOW_SECONDS = 2.0
_QUICK_SECONDS = 0.25
_END: OffsetSpec = OffsetSpec.latest()  # type: ignore[no-untyped-call]

Places = Mapping[TopicPartition, PartitionMetadata]


class Pulse:
    """Of the topics that a request is written to. `write` writes a record that says nothing, and waits for it."""

    def __init__(
        self, cluster: Cluster, write: Callable[[], object], monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._topics, self._write, self._monotonic = (cluster.requests, cluster.jobs), write, monotonic
        self._admin: AdminClient = cluster.admin()
        self._doubted_since: float | None = None
        self._unconfirmed = False
        self._proofs, self._proof = ThreadPoolExecutor(1, "emotalk-kafka-pulse"), Future[object]()
        self._proof.set_result(None)
        self._proving = threading.Lock()

    def hear(self, error: KafkaError) -> None:
        """What goes wrong with a connection."""
        if error.code() == KafkaError._ALL_BROKERS_DOWN:
            self.doubt()

    def doubt(self) -> None:
        """Somebody asked in vain."""
        self._doubted_since = self._doubted_since or self._monotonic()

    def missed(self) -> None:
        """A write was not confirmed."""
        self._unconfirmed = True
        self.doubt()

    def confirmed(self) -> None:
        """A write was."""
        self._unconfirmed = False

    def look(self) -> None:
        """Raise QueueUnavailable at once where nothing was accepted a moment ago and still is not."""
        if self._doubted_since is not None:
            self._feel(_QUICK_SECONDS, self._is_gone)
            self._prove(_QUICK_SECONDS)
            self._doubted_since = None

    def give_up_in_vain(self, waited: float) -> None:
        """Raise QueueUnavailable where waiting on is in vain; the write may be done all the same, so repeat it.

        `waited`: seconds since it was sent. After two of them there is doubt, whoever else has felt none.
        """
        if waited > _SLOW_SECONDS:
            self.doubt()
        since = self._doubted_since
        if since is not None and self._monotonic() - since > _DOUBT_SECONDS:
            self._feel(_QUICK_SECONDS, self._is_gone)
            self._doubted_since = self._monotonic()  # they answer: the next look at them is as far away

    def feel(self, timeout: float) -> None:
        """Ask the leaders, `timeout` seconds each question. Raises QueueUnavailable where one would take no record."""
        self._feel(timeout, _is_incomplete)
        self._prove(timeout)
        self._doubted_since = None

    def _feel(self, timeout: float, is_away: Callable[[Places, set[int]], bool]) -> None:
        try:
            places = {place: found for topic in self._topics for place, found in self._partitions(topic, timeout)}
            silent = self._silent(places, timeout)
            if is_away(places, silent):
                names = ", ".join("that is to be elected" if each < 0 else str(each) for each in sorted(silent))
                raise QueueUnavailable(f"Kafka: no answer from broker {names}; without it requests are not accepted")
        except QueueUnavailable:
            self.doubt()
            raise

    def _is_gone(self, places: Places, silent: set[int]) -> bool:
        """Would no request be taken? Each needs the topic of jobs, and as many replicas as must have a record.

        One of them may lack it: so the topics are made.
        """
        noted = [found.leader for place, found in places.items() if place.topic == self._topics[1]]
        short = (len(set(each.replicas) - silent) < max(1, len(each.replicas) - 1) for each in places.values())
        return not silent.isdisjoint(noted) or any(short)

    def _partitions(self, topic: str, timeout: float) -> Iterator[tuple[TopicPartition, PartitionMetadata]]:
        try:
            found = self._admin.list_topics(topic, timeout=timeout).topics[topic]
        except KafkaException as error:
            raise kafka_error(error, f"asking for {topic}") from error
        if found.error is not None:
            raise kafka_error(found.error, f"asking for {topic}", Right("Describe", "topic", topic))
        for number, partition in found.partitions.items():
            yield TopicPartition(topic, number), partition

    def _silent(self, places: Places, timeout: float) -> set[int]:
        """The leaders that say nothing; below 0: of a partition that has none."""
        led = [place for place, found in places.items() if found.leader >= 0]
        unanswered = set(self._find_silent(led, timeout))
        return {found.leader for place, found in places.items() if found.leader < 0 or place in unanswered}

    def _find_silent(self, places: Sequence[TopicPartition], timeout: float) -> Iterator[TopicPartition]:
        """Those whose leader says nothing; one that refuses to tell is there."""
        answers = self._admin.list_offsets(dict.fromkeys(places, _END), request_timeout=timeout) if places else {}
        for place, answer in answers.items():
            try:
                if answer.result(timeout=2 * timeout).offset < 0:  # librdkafka's way to say that no answer came
                    yield place
            except TimeoutError:
                yield place
            except KafkaException as error:
                if is_out_of_reach(error):
                    yield place

    def _prove(self, timeout: float) -> None:
        """After a write that was not confirmed, one must be."""
        if not self._unconfirmed:
            return
        with self._proving:
            if self._proof.done():
                self._proof = self._proofs.submit(self._write)
            proof = self._proof
        try:
            proof.result(timeout)
        except TimeoutError:
            raise QueueUnavailable("Kafka: writes are not confirmed; are enough replicas in sync?") from None

    def close(self) -> None:
        """Let go."""
        self._proofs.shutdown(wait=False)


def _is_incomplete(_: Places, silent: set[int]) -> bool:
    """Is a leader silent? For a moment that is no outage: another follows it."""
    return bool(silent)
