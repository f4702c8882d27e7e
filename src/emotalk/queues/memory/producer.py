"""The server's end of a queue in memory."""

from emotalk.errors import RequestConflict
from emotalk.queues.base import Receipt, Record
from emotalk.queues.lanes import check_waiting, lane_of
from emotalk.queues.memory.store import Store, StoredJob


class MemoryProducer:
    """See Producer."""

    def __init__(self, store: Store, max_waiting: int) -> None:
        self._store, self._max_waiting = store, max_waiting

    def append(self, request: Record, again: bool = False, fresh: bool = False) -> Receipt:
        """See Producer.append."""
        store = self._store
        with store.hold():
            known = store.known.get(request.request_id)
            if known and known.ended == "dead" and known.request.digest == request.digest and not again:
                return Receipt(known.partition, known.place, True, known.epoch, failure=known.error)
            if known is None or known.ended:
                self._check_waiting()
                return self._store_anew(request, known.epoch + 1 if known else 1)
            if known.request.digest != request.digest:
                raise RequestConflict(f"request_id: {request.request_id!r} is taken by another request. Send a new id.")
            return Receipt(known.partition, known.place, True, known.epoch, (0, 0))

    def _check_waiting(self) -> None:
        if self._max_waiting:
            check_waiting(sum(lane.next - lane.head for lane in self._store.lanes), self._max_waiting)

    def _store_anew(self, request: Record, epoch: int) -> Receipt:
        store = self._store
        store.forget(request.request_id)  # what an earlier run had answered does not answer this one
        partition = lane_of(request.key, len(store.lanes))
        lane = store.lanes[partition]
        job = StoredJob(request, partition, lane.next, store.appended, store.clock(), epoch)
        lane.jobs[lane.next] = store.known[request.request_id] = job
        lane.next, store.appended = lane.next + 1, store.appended + 1
        store.changed.notify_all()
        return Receipt(partition, job.place, epoch=epoch)

    def ahead(self, receipt: Receipt) -> int:
        """See Producer.ahead."""
        with self._store.hold():
            return self._store.lanes[receipt.partition].ahead(receipt.offset)

    def ping(self) -> None:
        """See Producer.ping."""
        with self._store.hold():
            self._check_waiting()

    def close(self) -> None:
        """See Producer.close."""
