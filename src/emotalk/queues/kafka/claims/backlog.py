"""How many requests are unfinished: those from the committed offset of each partition to its end."""

import threading
import time
from collections.abc import Mapping
from contextlib import suppress

from confluent_kafka import Consumer, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from emotalk.errors import QueueUnavailable
from emotalk.queues.kafka.claims.member import fetch_marks
from emotalk.queues.kafka.client.cluster import Cluster
from emotalk.queues.kafka.client.faults import kafka_error
from emotalk.queues.kafka.client.reading import partitions_of
from emotalk.queues.lanes import check_waiting

_ASK_SECONDS = 5.0
_FRESH_SECONDS = 1.0
_QUICK_SECONDS = 0.5
"""For each question of somebody who wants to append: where it is not answered, the last figure stands."""
_OLDEST: OffsetSpec = OffsetSpec.earliest()  # type: ignore[no-untyped-call]
_END: OffsetSpec = OffsetSpec.latest()  # type: ignore[no-untyped-call]


def backlog(cluster: Cluster) -> int:
    """Ask once, with clients of its own. Raises QueueUnavailable."""
    handle = cluster.consumer({"group.id": cluster.group})
    try:
        return sum(count_unfinished(cluster.admin(), handle, cluster.requests).values())
    finally:
        handle.close()


def count_unfinished(
    admin: AdminClient, handle: Consumer, topic: str, timeout: float = _ASK_SECONDS
) -> Mapping[int, int]:
    """Partition → unfinished requests, in four questions however many partitions there are.

    `handle` belongs to the workers' group and never joins it. `timeout`: seconds for each question.
    """
    places = [TopicPartition(topic, partition) for partition in partitions_of(handle, topic, timeout)]
    oldest, ends = _ends(admin, places, _OLDEST, timeout), _ends(admin, places, _END, timeout)
    marks = fetch_marks(handle, topic, ends, timeout)
    return {each: max(0, ends[each] - max(oldest[each], marks[each].offset)) for each in ends}


def _ends(admin: AdminClient, places: list[TopicPartition], which: OffsetSpec, timeout: float) -> dict[int, int]:
    answers = admin.list_offsets(dict.fromkeys(places, which), request_timeout=timeout)
    try:
        ends = {place.partition: answer.result(timeout=2 * timeout).offset for place, answer in answers.items()}
    except KafkaException as error:
        raise kafka_error(error, "asking for the ends of the request log") from error
    except TimeoutError as error:
        raise QueueUnavailable(f"Kafka: no answer within {2 * timeout:g} seconds") from error
    if min(ends.values()) < 0:  # librdkafka's way to say that a leader has not answered: by no means an empty log
        raise QueueUnavailable("Kafka: not all brokers tell the ends of the request log; is one down?")
    return ends


class Room:
    """Is there room for another request? Asked once a second at most; what was appended here since is counted on."""

    def __init__(self, cluster: Cluster, most: int) -> None:
        self._topic, self._most = cluster.requests, most
        self._admin, self._kafka = cluster.admin(), cluster.consumer({"group.id": cluster.group})
        self._lock = threading.Lock()
        self._asked, self._unfinished = -_FRESH_SECONDS, 0

    def take(self) -> None:
        """For one more. Raises QueueFull."""
        with self._lock:
            self._look()
            self._unfinished += 1

    def look(self) -> None:
        """Raises QueueFull."""
        with self._lock:
            self._look()

    def _look(self) -> None:
        if time.monotonic() - self._asked >= _FRESH_SECONDS:
            self._asked = time.monotonic()
            with suppress(QueueUnavailable):  # whoever writes hears of it; the bound is no reason to refuse
                self._unfinished = sum(count_unfinished(self._admin, self._kafka, self._topic, _QUICK_SECONDS).values())
        check_waiting(self._unfinished, self._most)

    def close(self) -> None:
        """Let go."""
        with self._lock:
            self._kafka.close()
