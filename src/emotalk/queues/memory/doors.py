"""Producer, consumer and results of a queue in memory."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from emotalk.errors import ClaimLost, RequestConflict
from emotalk.queues.base import (
    RESULTS_KEPT_SECONDS,
    Claim,
    Cursor,
    JobRow,
    LaneReading,
    Reading,
    Receipt,
    Request,
    Result,
)
from emotalk.queues.lanes import lane_of
from emotalk.queues.memory.store import Job, Lane, Store

_AT_ONCE = 64


class MemoryProducer:
    """See Producer."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def append(self, request: Request) -> Receipt:
        """See Producer.append. A request that was buried may be sent again: it is stored anew."""
        store = self._store
        with store.held():
            known = store.known.get(request.request_id)
            if known is None:
                return self._store_anew(request)
            if known.request.digest != request.digest:
                raise RequestConflict(f"request_id: {request.request_id!r} is taken by another request. Send a new id.")
            return Receipt(known.partition, known.place, repeated=True)

    def _store_anew(self, request: Request) -> Receipt:
        store = self._store
        store.forget(request.request_id)  # what a buried run had answered is no answer to this one
        partition = lane_of(request.key, len(store.lanes))
        lane = store.lanes[partition]
        job = Job(request, partition, lane.next, store.appended, store.clock())
        lane.jobs[lane.next] = store.known[request.request_id] = job
        lane.next, store.appended = lane.next + 1, store.appended + 1
        store.changed.notify_all()
        return Receipt(partition, job.place)

    def ahead(self, receipt: Receipt) -> int:
        """See Producer.ahead."""
        with self._store.held():
            return max(0, receipt.offset - self._store.lanes[receipt.partition].head)

    def ping(self) -> None:
        """See Producer.ping."""
        with self._store.held():
            return

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
        free = [lane for lane in store.lanes if lane.head < lane.next and store.free_for(self._name, lane)]
        if not free:
            return None
        lane = min(free, key=lambda lane: (lane.owner != self._name, lane.jobs[lane.head].age))
        lane.owner, lane.token, lane.kept_at = self._name, lane.token + 1, store.clock()
        job = lane.jobs[lane.head]
        return Claim(job.request, job.partition, job.place, lane.attempts, lane.token)

    def standing_by(self) -> bool:
        """See Consumer.standing_by."""
        with self._store.held():
            lanes = [lane for lane in self._store.lanes if lane.head < lane.next]
            return bool(lanes) and not any(self._store.free_for(self._name, lane) for lane in lanes)

    def begin(self, claim: Claim, attempt: int) -> None:
        """See Consumer.begin."""
        with self._owned(claim) as lane:
            lane.attempts = attempt

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
        with self._owned(claim) as lane:
            job, request = lane.jobs[claim.offset], claim.request
            job.request = Request(request.request_id, request.key, request.digest, b"", request.headers)
            job.attempts, job.finished_at = lane.attempts, self._store.clock()
            lane.advance()
        self._held = None

    def bury(self, claim: Claim, letter: bytes, error: str, results: Sequence[bytes]) -> None:
        """See Consumer.bury."""
        request = claim.request
        with self._owned(claim) as lane:
            where = claim.partition, claim.offset, lane.attempts
            self._store.dead.append(JobRow(request.request_id, "dead", *where, dict(request.headers), error, letter))
            self._store.write(request.request_id, results)
            del lane.jobs[claim.offset], self._store.known[request.request_id]
            lane.advance()
        self._held = None

    def give_back(self, claim: Claim) -> None:
        """See Consumer.give_back. Attempts that failed before the current one still count."""
        with self._owned(claim) as lane:
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
    def _owned(self, claim: Claim) -> Iterator[Lane]:
        """The lane while `claim` is ours. Raises ClaimLost, and nothing was written."""
        with self._store.held():
            lane = self._store.lanes[claim.partition]
            if (lane.head, lane.token, lane.owner) != (claim.offset, claim.token, self._name):
                raise ClaimLost(f"request {claim.request.request_id!r}: another worker has it, or has finished it.")
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

    def read(self, request_id: str, start: Cursor, limit: int) -> list[Result]:
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
            return Reading(lanes, len(self._store.dead))

    @staticmethod
    def _lane(number: int, lane: Lane) -> LaneReading:
        oldest = lane.jobs[lane.head].appended_at if lane.head < lane.next else None
        return LaneReading(number, lane.next - lane.head, oldest)

    def close(self) -> None:
        """See Meter.close."""
