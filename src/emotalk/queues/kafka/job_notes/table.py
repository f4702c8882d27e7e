"""Where each job stands, in memory: the topic of jobs, read from its beginning and on.

Why so: docs/decisions/0027.
"""

import logging
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from emotalk.errors import EmoTalkError, QueueUnavailable
from emotalk.queues.base import ENDED, RESULTS_KEPT_SECONDS, JobRow
from emotalk.queues.kafka.client.cluster import Cluster
from emotalk.queues.kafka.client.reading import ends_of, partitions_of, reader, span_of
from emotalk.queues.kafka.client.records import place_of
from emotalk.queues.kafka.client.sharing import SharedQuestion
from emotalk.queues.kafka.job_notes.notes import ACCEPTED, KINDS, SPARED, WORK, Note, decode_note, split_key
from emotalk.queues.strangers import is_id, text

_log = logging.getLogger(__name__)

PARTITION = 0
"""The only one that is used, should somebody have made more: notes have one order."""

_BATCH = 1000
_GIVEN_UP = ("dead", "failed")
_POLL_SECONDS = 0.2
_PATIENT_SECONDS = 5.0
_AGAIN_SECONDS = 0.5
_TOGETHER_SECONDS = 0.005
"""The notes of a job come within milliseconds; whoever waits for its first result is not to wait for their reading."""


@dataclass(slots=True)
class Entry:
    """The newest note of each kind about one id, and where in the topic it stands."""

    work: Note | None = None
    accepted: Note | None = None
    wish: Note | None = None
    work_at: int = -1
    wish_at: int = -1

    def current(self) -> Note:
        """The newest run, as all notes together tell it."""
        notes = [note for note in (self.work, self.accepted, self.wish) if note is not None]
        epoch = max(note.epoch for note in notes)
        base = next(note for note in notes if note.epoch == epoch)
        wish = self.wish
        if wish is None or wish is base or wish.epoch != epoch or not self._wish_counts(base):
            return base
        return replace(
            base,
            state=wish.state,
            error=wish.error or base.error,
            finished_at=base.finished_at or wish.finished_at,
            letter=None if wish.state == "failed" else wish.letter or base.letter,
        )

    def _wish_counts(self, base: Note) -> bool:
        """Who came first decides, and stays: a job that is done is not cancelled. Only letters go afterwards."""
        assert self.wish is not None
        return self.wish.state == "failed" or base.state not in ENDED or self.wish_at < self.work_at


