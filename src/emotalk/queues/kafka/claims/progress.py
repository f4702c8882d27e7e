"""How far the workers have come, asked once a second at most, through a handle that never joins their group."""

import threading
import time

from emotalk.errors import EmoTalkError
from emotalk.queues.kafka.claims.member import committed_mark
from emotalk.queues.kafka.client.cluster import Cluster

_FRESH_SECONDS = 1.0
_ASK_SECONDS, _PATIENT_SECONDS = 0.5, 5.0


class Progress:
    """The committed offset of each partition. Where the broker does not say, the last known figure stands."""

    def __init__(self, cluster: Cluster) -> None:
        self._topic = cluster.requests
        self._kafka = cluster.consumer({"group.id": cluster.group})
        self._lock = threading.Lock()
        self._known: dict[int, tuple[float, int]] = {}

    def of(self, partition: int) -> int:
        """The oldest unfinished request of a partition."""
        asked, offset = self._known.get(partition, (-_FRESH_SECONDS, 0))
        if time.monotonic() - asked < _FRESH_SECONDS or not self._lock.acquire(blocking=False):
            return offset
        try:
            self._known[partition] = (time.monotonic(), max(offset, self._ask(partition, offset)))
        finally:
            self._lock.release()
        return self._known[partition][1]

    def passed(self, partition: int, offset: int) -> bool:
        """Is everything before `offset` done, as far as is known now? True where the broker does not say."""
        with self._lock:
            return self._ask(partition, offset, _PATIENT_SECONDS) >= offset

    def _ask(self, partition: int, otherwise: int, timeout: float = _ASK_SECONDS) -> int:
        try:
            return committed_mark(self._kafka, self._topic, partition, timeout).offset
        except EmoTalkError:
            return otherwise

    def close(self) -> None:
        """Let go."""
        with self._lock:
            self._kafka.close()
