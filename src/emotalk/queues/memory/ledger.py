"""The ledger of a queue in memory."""

from collections.abc import Sequence

from emotalk.queues.base import STATES, JobRow, JobState
from emotalk.queues.memory.store import Store, StoredJob


class MemoryLedger:
    """See Ledger."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def find(self, request_id: str) -> JobRow | None:
        """See Ledger.find."""
        with self._store.hold():
            job = self._store.known.get(request_id)
            return None if job is None else self._store.row(job)

    def rows(self) -> list[JobRow]:
        """See Ledger.rows."""
        with self._store.hold():
            jobs = sorted((job for lane in self._store.lanes for job in lane.jobs.values()), key=lambda job: job.age)
            return sorted((self._store.row(job) for job in jobs), key=lambda row: STATES.index(row.state))

    def payload(self, row: JobRow) -> bytes:
        """See Ledger.payload."""
        with self._store.hold():
            job = self._find_job(row)
            return b"" if job is None else job.letter or job.request.payload

    def cancel(self, row: JobRow, results: Sequence[bytes]) -> JobRow:
        """See Ledger.cancel."""
        return self._take_away(row, "cancelled", "", b"", results)

    def bury(self, row: JobRow, letter: bytes, error: str, results: Sequence[bytes]) -> JobRow:
        """See Ledger.bury."""
        return self._take_away(row, "dead", error, letter, results)

    def _take_away(self, row: JobRow, ended: JobState, error: str, letter: bytes, results: Sequence[bytes]) -> JobRow:
        store = self._store
        with store.hold():
            job = self._find_job(row)
            if job is None:
                return row
            if job.waits and not job.ended:
                job.ended, job.error, job.letter = ended, error, letter
                store.write(row.request_id, results)
                self._finish_if_free(job)
                store.changed.notify_all()
            return store.row(job)

    def _finish_if_free(self, job: StoredJob) -> None:
        """One that a worker has is its to let go of."""
        lane = self._store.lanes[job.partition]
        at_head = job.place == lane.head
        if at_head and lane.owner is not None:
            return
        if at_head:
            job.attempts, job.started_at = lane.attempts, lane.started_at
        job.finish(self._store.clock())

    def delete(self, request_id: str) -> int:
        """See Ledger.delete."""
        with self._store.hold():
            jobs = [job for lane in self._store.lanes for job in lane.jobs.values()]
            dead = [job for job in jobs if job.request.request_id == request_id and job.letter]
            for job in dead:
                job.ended, job.letter = "failed", b""
            return len(dead)

    def close(self) -> None:
        """See Ledger.close."""

    def _find_job(self, row: JobRow) -> StoredJob | None:
        job = self._store.lanes[row.partition].jobs.get(row.offset)
        return job if job is not None and job.epoch == row.epoch else None
