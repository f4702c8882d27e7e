"""What is known of an id, for whoever appends, asks or works: the table of notes, held against what is committed."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from emotalk.errors import QueueUnavailable
from emotalk.queues.base import ENDED, Cursor
from emotalk.queues.kafka.claims.progress import Progress
from emotalk.queues.kafka.client.cluster import Cluster
from emotalk.queues.kafka.client.identity import Identity
from emotalk.queues.kafka.client.murmur import partition_of
from emotalk.queues.kafka.client.sharing import SharedQuestion
from emotalk.queues.kafka.client.writer import Outgoing
from emotalk.queues.kafka.job_notes.notes import KINDS, Note, prepare_note
from emotalk.queues.kafka.job_notes.table import PARTITION, Table, is_kept

_FRESH_SECONDS = 5.0
_PATIENT_SECONDS = 5.0
"""How long somebody waits for all that he wants to know of an id."""


class Register:
    """One for all doors of a process; opened when the first of them needs it."""

    def __init__(
        self,
        cluster: Cluster,
        identity: Identity,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._cluster, self.identity, self._clock, self._monotonic = cluster, identity, clock, monotonic
        self._number = identity.number
        self._opening, self._open = threading.Lock(), SharedQuestion(self._tables)
        self._table: Table | None = None
        self._progress: Progress | None = None
        self._result_partitions = 0
        self._ends: dict[int, tuple[float, int]] = {}

    @property
    def table(self) -> Table:
        """The notes. Raises QueueUnavailable where they cannot be reached."""
        table = self._table
        if table is None or self._number != self.identity.number:
            [table] = self._open.answers([self._cluster.jobs], _PATIENT_SECONDS)
        return table

    def _tables(self, topics: Sequence[str], timeout: float) -> dict[str, Table]:
        """The one that there is; in an outage it takes as long as it may, and none of those who wait tries anew."""
        with self._opening:
            self._forget_another_log()
            self._table = self._table or _load(self._cluster, self.identity.mark(), timeout)
            return dict.fromkeys(topics, self._table)

    @property
    def progress(self) -> Progress:
        """How far the workers have come."""
        with self._opening:
            self._forget_another_log()
            self._progress = self._progress or Progress(self._cluster)
            return self._progress

    def _forget_another_log(self) -> None:
        if self._number != self.identity.number:
            self._number = self.identity.number
            self._let_go()

    def find(self, request_id: str) -> Note | None:
        """The newest run of an id, as current as the call; None where its results are not to be had.

        A run that is committed but not ended was done by a worker of an earlier version, which keeps no notes.
        """
        return self.look(request_id)[0]

    def look(self, request_id: str) -> tuple[Note | None, Cursor]:
        """The same, and where the next result under this id would stand."""
        until = self._monotonic() + _PATIENT_SECONDS
        end, note = self._refresh(request_id, until), self.table.find(request_id)
        if self._is_passed(note):  # its last note precedes the commit
            end, note = self._refresh(request_id, until), self.table.find(request_id)
        if note is None or self._is_passed(note) or not is_kept(note, self._clock()):
            return None, end
        return self._as_begun(note, until), end

    def glance(self, request_id: str) -> tuple[Note | None, Cursor]:
        """The same of an id that nobody else can have sent; its results may stand up to five seconds further on."""
        partition = self._partition_of(request_id)
        asked_at, end = self._ends.get(partition, (-_FRESH_SECONDS, 0))
        if self._monotonic() - asked_at >= _FRESH_SECONDS or self.table.find(request_id) is not None:
            return self.look(request_id)
        return None, (partition, end)

    def refresh(self, request_id: str) -> Cursor:
        """Where the next result of this id would stand; what was noted before the call is known afterwards."""
        return self._refresh(request_id, self._monotonic() + _PATIENT_SECONDS)

    def _refresh(self, request_id: str, until: float) -> Cursor:
        partition, asked_at = self._partition_of(request_id, self._left(until)), self._monotonic()
        try:
            [offset] = self.table.refresh_beside((self._cluster.results, partition), timeout=self._left(until))
        except QueueUnavailable:
            self.count_partitions_again()  # the topic may have been made again, with fewer of them
            raise
        self._ends[partition] = asked_at, offset
        return partition, offset

    def _left(self, until: float) -> float:
        return max(0.0, until - self._monotonic())

    def _partition_of(self, request_id: str, timeout: float = _PATIENT_SECONDS) -> int:
        self._result_partitions = self._result_partitions or self.table.partitions_of(self._cluster.results, timeout)
        return partition_of(request_id, self._result_partitions)

    def count_partitions_again(self) -> None:
        """Somebody may have changed how many the results have."""
        self._result_partitions = 0
        self._ends.clear()

    def _as_begun(self, note: Note, until: float) -> Note:
        """A request that waits behind others has no results, and nobody need look for any."""
        if note.state != "queued" or note.first is None:
            return note
        is_next = self.progress.has_passed(note.partition, note.offset, self._left(until))
        return note if is_next else replace(note, first=None)

    def _is_passed(self, note: Note | None) -> bool:
        return note is not None and note.state not in ENDED and note.offset < self.progress.of(note.partition)

    def last_epoch(self, request_id: str) -> int:
        """Of what was ever noted under this id; 0 where nothing was."""
        note = self.table.find(request_id)
        return note.epoch if note else 0

    def record(self, request_id: str, kind: str, note: Note) -> Outgoing:
        """A note as it is written."""
        return self.prepare(request_id, kind, note)((note.partition, note.offset))

    def prepare(self, request_id: str, kind: str, note: Note) -> Callable[[Cursor], Outgoing]:
        """The same before it is known where the request stands: what is returned takes the place."""
        record = prepare_note(replace(note, log=self.identity.mark()))
        return lambda place: Outgoing(request_id + kind, record(place), partition=PARTITION)

    def list_expired(self) -> list[str]:
        """Ids whose results are no longer kept, or lost."""
        now = self._clock()
        old = [request_id for request_id, note in self.table.notes().items() if not is_kept(note, now)]
        return [*old, *self.table.of_lost_logs()]

    def now(self) -> float:
        """Seconds since 1970."""
        return self._clock()

    def close(self) -> None:
        """Let go."""
        with self._opening:
            self._let_go()

    def _let_go(self) -> None:
        for each in (self._table, self._progress):
            if each is not None:
                each.close()
        self._table = self._progress = None
        self.count_partitions_again()


def _load(cluster: Cluster, mark: str, timeout: float) -> Table:
    """A table that knows what was noted before it was opened."""
    until = time.monotonic() + timeout
    table = Table(cluster, mark, timeout)
    try:
        table.refresh(max(0.0, until - time.monotonic()))
    except BaseException:
        table.close()
        raise
    return table


def tombstones(request_id: str) -> list[Outgoing]:
    """What takes all notes about an id away."""
    return [Outgoing(request_id + kind, None, partition=PARTITION) for kind in KINDS]