class Table:
    """A thread reads on; `refresh` makes sure that what was written before is known. Callable from any thread.

    `mark`: of the log that is there now. Notes that speak of another are void, but for those of jobs given up.
    """

    def __init__(self, cluster: Cluster, mark: str = "", timeout: float = _PATIENT_SECONDS) -> None:
        self._topic, self._mark = cluster.jobs, mark
        self._lost: set[str] = set()
        self._kafka: Consumer = reader(cluster, tell_end=True)
        # Of its own: a question to the handle that a thread polls is never answered.
        self._oracle, self._ends = reader(cluster), SharedQuestion(self._ask)
        self._entries: dict[str, Entry] = {}
        self._wished: set[str] = set()
        self._spared: dict[str, Note] = {}
        self._read_to = 0
        self._news, self._wanted = threading.Condition(), threading.Event()
        self._closing = threading.Event()
        try:
            oldest, _ = span_of(self._oracle, self._topic, PARTITION, timeout)
        except EmoTalkError:
            self._kafka.close()
            self._oracle.close()
            raise
        self._kafka.assign([TopicPartition(self._topic, PARTITION, oldest)])
        self._thread = threading.Thread(target=self._follow, name="emotalk-kafka-jobs", daemon=True)
        self._thread.start()

    def refresh(self, timeout: float = _PATIENT_SECONDS) -> None:
        """Return once everything is known that stood in the topic at the call. Raises QueueUnavailable."""
        self.refresh_beside(timeout=timeout)

    def refresh_beside(self, *places: tuple[str, int], timeout: float = _PATIENT_SECONDS) -> list[int]:
        """The same, and the offset of the next record in each of these (topic, partition), asked in the same breath."""
        until = time.monotonic() + timeout
        end, *others = self._ends.answers([(self._topic, PARTITION), *places], timeout)
        self._wait_for(end, until)
        return others

    def _ask(self, places: Sequence[tuple[str, int]], timeout: float) -> dict[tuple[str, int], int]:
        if self._closing.is_set():
            raise QueueUnavailable(f"Kafka: {self._topic} is read again from its beginning")
        return dict(zip(places, ends_of(self._oracle, places, timeout), strict=True))

    def _wait_for(self, end: int, until: float) -> None:
        """Beyond `until` only while the thread reads on, as where a hundred thousand notes are read at the start."""
        with self._news:
            while (before := self._read_to) < end:
                self._wanted.set()
                left = max(_POLL_SECONDS, until - time.monotonic())
                if not self._news.wait(left) and self._read_to == before:
                    raise QueueUnavailable(f"Kafka: {self._topic} was not read in time; try again")

    def find(self, request_id: str) -> Note | None:
        """The newest run of an id."""
        entry = self._entries.get(request_id)
        return None if entry is None else entry.current()

    def find_spared(self, request_id: str) -> Note | None:
        """Which attempts at a run of an id do not count."""
        return self._spared.get(request_id)

    def notes(self) -> dict[str, Note]:
        """The newest run of every id."""
        with self._news:
            return {request_id: entry.current() for request_id, entry in self._entries.items()}

    def of_lost_logs(self) -> list[str]:
        """Ids of which all that is noted is void."""
        with self._news:
            return sorted(self._lost - self._entries.keys())

    def count_taken(self, partition: int, head: int, offset: int) -> int:
        """How many requests that still stand in the log from `head` to before `offset` were taken away."""
        with self._news:
            wishes = [wish for wish in (self._entries[each].wish for each in self._wished) if wish is not None]
        return len({each.offset for each in wishes if each.partition == partition and head <= each.offset < offset})

    def partitions_of(self, topic: str, timeout: float = _PATIENT_SECONDS) -> int:
        """How many partitions a topic has."""
        with self._ends.alone(timeout):
            return len(partitions_of(self._oracle, topic, timeout))

    def close(self) -> None:
        """End the thread."""
        self._closing.set()
        self._thread.join()
        self._kafka.close()
        with self._ends.alone():
            self._oracle.close()

    def _follow(self) -> None:
        while not self._closing.is_set():
            try:
                first = self._kafka.poll(_POLL_SECONDS)
                found = [] if first is None else [first, *self._next_to_it()]
            except KafkaException as error:
                _log.debug("%s cannot be read now: %s", self._topic, error)
                self._closing.wait(_AGAIN_SECONDS)
                continue
            if found:
                with self._news:
                    self._wanted.clear()
                    for message in found:
                        self._take(message)
                    self._news.notify_all()

    def _next_to_it(self) -> list[Message]:
        """What has come, or comes within a few milliseconds, unless somebody waits."""
        self._wanted.wait(_TOGETHER_SECONDS)
        return self._kafka.consume(_BATCH, timeout=0)

    def _take(self, message: Message) -> None:
        error = message.error()
        if error is not None:
            if error.code() == KafkaError._PARTITION_EOF:  # compaction may have taken the last records before the end
                self._read_to = max(self._read_to, message.offset() or 0)
            return
        _, at = place_of(message)
        self._read_to = at + 1
        key, value = message.key(), message.value()
        request_id, kind = split_key(text(key))
        if kind not in KINDS or not is_id(request_id):
            return
        note = decode_note(value) if value else None
        if note is not None and self._mark and note.log not in ("", self._mark) and note.state not in _GIVEN_UP:
            self._lost.add(request_id)
        elif note is not None:
            self._keep(request_id, kind, note, at)
        elif not value and (request_id in self._entries or kind == SPARED):
            self._keep(request_id, kind, None, at)

    def _keep(self, request_id: str, kind: str, note: Note | None, at: int) -> None:
        if kind == SPARED:
            self._keep_spared(request_id, note)
            return
        entry = self._entries.setdefault(request_id, Entry())
        if kind == WORK:
            entry.work, entry.work_at = note, at
        elif kind == ACCEPTED:
            entry.accepted = note
        else:
            entry.wish, entry.wish_at = note, at
            (self._wished.add if note else self._wished.discard)(request_id)
        if entry.work and entry.accepted and entry.accepted.epoch <= entry.work.epoch:
            entry.accepted = None  # it says nothing more, and there may be a hundred thousand of them
        if entry.work is entry.accepted is entry.wish is None:
            del self._entries[request_id]

    def _keep_spared(self, request_id: str, note: Note | None) -> None:
        if note is None:
            self._spared.pop(request_id, None)
        else:
            self._spared[request_id] = note


def is_kept(note: Note, now: float) -> bool:
    """Can its results still be read? The log deletes the oldest first; dead letters stay."""
    began = note.started_at or note.finished_at
    return note.state not in ENDED - {"dead"} or now - began < RESULTS_KEPT_SECONDS


def row_of(request_id: str, note: Note) -> JobRow:
    """As the ledger shows it."""
    return JobRow(
        request_id,
        note.state,
        note.partition,
        note.offset,
        note.attempts,
        note.headers,
        note.error,
        note.epoch,
        note.digest,
        note.first,
        note.last,
        note.started_at,
        note.finished_at,
    )
