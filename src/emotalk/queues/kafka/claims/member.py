"""A membership in the workers' group: which partitions are ours, holding them still, committing.

Assignment is cooperative, because the eager protocol takes every partition from every worker whenever one comes or
goes, and each of them would lose the job in its hands. (Kafka 4's group.protocol=consumer does the same on the broker's
side, but older brokers do not speak it.)

Why so: docs/decisions/0023.
"""

import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Protocol

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Message, TopicPartition

from emotalk.queues.kafka.claims.marks import Mark, read_mark
from emotalk.queues.kafka.client.cluster import Cluster, Value
from emotalk.queues.kafka.client.faults import Right, kafka_error
from emotalk.queues.kafka.client.records import place_of

SESSION_MS = 10_000
_ASK_SECONDS = 5.0
_COMMIT_SECONDS = 5.0


class Rebalanced(Protocol):
    """Who wants to know what comes and goes; called from within `poll`."""

    def arrived(self, partitions: set[int]) -> None:
        """They are ours from now on; their requests have not been read yet."""
        ...

    def leaving(self, partitions: set[int]) -> None:
        """They are handed over in good order, as soon as this returns: the last moment to commit."""
        ...

    def lost(self, partitions: set[int]) -> None:
        """They belong to somebody else already."""
        ...


class Member:
    """One member of the group.

    `fenced`: somebody has joined under our name, and this membership is over for good. `confirmed_at`: when, by the
    monotonic clock, the group last took a commit from us as one of its own. `from_start`: each partition is read from
    its beginning when it first comes, whatever is committed: that may be of a log that was deleted.
    """

    def __init__(
        self, cluster: Cluster, name: str, max_poll_interval_ms: int, tell: Rebalanced, *, from_start: bool = False
    ) -> None:
        self._topic, self._group, self._tell = cluster.requests, cluster.group, tell
        self._stall_seconds, self._polled = max_poll_interval_ms / 1000, time.monotonic()
        self.confirmed_at = -float("inf")
        self._held = self.settled = self.fenced = False
        self.owned: set[int] = set()
        self._next: dict[int, int] = {}
        self._from_start, self._known = from_start, set[int]()
        self._kafka: Consumer = cluster.consumer(_settings(cluster.group, name, max_poll_interval_ms))
        # librdkafka's blocking commit knows no time-out: with a broker that hangs it waits for ever: in its own thread.
        self._commits = ThreadPoolExecutor(1, thread_name_prefix="emotalk-kafka-commit")
        self._committing: Future[KafkaError | None] = self._commits.submit(lambda: None)
        self._kafka.subscribe([self._topic], self._assigned, self._revoked, self._lost)

    @property
    def stalled(self) -> bool:
        """True where we have not polled for so long that the group was right to take us for dead."""
        return time.monotonic() - self._polled > self._stall_seconds

    def poll(self, timeout: float) -> Message | None:
        """The next request, if a partition has one and is not held still; the group is heeded meanwhile."""
        message = self._kafka.poll(timeout)
        self._polled = time.monotonic()
        if message is None:
            return None
        error = message.error()
        if error is None:
            partition, offset = place_of(message)
            self._next[partition] = offset + 1
            return message
        if error.fatal() or error.code() in (KafkaError._FATAL, KafkaError._FENCED, KafkaError.FENCED_INSTANCE_ID):
            self.fenced = True
            self._give_up()
        elif error.code() == KafkaError._MAX_POLL_EXCEEDED:
            self._give_up()
        else:
            raise kafka_error(error, "reading requests", self._right(error))
        return None

    def _right(self, error: KafkaError) -> Right:
        """What a worker must be allowed to, that an error speaks of."""
        is_of_group = error.code() == KafkaError.GROUP_AUTHORIZATION_FAILED
        return Right("Read", "group", self._group) if is_of_group else Right("Read", "topic", self._topic)

    def hold(self) -> None:
        """Stop reading all partitions, those that are still to come included."""
        if not self._held:
            self._held = True
            self._kafka.pause(self._places(self.owned))

    def release(self) -> None:
        """Read on, at once: librdkafka wakes a resumed partition within a second, a sought one immediately."""
        if not self._held:
            return
        self._kafka.resume(self._places(self.owned))
        try:
            for partition, offset in self._next.items():
                self._kafka.seek(TopicPartition(self._topic, partition, offset))
        except KafkaException as error:
            self._hear_why()
            raise kafka_error(error, f"going on in {self._topic}") from error
        self._held = False

    def seek(self, partition: int, offset: int) -> None:
        """Let the next request of this partition be the one at `offset`, if it is still ours; from `release` on."""
        if partition in self.owned:
            self.hold()
            self._next[partition] = offset

    def commit(self, partition: int, mark: Mark) -> KafkaError | None:
        """Commit and wait for the answer, some seconds at most; None is success."""
        refused = self.settle_commit()
        if not self._committing.done():
            return refused
        self.commit_behind(partition, mark)
        return self.settle_commit()

    def commit_behind(self, partition: int, mark: Mark, then: Callable[[], object] = lambda: None) -> None:
        """Commit while others go on; `then` is called once the group has taken it."""
        place = TopicPartition(self._topic, partition, mark.offset, mark.metadata)
        self._committing = self._commits.submit(self._commit, place, then)

    def settle_commit(self) -> KafkaError | None:
        """Wait for the answer to the last commit, some seconds at most; None is success."""
        try:
            return self._committing.result(_COMMIT_SECONDS)
        except TimeoutError:
            return KafkaError(KafkaError._TIMED_OUT)

    def _commit(self, place: TopicPartition, then: Callable[[], object]) -> KafkaError | None:
        try:
            answers = self._kafka.commit(offsets=[place], asynchronous=False) or []
        except KafkaException as error:
            refusal: KafkaError = error.args[0]
            return refusal
        refused = next((answer.error for answer in answers if answer.error is not None), None)
        if refused is None:
            self.confirmed_at = time.monotonic()
            then()
        return refused

    def committed(self, partition: int) -> Mark:
        """What is committed now; offset -1001 where nothing is."""
        return fetch_mark(self._kafka, self._topic, partition, _ASK_SECONDS)

    def close(self) -> None:
        """Leave the group (a static member stays in it until its session ends)."""
        self.settle_commit()
        self._kafka.close()
        self._commits.shutdown()

    def _assigned(self, kafka: Consumer, places: list[TopicPartition]) -> None:
        for place in places if self._from_start else ():
            if place.partition not in self._known:
                place.offset = OFFSET_BEGINNING
        self._known |= {place.partition for place in places}
        kafka.incremental_assign(places)
        self.settled = True
        arrived = {place.partition for place in places}
        self.owned |= arrived
        self._forget(arrived)
        if self._held:
            kafka.pause(self._places(arrived))
        else:
            # librdkafka remembers that it was held when it was lost, and would never read it again.
            kafka.resume(self._places(arrived))
        self._tell.arrived(arrived)

    def _revoked(self, _: Consumer, places: list[TopicPartition]) -> None:
        gone = {place.partition for place in places}
        self._forget(gone)
        self.owned -= gone
        self._tell.leaving(gone)

    def _lost(self, _: Consumer, places: list[TopicPartition]) -> None:
        gone = {place.partition for place in places}
        self._forget(gone)
        self.owned -= gone
        self.settled = False
        self._tell.lost(gone)

    def _hear_why(self) -> None:
        """A partition that cannot be sought is gone, or we are fenced: a poll tells, and must move nothing."""
        places = dict(self._next)
        self.hold()
        self.poll(0)
        self._next = {partition: offset for partition, offset in places.items() if partition in self.owned}

    def _forget(self, partitions: set[int]) -> None:
        for partition in partitions:
            self._next.pop(partition, None)

    def _give_up(self) -> None:
        gone, self.owned = self.owned, set()
        self._forget(gone)
        self._tell.lost(gone)

    def _places(self, partitions: Iterable[int]) -> list[TopicPartition]:
        return [TopicPartition(self._topic, each) for each in sorted(partitions)]


