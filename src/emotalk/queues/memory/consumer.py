"""A worker's end of a queue in memory."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from emotalk.errors import ClaimLost, JobCancelled
from emotalk.queues.base import RESULTS_KEPT_SECONDS, Claim
from emotalk.queues.memory.store import Lane, Store


class MemoryConsumer:
    """See Consumer. The claim is a lease on a lane, fenced by a token that grows at every claim."""

    def __init__(self, store: Store, name: str) -> None:
        self._store, self._name = store, name
        self._held: Claim | None = None

    def claim(self, timeout: float) -> Claim | None:
        """See Consumer.claim. A claim that this name holds already, from an earlier life or by mistake, comes first."""
        with self._store.hold():
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
        with self._store.hold():
            lanes = [lane for lane in self._store.lanes if lane.head < lane.next]
            return bool(lanes) and not any(self._store.free_for(self._name, lane) for lane in lanes)

    def begin(self, claim: Claim, attempt: int) -> None:
        """See Consumer.begin."""
        with self._own(claim) as lane:
            lane.attempts, lane.started_at = attempt, lane.started_at or self._store.clock()

    def keep(self, claim: Claim) -> None:
        """See Consumer.keep."""
        with self._own(claim) as lane:
            lane.kept_at = self._store.clock()

    def publish(self, claim: Claim, results: Sequence[bytes]) -> None:
        """See Consumer.publish."""
        with self._own(claim):
            self._store.write(claim.request.request_id, results)

    def complete(self, claim: Claim) -> None:
        """See Consumer.complete. The voice is forgotten with it."""
        with self._own(claim, whatever=True) as lane:
            self._finish(lane, claim)

    def bury(self, claim: Claim, letter: bytes, error: str, results: Sequence[bytes]) -> None:
        """See Consumer.bury."""
        with self._own(claim) as lane:
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
        with self._own(claim, whatever=True) as lane:
            lane.attempts = max(claim.attempts, lane.attempts - 1)
            lane.leave()
        self._held = None

    def housekeep(self) -> None:
        """See Consumer.housekeep."""
        store = self._store
        with store.hold():
            store.forget_before(store.clock() - RESULTS_KEPT_SECONDS)

    def close(self) -> None:
        """See Consumer.close."""
        with self._store.changed:
            held = self._held
            if held is not None and self._store.lanes[held.partition].token == held.token:
                self._store.lanes[held.partition].leave()
            self._store.changed.notify_all()

    @contextmanager
    def _own(self, claim: Claim, whatever: bool = False) -> Iterator[Lane]:
        """The lane while `claim` is ours. Raises ClaimLost or, unless `whatever`, JobCancelled; nothing was written."""
        with self._store.hold():
            lane = self._store.lanes[claim.partition]
            if (lane.head, lane.token, lane.owner) != (claim.offset, claim.token, self._name):
                raise ClaimLost(f"request {claim.request.request_id!r}: another worker has it, or has finished it.")
            if lane.jobs[claim.offset].ended and not whatever:
                raise JobCancelled(f"request {claim.request.request_id!r} was cancelled.")
            yield lane
            self._store.changed.notify_all()
