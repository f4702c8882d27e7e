"""The server's end of the request log on Kafka."""

from emotalk.errors import QueueUnavailable, RequestConflict
from emotalk.queues.base import Cursor, Receipt, Record
from emotalk.queues.kafka.claims.backlog import Room
from emotalk.queues.kafka.client.cluster import Cluster
from emotalk.queues.kafka.client.writer import Outgoing, Writer
from emotalk.queues.kafka.job_notes.notes import ACCEPTED, Note
from emotalk.queues.kafka.job_notes.register import Register

_PING_SECONDS = 1.0
_YET_UNKNOWN: Cursor = (0, 0)
_RUN_AGAIN = frozenset(("cancelled", "dead", "failed"))


class KafkaProducer:
    """Appends requests, and notes them in the topic of jobs, so that any server recognises an id that is sent again.

    Two servers that are sent one id at the same moment may both append it: the second is worked on again and gives the
    same bytes, and whoever reads results drops the repetition.
    """

    def __init__(self, cluster: Cluster, register: Register, max_waiting: int = 0) -> None:
        self._cluster, self._register, self._writer = cluster, register, Writer(cluster)
        # Two connections: a small note is not to wait behind another's voice, nor behind a quota that it has used up.
        self._pulse, self._notes = self._writer.hurry(), Writer(cluster)
        self._notes.hurry(self._pulse)
        self._room = Room(cluster, max_waiting) if max_waiting else None

    def append(self, request: Record, again: bool = False, fresh: bool = False) -> Receipt:
        """See Producer.append. The partition is murmur2 of `request.key`, as Java clients choose it."""
        known, end = self._look(request.request_id, fresh)
        if known is not None and known.state == "dead" and known.digest == request.digest and not again:
            return Receipt(known.partition, known.offset, True, known.epoch, failure=known.error)
        if known is not None and known.state not in _RUN_AGAIN:
            if known.digest != request.digest:
                raise RequestConflict(f"request_id: {request.request_id!r} is taken by another request. Send a new id.")
            return Receipt(known.partition, known.offset, True, known.epoch, known.first)
        if self._room:
            self._room.take()
        epoch = self._register.last_epoch(request.request_id) + 1
        return self._store(request, epoch, end)

    def _look(self, request_id: str, fresh: bool) -> tuple[Note | None, Cursor]:
        """The register is patient: it is not asked where it was in vain a moment ago."""
        self._writer.look()
        try:
            return self._register.glance(request_id) if fresh else self._register.look(request_id)
        except QueueUnavailable:
            self._pulse.doubt()
            raise

    def _store(self, request: Record, epoch: int, earliest: Cursor) -> Receipt:
        """`earliest`: no result of this run stands before it."""
        results = "{}:{}".format(*earliest)
        own = {"request_id": request.request_id, "digest": request.digest, "epoch": str(epoch), "results": results}
        record = Outgoing(request.key, request.payload, {**request.headers, **own})
        stored = self._writer.send(self._cluster.requests, [record])
        note = Note(epoch, "queued", *_YET_UNKNOWN, request.digest, request.headers, first=earliest)
        noting = self._register.prepare(request.request_id, ACCEPTED, note)  # while the broker stores it
        [place] = stored()
        # Not accepted before it is noted: whoever asks for it by its id would hear that nobody knows it. If this fails,
        # the client repeats it, and at worst it is worked on twice.
        self._notes.write(self._cluster.jobs, [noting(place)])
        return Receipt(*place, epoch=epoch)

    def ahead(self, receipt: Receipt) -> int:
        """See Producer.ahead. Where the broker does not say, the last known figure stands."""
        head = self._register.progress.of(receipt.partition)
        taken = self._register.table.count_taken(receipt.partition, head, receipt.offset)
        return max(0, receipt.offset - head - taken)

    def ping(self) -> None:
        """See Producer.ping: the leaders are asked. Topics that are missing are made."""
        self._register.identity.check()
        self._pulse.feel(_PING_SECONDS)
        if self._room:
            self._room.look()

    def close(self) -> None:
        """See Producer.close."""
        self._writer.close()
        self._notes.close()
        if self._room:
            self._room.close()
