"""What the queue on Kafka looks like from outside: through handles that belong to no group and commit nothing."""

import threading
from dataclasses import replace

from confluent_kafka import TIMESTAMP_NOT_AVAILABLE

from emotalk.errors import QueueUnavailable
from emotalk.queues.base import LaneReading, Reading
from emotalk.queues.kafka.claims.member import fetch_mark
from emotalk.queues.kafka.client.cluster import Cluster
from emotalk.queues.kafka.client.reading import partitions_of, reader, records_between, span_of
from emotalk.queues.kafka.job_notes.register import Register

_ASK_SECONDS = 2.0


class KafkaMeter:
    """See Meter.

    Kafka does not tell a record's time without the record: the oldest unfinished one of each partition is fetched
    whole, once for as long as it is the oldest.
    """

    def __init__(self, cluster: Cluster, register: Register) -> None:
        self._cluster, self._register = cluster, register
        self._kafka, self._group = reader(cluster, tell_end=True), cluster.consumer({"group.id": cluster.group})
        self._oldest: dict[int, tuple[int, float | None]] = {}
        self._log = register.identity.number
        self._alone = threading.Lock()
        self._closed = False

    def read(self) -> Reading:
        """See Meter.read."""
        with self._alone:
            if self._closed:
                raise QueueUnavailable("Kafka: this meter is closed")
            if self._log != self._register.identity.number:
                self._log, self._oldest = self._register.identity.number, {}
            found = [self._lane(each) for each in self._partitions(self._cluster.requests)]
            self._register.table.refresh()
            taken = self._register.table.count_taken
            lanes = [replace(each, unfinished=each.unfinished - taken(each.partition, *span)) for each, span in found]
        # Not by the letters' topic, which also holds what was deleted and waits to be compacted.
        return Reading(lanes, sum(note.state == "dead" for note in self._register.table.notes().values()))

    def _span(self, topic: str, partition: int) -> tuple[int, int]:
        return span_of(self._kafka, topic, partition, _ASK_SECONDS)

    def _partitions(self, topic: str) -> list[int]:
        return partitions_of(self._kafka, topic, _ASK_SECONDS)

    def _lane(self, partition: int) -> tuple[LaneReading, tuple[int, int]]:
        oldest, end = self._span(self._cluster.requests, partition)
        mark = fetch_mark(self._group, self._cluster.requests, partition, _ASK_SECONDS)
        head = max(oldest, mark.offset)
        if head >= end:
            return LaneReading(partition, 0), (head, head)
        return LaneReading(partition, end - head, self._appended_at(partition, head, end)), (head, end)

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
            if not self._closed:
                self._closed = True
                self._kafka.close()
                self._group.close()
