"""The server's end of the request log on Kafka."""

import threading
import time

from emotalk.errors import EmoTalkError
from emotalk.queues.base import Receipt, Request
from emotalk.queues.kafka.cluster import Cluster
from emotalk.queues.kafka.member import committed_mark
from emotalk.queues.kafka.writer import Record, Writer

_FRESH_SECONDS = 1.0
_ASK_SECONDS = 0.5
_PING_SECONDS = 2.0


class KafkaProducer:
    """Appends requests.

    Kafka has no index of ids: a repeated append adds a second record, which is worked on again and gives the same
    bytes; whoever reads results drops the repetition. So RequestConflict is never raised, nor `repeated` ever true.
    """

    def __init__(self, cluster: Cluster) -> None:
        self._cluster, self._writer = cluster, Writer(cluster)
        self._progress = _Progress(cluster)

    def append(self, request: Request) -> Receipt:
        """See Producer.append. The partition is murmur2 of `request.key`, as Java clients choose it."""
        headers = {**request.headers, "request_id": request.request_id, "digest": request.digest}
        [(partition, offset)] = self._writer.write(
            self._cluster.requests, [Record(request.key, request.payload, headers)]
        )
        return Receipt(partition, offset)

    def ahead(self, receipt: Receipt) -> int:
        """See Producer.ahead. Where the broker does not say, the last known figure stands."""
        return max(0, receipt.offset - self._progress.of(receipt.partition))

    def ping(self) -> None:
        """See Producer.ping: one metadata request."""
        self._writer.ping(self._cluster.requests, _PING_SECONDS)

    def close(self) -> None:
        """See Producer.close."""
        self._writer.close()
        self._progress.close()


class _Progress:
    """How far the workers have come, asked once a second at most, through a handle that never joins their group."""

    def __init__(self, cluster: Cluster) -> None:
        self._topic = cluster.requests
        self._kafka = cluster.consumer({"group.id": cluster.group})
        self._lock = threading.Lock()
        self._known: dict[int, tuple[float, int]] = {}

    def of(self, partition: int) -> int:
        asked, offset = self._known.get(partition, (-_FRESH_SECONDS, 0))
        if time.monotonic() - asked < _FRESH_SECONDS or not self._lock.acquire(blocking=False):
            return offset
        try:
            self._known[partition] = (time.monotonic(), max(offset, self._ask(partition, offset)))
        finally:
            self._lock.release()
        return self._known[partition][1]

    def _ask(self, partition: int, otherwise: int) -> int:
        try:
            return committed_mark(self._kafka, self._topic, partition, _ASK_SECONDS).offset
        except EmoTalkError:
            return otherwise

    def close(self) -> None:
        with self._lock:
            self._kafka.close()
