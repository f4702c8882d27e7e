"""Reading a topic without belonging to a group: from an offset that the caller knows, committing nothing."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import TypeVar
from uuid import uuid4

from confluent_kafka import OFFSET_END, Consumer, KafkaError, KafkaException, Message, TopicPartition

from emotalk.errors import QueueUnavailable
from emotalk.queues.kafka.client.cluster import Cluster
from emotalk.queues.kafka.client.faults import Right, kafka_error
from emotalk.queues.kafka.client.records import place_of

T = TypeVar("T")

_ASK_SECONDS = 5.0
_READ_SECONDS = 10.0
_AGAIN_SECONDS = 0.02
# What a broker says of a partition in the first moments of its leader, or of the topic. Asked again, it knows.
_YOUNG = {
    KafkaError.NOT_LEADER_FOR_PARTITION,
    KafkaError.LEADER_NOT_AVAILABLE,
    KafkaError.UNKNOWN_TOPIC_OR_PART,
    KafkaError.FENCED_LEADER_EPOCH,
    KafkaError.UNKNOWN_LEADER_EPOCH,
    KafkaError.OFFSET_NOT_AVAILABLE,  # a new leader does not tell its end before a majority has what was accepted
    # A broker that has just started knows no topic, and librdkafka would believe it for a quarter of an hour.
    KafkaError._UNKNOWN_PARTITION,
    KafkaError._UNKNOWN_TOPIC,
}


def reader(cluster: Cluster, *, tell_end: bool = False) -> Consumer:
    """A consumer to `assign`. librdkafka wants a group id; nobody joins it, so it leaves nothing on the broker."""
    return cluster.consumer({"group.id": f"{cluster.group}-reader-{uuid4()}", "enable.partition.eof": tell_end})


def partitions_of(kafka: Consumer, topic: str, timeout: float = _ASK_SECONDS) -> list[int]:
    """The partitions that the topic has now."""
    try:
        found = kafka.list_topics(topic, timeout=timeout).topics[topic]
    except KafkaException as error:
        raise kafka_error(error, f"asking for {topic}", Right("Describe", "topic", topic)) from error
    if found.error is not None:
        raise kafka_error(found.error, f"asking for {topic}", Right("Describe", "topic", topic))
    return sorted(found.partitions)


def span_of(kafka: Consumer, topic: str, partition: int, timeout: float = _ASK_SECONDS) -> tuple[int, int]:
    """Offset of the oldest record that is left, and of the next one to be written: two questions to the broker."""

    def ask() -> tuple[int, int]:
        oldest, end = kafka.get_watermark_offsets(TopicPartition(topic, partition), timeout=timeout)
        return int(oldest), int(end)

    return _ask_again(kafka, ask, [topic], timeout)


def ends_of(kafka: Consumer, places: Sequence[tuple[str, int]], timeout: float = _ASK_SECONDS) -> list[int]:
    """Offset of the next record to be written in each (topic, partition): one question, however many they are."""
    wanted = [TopicPartition(topic, partition, OFFSET_END) for topic, partition in places]

    def ask() -> list[int]:
        # What goes for a time of day here goes for Kafka's name of the end too.
        found = kafka.offsets_for_times(wanted, timeout=timeout)
        for place in found:
            if place.error is not None:
                raise KafkaException(place.error)
        return [int(place.offset) for place in found]

    return _ask_again(kafka, ask, list(dict.fromkeys(topic for topic, _ in places)), timeout)


def _ask_again(kafka: Consumer, ask: Callable[[], T], topics: Sequence[str], timeout: float) -> T:
    deadline = time.monotonic() + timeout
    while True:
        try:
            return ask()
        except KafkaException as error:
            if error.args[0].code() not in _YOUNG or time.monotonic() > deadline:
                right = Right("Describe", "topic", topics[0])
                raise kafka_error(error, f"asking for the ends of {', '.join(topics)}", right) from error
            time.sleep(_AGAIN_SECONDS)
            _hear_anew(kafka, topics, deadline)


def _hear_anew(kafka: Consumer, topics: Sequence[str], deadline: float) -> None:
    """Let librdkafka forget what it was told of these topics; what goes wrong here goes wrong with the question."""
    with suppress(KafkaException):
        for topic in topics:
            kafka.list_topics(topic, timeout=max(_AGAIN_SECONDS, deadline - time.monotonic()))


def records_between(kafka: Consumer, topic: str, partition: int, start: int, end: int) -> Iterator[Message]:
    """Records from `start` up to, not including, `end`; what retention has deleted is left out.

    `kafka` must tell the end. Raises QueueUnavailable where that takes more than ten seconds.
    """
    if start >= end:
        return
    kafka.assign([TopicPartition(topic, partition, start)])
    deadline = time.monotonic() + _READ_SECONDS
    try:
        while (left := deadline - time.monotonic()) > 0:
            message = kafka.poll(left)
            if message is None:
                continue
            if _is_end(message):
                return
            _, offset = place_of(sound(message, topic))
            if offset < end:
                yield message
            if offset >= end - 1:
                return
    finally:
        kafka.unassign()
    raise QueueUnavailable(f"Kafka: reading {topic} took more than {_READ_SECONDS:.0f} seconds; try again")


def sound(message: Message, topic: str) -> Message:
    """The message, unless it is an error in a message's place: that is raised."""
    error = message.error()
    if error is not None:
        raise kafka_error(error, f"reading {topic}", Right("Read", "topic", topic))
    return message


def _is_end(message: Message) -> bool:
    error = message.error()
    return error is not None and error.code() == KafkaError._PARTITION_EOF
