"""Producer, consumer and results of a queue in memory."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from emotalk.errors import ClaimLost, JobCancelled, RequestConflict
from emotalk.queues.base import (
    RESULTS_KEPT_SECONDS,
    Claim,
    Cursor,
    LaneReading,
    Reading,
    Receipt,
    Request,
    Result,
)
from emotalk.queues.lanes import check_waiting, lane_of
from emotalk.queues.memory.store import Job, Lane, Store

_AT_ONCE = 64


class MemoryProducer:
    """See Producer."""

    def __init__(self, store: Store, max_waiting: int) -> None:
        self._store, self._max_waiting = store, max_waiting

    def append(self, request: Request) -> Receipt:
        """See Producer.append. A request that was buried may be sent again: it is stored anew."""
        store = self._store
        with store.held():
            known = store.known.get(request.request_id)
            if known is None or known.ended:
                self._check_waiting()
                return self._store_anew(request, known.epoch + 1 if known else 1)
            if known.request.digest != request.digest:
                raise RequestConflict(f"request_id: {request.request_id!r} is taken by another request. Send a new id.")
            return Receipt(known.partition, known.place, True, known.epoch, (0, 0))

    def _check_waiting(self) -> None:
        if self._max_waiting:
            check_waiting(sum(lane.next - lane.head for lane in self._store.lanes), self._max_waiting)

    def _store_anew(self, request: Request, epoch: int) -> Receipt:
        store = self._store
        store.forget(request.request_id)  # what an earlier run had answered is no answer to this one
        partition = lane_of(request.key, len(store.lanes))
        lane = store.lanes[partition]
        job = Job(request, partition, lane.next, store.appended, store.clock(), epoch)
        lane.jobs[lane.next] = store.known[request.request_id] = job
        lane.next, store.appended = lane.next + 1, store.appended + 1
        store.changed.notify_all()
        return Receipt(partition, job.place, epoch=epoch)

    def ahead(self, receipt: Receipt) -> int:
        """See Producer.ahead."""
        with self._store.held():
            return self._store.lanes[receipt.partition].ahead(receipt.offset)

    def ping(self) -> None:
        """See Producer.ping."""
        with self._store.held():
            self._check_waiting()

    def close(self) -> None:
        """See Producer.close."""


class MemoryConsumer:
    """See Consumer. The claim is a lease on a lane, fenced by a token that grows at every claim."""

    def __init__(self, store: Store, name: str) -> None:
        self._store, self._name = store, name
        self._held: Claim | None = None

    def claim(self, timeout: float) -> Claim | None:
        """See Consumer.claim. A claim that this name holds already, from an earlier life or by mistake, comes first."""
        with self._store.held():
            self._held = self._store.wait_for(self._take, timeout)
            return self._held

    def _take(self) -> Claim | None:
        store = self._store
        for lane in store.lanes:
            lane.skip()
        free = [lane for lane in store.lanes if lane.head < lane.next and store.free_for(self._name, lane)]
        if not free:
            return None
        lane = min(free, key=lambda lane: (lane.owner != self._name, lane.jobs[lane.head].age))
        lane.owner, lane.token, lane.kept_at = self._name, lane.token + 1, store.clock()
        job = lane.jobs[lane.head]
        return Claim(job.request, job.partition, job.place, lane.attempts, lane.token, job.epoch)

    def standing_by(self) -> bool:
        """See Consumer.standing_by."""
        with self._store.held():
            lanes = [lane for lane in self._store.lanes if lane.head < lane.next]
            return bool(lanes) and not any(self._store.free_for(self._name, lane) for lane in lanes)

    def begin(self, claim: Claim, attempt: int) -> None:
        """See Consumer.begin."""
        with self._owned(claim) as lane:
            lane.attempts, lane.started_at = attempt, lane.started_at or self._store.clock()

    def keep(self, claim: Claim) -> None:
        """See Consumer.keep."""
        with self._owned(claim) as lane:
            lane.kept_at = self._store.clock()

    def publish(self, claim: Claim, results: Sequence[bytes]) -> None:
        """See Consumer.publish."""
        with self._owned(claim):
            self._store.write(claim.request.request_id, results)

    def complete(self, claim: Claim) -> None:
        """See Consumer.complete. The voice is forgotten with it."""
        with self._owned(claim, whatever=True) as lane:
            self._finish(lane, claim)

    def bury(self, claim: Claim, letter: bytes, error: str, results: Sequence[bytes]) -> None:
        """See Consumer.bury."""
        with self._owned(claim) as lane:
            job = lane.jobs[claim.offset]
            job.ended, job.error, job.letter = "dead", error, letter
            self._store.write(claim.request.request_id, results)
            self._finish(lane, claim)

    def _finish(self, lane: Lane, claim: Claim) -> None:
        job = lane.jobs[claim.offset]
        job.attempts, job.started_at = lane.attempts, lane.started_at
        job.finish(self._store.clock())
        lane.advance()
        self._held = None

    def give_back(self, claim: Claim) -> None:
        """See Consumer.give_back. Attempts that failed before the current one still count."""
        with self._owned(claim, whatever=True) as lane:
            lane.attempts = max(claim.attempts, lane.attempts - 1)
            lane.leave()
        self._held = None

    def housekeep(self) -> None:
        """See Consumer.housekeep."""
        store = self._store
        with store.held():
            store.forget_before(store.clock() - RESULTS_KEPT_SECONDS)

    def close(self) -> None:
        """See Consumer.close."""
        with self._store.changed:
            held = self._held
            if held is not None and self._store.lanes[held.partition].token == held.token:
                self._store.lanes[held.partition].leave()
            self._store.changed.notify_all()

    @contextmanager
    def _owned(self, claim: Claim, whatever: bool = False) -> Iterator[Lane]:
        """The lane while `claim` is ours. Raises ClaimLost or, unless `whatever`, JobCancelled; nothing was written."""
        with self._store.held():
            lane = self._store.lanes[claim.partition]
            if (lane.head, lane.token, lane.owner) != (claim.offset, claim.token, self._name):
                raise ClaimLost(f"request {claim.request.request_id!r}: another worker has it, or has finished it.")
            if lane.jobs[claim.offset].ended and not whatever:
                raise JobCancelled(f"request {claim.request.request_id!r} was taken away.")
            yield lane
            self._store.changed.notify_all()


class MemoryResults:
    """See Results."""

    def __init__(self, store: Store) -> None:
        self._store, self._next = store, store.written

    def poll(self, timeout: float) -> list[Result]:
        """See Results.poll."""
        with self._store.held():
            return self._store.wait_for(self._new, timeout)

    def _new(self) -> list[Result]:
        store = self._store
        numbers = [number for number in range(self._next, store.written) if number in store.results][:_AT_ONCE]
        self._next = numbers[-1] + 1 if numbers else store.written
        return [store.results[number][1] for number in numbers]

    def read(self, request_id: str, start: Cursor, limit: int, last: Cursor | None = None) -> list[Result]:
        """See Results.read."""
        store = self._store
        with store.held():
            numbers = [number for number in store.answers.get(request_id, []) if number >= start[1]]
            return [store.results[number][1] for number in numbers[:limit]]

    def behind(self) -> int:
        """See Results.behind."""
        with self._store.held():
            return self._store.written - self._next

    def close(self) -> None:
        """See Results.close."""


class MemoryMeter:
    """See Meter."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def read(self) -> Reading:
        """See Meter.read."""
        with self._store.held():
            lanes = [self._lane(number, lane) for number, lane in enumerate(self._store.lanes)]
            return Reading(lanes, self._store.letters())

    @staticmethod
    def _lane(number: int, lane: Lane) -> LaneReading:
        waiting = [lane.jobs[place] for place in range(lane.head, lane.next) if lane.jobs[place].waits]
        return LaneReading(number, len(waiting), waiting[0].appended_at if waiting else None)

    def close(self) -> None:
        """See Meter.close."""