def fetch_mark(kafka: Consumer, topic: str, partition: int, timeout: float) -> Mark:
    """The mark of `kafka`'s group on a partition; `kafka` need not be a member."""
    return fetch_marks(kafka, topic, [partition], timeout)[partition]


def fetch_marks(kafka: Consumer, topic: str, partitions: Iterable[int], timeout: float) -> dict[int, Mark]:
    """The same of several, in one question."""
    try:
        marks = kafka.committed([TopicPartition(topic, each) for each in partitions], timeout=timeout)
    except KafkaException as error:
        raise kafka_error(error, f"reading the committed offset of {topic}") from error
    for found in marks:
        if found.error is not None:
            raise kafka_error(found.error, f"reading the committed offset of {topic}")
    return {found.partition: read_mark(found.offset, found.metadata) for found in marks}


def _settings(group: str, name: str, max_poll_interval_ms: int) -> dict[str, Value]:
    static = {"group.instance.id": name} if name else {}
    return {
        **static,
        "group.id": group,
        "partition.assignment.strategy": "cooperative-sticky",
        "session.timeout.ms": min(SESSION_MS, max_poll_interval_ms),
        "heartbeat.interval.ms": 1_000,
        "max.poll.interval.ms": max_poll_interval_ms,
        "queued.min.messages": 1,
    }
