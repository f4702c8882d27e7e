"""Whose records a topic holds: on a cluster that many share, a name may be taken.

Why so: docs/decisions/0039.
"""

import time
from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, Message, TopicPartition

from emotalk.errors import QueueUnavailable
from emotalk.queues.base import MARK
from emotalk.queues.kafka.client.cluster import Cluster
from emotalk.queues.kafka.client.reading import ends_of, reader, sound
from emotalk.queues.kafka.client.records import headers_of
from emotalk.queues.kafka.job_notes.notes import decode_note

_READ_SECONDS = 10.0
_LAST = 3
"""Records before the end of a partition that are looked at; the very last place may hold none."""


@dataclass(frozen=True)
class Holding:
    """Are there records of ours among the oldest and the newest of a topic, and any of somebody else's?"""

    ours: bool
    foreign: bool


def holdings(cluster: Cluster, partitions: Mapping[str, Iterable[int]]) -> dict[str, Holding]:
    """`partitions`: topic → its partitions. Raises QueueUnavailable, ConfigurationError where reading is forbidden."""
    places = [(topic, each) for topic, its in partitions.items() for each in its]
    with closing(reader(cluster, tell_end=True)) as kafka:
        ends = ends_of(kafka, places)
        oldest = [TopicPartition(*place, OFFSET_BEGINNING) for place in places]
        newest = [TopicPartition(*place, max(0, end - _LAST)) for place, end in zip(places, ends, strict=True)]
        seen = [*_read(kafka, oldest, to_end=False), *_read(kafka, newest, to_end=True)]
    judged = [(message.topic(), is_ours(cluster, message)) for message in seen]
    return {topic: Holding((topic, True) in judged, (topic, False) in judged) for topic in partitions}


def is_ours(cluster: Cluster, message: Message) -> bool | None:
    """Has EmoTalk written it? None of a tombstone, which says nothing."""
    value = message.value()
    if value is None:
        return None
    if message.topic() == cluster.jobs:
        return decode_note(value) is not None
    return value.startswith(MARK) or {"request_id", "digest"} <= headers_of(message).keys()


def _read(kafka: Consumer, places: list[TopicPartition], *, to_end: bool) -> list[Message]:
    """What stands from these places on, or the first record of each."""
    kafka.assign(places)
    waiting, found = {(place.topic, place.partition) for place in places}, list[Message]()
    deadline = time.monotonic() + _READ_SECONDS
    while waiting:
        message = kafka.poll(max(0.0, deadline - time.monotonic()))
        if message is None:
            raise QueueUnavailable(f"Kafka: reading {', '.join(sorted(topic for topic, _ in waiting))} took too long")
        place, error = (message.topic(), message.partition()), message.error()
        at_end = error is not None and error.code() == KafkaError._PARTITION_EOF
        if not at_end and place in waiting:
            found.append(sound(message, str(place[0])))
        if at_end or not to_end:
            waiting.discard(place)
    return found
