"""What an operator would find in a queue that should be empty."""

from collections.abc import Iterator
from pathlib import Path

from confluent_kafka import Consumer as ConfluentConsumer
from confluent_kafka import TopicPartition

from emotalk.queues.base import DEAD_TOPIC, GROUP, REQUESTS_TOPIC
from emotalk.queues.sqlite import SqliteQueue


def left_in_sqlite(file: Path) -> list[str]:
    """Requests that are not done, and dead letters."""
    queue = SqliteQueue(file)
    try:
        return [f"{row.request_id} is {row.state}" for row in queue.jobs() if row.state != "done"]
    finally:
        queue.close()


def left_in_kafka(bootstrap: str) -> list[str]:
    """Partitions whose committed offset is not their end, and dead letters."""
    kafka = ConfluentConsumer({"bootstrap.servers": bootstrap, "group.id": GROUP, "log_level": 0})
    try:
        return [*_uncommitted(kafka), *_dead(kafka)]
    finally:
        kafka.close()


def _uncommitted(kafka: ConfluentConsumer) -> Iterator[str]:
    for place in kafka.committed(_places(kafka, REQUESTS_TOPIC), timeout=10):
        _, end = kafka.get_watermark_offsets(place, timeout=10)
        if place.offset != end:
            yield f"partition {place.partition} is committed to {place.offset} of {end}"


def _dead(kafka: ConfluentConsumer) -> Iterator[str]:
    for place in _places(kafka, DEAD_TOPIC):
        start, end = kafka.get_watermark_offsets(place, timeout=10)
        if start != end:
            yield f"{end - start} dead letters"


def _places(kafka: ConfluentConsumer, topic: str) -> list[TopicPartition]:
    return [TopicPartition(topic, each) for each in kafka.list_topics(topic, timeout=10).topics[topic].partitions]
