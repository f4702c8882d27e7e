"""How far the workers have come, asked once a second at most, through a handle that never joins their group."""

import threading
import time
from collections.abc import Sequence

from emotalk.errors import EmoTalkError
from emotalk.queues.kafka.claims.member import fetch_marks
from emotalk.queues.kafka.client.cluster import Cluster
from emotalk.queues.kafka.client.sharing import SharedQuestion

_FRESH_SECONDS = 1.0
_ASK_SECONDS = 0.5


class Progress:
    """The committed offset of each partition. Where the broker does not say, the last known figure stands."""

    def __init__(self, cluster: Cluster) -> None:
        self._topic = cluster.requests
        self._kafka = cluster.consumer({"group.id": cluster.group})
        self._committed = SharedQuestion(self._ask)
        self._lock = threading.Lock()
        self._known: dict[int, tuple[float, int]] = {}

    def of(self, partition: int) -> int:
        """The oldest unfinished request of a partition."""
        asked, offset = self._known.get(partition, (-_FRESH_SECONDS, 0))
        if time.monotonic() - asked < _FRESH_SECONDS or not self._lock.acquire(blocking=False):
            return offset
        try:
            self._known[partition] = (time.monotonic(), max(offset, self._end_or(partition, offset, _ASK_SECONDS)))
        finally:
            self._lock.release()
        return self._known[partition][1]

    def has_passed(self, partition: int, offset: int, timeout: float) -> bool:
        """Is everything before `offset` done, as far as is known now? True where the broker does not say."""
        return self._end_or(partition, offset, timeout) >= offset

    def _end_or(self, partition: int, otherwise: int, timeout: float) -> int:
        try:
            return self._committed.answers([partition], timeout)[0]
        except EmoTalkError:
            return otherwise

    def _ask(self, partitions: Sequence[int], timeout: float) -> dict[int, int]:
        marks = fetch_marks(self._kafka, self._topic, partitions, timeout)
        return {partition: mark.offset for partition, mark in marks.items()}

    def close(self) -> None:
        """Let go."""
        with self._committed.alone():
            self._kafka.close()
