"""What the queue on Kafka looks like from outside: through handles that belong to no group and commit nothing."""

import threading

from confluent_kafka import TIMESTAMP_NOT_AVAILABLE

from emotalk.queues.base import LaneReading, Reading
from emotalk.queues.kafka.cluster import Cluster
from emotalk.queues.kafka.member import committed_mark
from emotalk.queues.kafka.reading import partitions_of, reader, records_between, span_of

_ASK_SECONDS = 2.0


class KafkaMeter:
    """See Meter.

    Kafka does not tell a record's time without the record: the oldest unfinished one of each partition is fetched
    whole, once for as long as it is the oldest.
    """

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._kafka, self._group = reader(cluster, tell_end=True), cluster.consumer({"group.id": cluster.group})
        self._oldest: dict[int, tuple[int, float | None]] = {}
        self._alone = threading.Lock()

    def read(self) -> Reading:
        """See Meter.read."""
        with self._alone:
            lanes = [self._lane(each) for each in self._partitions(self._cluster.requests)]
            spans = [self._span(self._cluster.dead, each) for each in self._partitions(self._cluster.dead)]
        return Reading(lanes, sum(end - oldest for oldest, end in spans))

    def _span(self, topic: str, partition: int) -> tuple[int, int]:
        return span_of(self._kafka, topic, partition, _ASK_SECONDS)

    def _partitions(self, topic: str) -> list[int]:
        return partitions_of(self._kafka, topic, _ASK_SECONDS)

    def _lane(self, partition: int) -> LaneReading:
        oldest, end = self._span(self._cluster.requests, partition)
        mark = committed_mark(self._group, self._cluster.requests, partition, _ASK_SECONDS)
        head = max(oldest, mark.offset)
        if head >= end:
            return LaneReading(partition, 0)
        return LaneReading(partition, end - head, self._appended_at(partition, head, end))

    def _appended_at(self, partition: int, head: int, end: int) -> float | None:
        known = self._oldest.get(partition)
        if known is None or known[0] != head:
            known = self._oldest[partition] = head, self._ask(partition, head, end)
        return known[1]

    def _ask(self, partition: int, head: int, end: int) -> float | None:
        for message in records_between(self._kafka, self._cluster.requests, partition, head, end):
            kind, milliseconds = message.timestamp()
            return None if kind == TIMESTAMP_NOT_AVAILABLE else milliseconds / 1000
        return None

    def close(self) -> None:
        """See Meter.close."""
        with self._alone:
            self._kafka.close()
            self._group.close()
