"""A server's end of the result log on Kafka: all partitions, no group, no commits."""

import threading
import time

from confluent_kafka import Consumer, TopicPartition

from emotalk.errors import QueueLost, QueueUnavailable
from emotalk.queues.base import Cursor, Result
from emotalk.queues.kafka.client.cluster import Cluster
from emotalk.queues.kafka.client.identity import Identity
from emotalk.queues.kafka.client.reading import ends_of, partitions_of, reader, records_between, sound
from emotalk.queues.kafka.client.records import result_of

_LOOK_SECONDS = 60.0
_BATCH = 500
_OPEN_SECONDS, _ASK_SECONDS = 5.0, 2.0


class KafkaResults:
    """Reads on from the ends that the partitions had when it was opened; no result appended later is missed."""

    def __init__(self, cluster: Cluster, identity: Identity) -> None:
        self._cluster, self._topic = cluster, cluster.results
        self._identity, self._number, self._id = identity, identity.number, identity.id_of(cluster.results)
        self._kafka = reader(cluster)
        self._again = reader(cluster, tell_end=True)
        self._ruler: Consumer | None = None
        self._reading, self._measuring = threading.Lock(), threading.Lock()
        self._next: dict[int, int] = {}
        try:
            self._next = self._ends(self._kafka, partitions_of(self._kafka, self._topic))
        except QueueUnavailable:
            self.close()
            raise
        self._assign()
        self._looked = time.monotonic()

    def poll(self, timeout: float) -> list[Result]:
        """See Results.poll: waits for the first result only, then takes what has arrived with it.

        Raises QueueLost once for each log that is met under the old names.
        """
        self._identity.look()
        if self._number != self._identity.number:
            self._begin_again()
        self._look_for_partitions()
        first = self._kafka.poll(timeout)
        if first is None:
            return []
        found = [result_of(sound(first, self._topic))]
        # An error among results must not take them along, for they would not come again; it does, if it lasts.
        found += [result_of(each) for each in self._kafka.consume(_BATCH, timeout=0) if each.error() is None]
        self._next.update((partition, offset + 1) for partition, offset in (each.cursor for each in found))
        return found

    def read(self, request_id: str, start: Cursor, limit: int, last: Cursor | None = None) -> list[Result]:
        """See Results.read. Reads to the end that the partition has now; raises QueueUnavailable after ten seconds."""
        partition, offset = start
        found: list[Result] = []
        if partition not in self._next:  # a note that a stranger wrote
            return found
        with self._reading:
            [end] = ends_of(self._again, [(self._topic, partition)])
            if last is not None and last[0] == partition:
                end = min(end, last[1] + 1)
            for message in records_between(self._again, self._topic, partition, max(0, offset), end):
                if (result := result_of(message)).request_id == request_id:
                    found.append(result)
                if len(found) >= limit:
                    break
        return found

    def behind(self) -> int:
        """See Results.behind.

        Asked through a handle of its own, opened when somebody first wants to know: whoever asks the one that polls
        waits for it, in turn after turn, for ever.
        """
        with self._measuring:
            self._ruler = self._ruler or reader(self._cluster)
            ends = self._ends(self._ruler, list(self._next), _ASK_SECONDS)
        return sum(
            max(0, ends[partition] - offset) for partition, offset in dict(self._next).items() if partition in ends
        )

    def close(self) -> None:
        """See Results.close."""
        with self._measuring:
            if self._ruler is not None:
                self._ruler.close()
        with self._reading:
            self._again.close()
        self._kafka.close()

    def _ends(self, kafka: Consumer, partitions: list[int], timeout: float = _OPEN_SECONDS) -> dict[int, int]:
        ends = ends_of(kafka, [(self._topic, each) for each in partitions], timeout)
        return dict(zip(partitions, ends, strict=True))

    def _begin_again(self) -> None:
        number, before = self._identity.number, self._id
        self._id = self._identity.id_of(self._topic)
        if not self._id or self._id != before:
            self._renew()
        self._number = number
        raise QueueLost("Kafka: the topics were deleted, with what waited in them. Send the request again.")

    def _renew(self) -> None:
        """Other handles, since the old ones know leaders and offsets of the topic before."""
        fresh = reader(self._cluster)
        self._next = dict.fromkeys(partitions_of(fresh, self._topic), 0)
        self._kafka, before = fresh, self._kafka
        self._assign()
        before.close()
        with self._reading:
            self._again.close()
            self._again = reader(self._cluster, tell_end=True)

    def _assign(self) -> None:
        places = [TopicPartition(self._topic, partition, offset) for partition, offset in self._next.items()]
        self._kafka.assign(places)

    def _look_for_partitions(self) -> None:
        """An operator may add partitions; all that they hold is newer than this reader."""
        if time.monotonic() - self._looked < _LOOK_SECONDS:
            return
        self._looked = time.monotonic()
        added = set(partitions_of(self._kafka, self._topic)) - set(self._next)
        if added:
            self._next.update(dict.fromkeys(added, 0))
            self._assign()
