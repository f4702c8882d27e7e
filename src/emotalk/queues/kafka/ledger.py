"""The ledger of a queue on Kafka: the notes, and what the logs hold that nobody has noted."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace

from confluent_kafka import Consumer, Message

from emotalk.queues.base import ENDED, STATES, Cursor, JobRow, JobState, Record
from emotalk.queues.kafka.claims.group import find_manned
from emotalk.queues.kafka.client.cluster import Cluster
from emotalk.queues.kafka.client.reading import partitions_of, reader, records_between, span_of
from emotalk.queues.kafka.client.records import epoch_of, headers_of, place_of, request_of
from emotalk.queues.kafka.client.writer import Outgoing, Writer
from emotalk.queues.kafka.job_notes.journal import letter_of
from emotalk.queues.kafka.job_notes.notes import WISH, Note
from emotalk.queues.kafka.job_notes.register import Register
from emotalk.queues.kafka.job_notes.table import row_of
from emotalk.queues.strangers import text, whole

_WAITING, _DEAD = 1000, 1000
_ORIGIN = ("request_id", "digest", "error", "partition", "offset", "attempts", "epoch")


class KafkaLedger:
    """See Ledger."""

    def __init__(self, cluster: Cluster, register: Register) -> None:
        self._cluster, self._register, self._writer = cluster, register, Writer(cluster)

    def find(self, request_id: str) -> JobRow | None:
        """See Ledger.find."""
        note = self._register.find(request_id)
        return None if note is None else row_of(request_id, note)

    def rows(self) -> list[JobRow]:
        """See Ledger.rows. Letters and requests that were never noted are read whole, a thousand of each at most."""
        with closing(reader(self._cluster, tell_end=True)) as kafka:
            places = partitions_of(kafka, self._cluster.requests)
            heads = {partition: self._register.progress.of(partition) for partition in places}
            self._register.table.refresh()
            noted = [row_of(*each) for each in self._register.table.notes().items()]
            rows = [row for row in noted if row.state in ENDED or row.offset >= heads.get(row.partition, 0)]
            known = {(row.partition, row.offset) for row in rows}
            rows += list(self._never_noted(kafka, heads, known))
            runs = {_run_of(row) for row in rows}
            rows += [row for row in map(_letter_row, self._letters(kafka)) if _run_of(row) not in runs]
        return sorted(self._as_manned(rows), key=lambda row: (STATES.index(row.state), row.partition, row.offset))

    def _as_manned(self, rows: list[JobRow]) -> list[JobRow]:
        """What runs in a partition that has no worker runs no more: it waits for the next."""
        if not any(row.state == "running" for row in rows):
            return rows
        owned = find_manned(self._cluster)
        stuck = [row for row in rows if row.state == "running" and row.partition not in owned]
        return [replace(row, state="queued") if row in stuck else row for row in rows]

    def _never_noted(self, kafka: Consumer, heads: dict[int, int], known: set[tuple[int, int]]) -> Iterator[JobRow]:
        """What an earlier version has appended, or a server that was killed before its note."""
        for partition, committed in heads.items():
            oldest, end = span_of(kafka, self._cluster.requests, partition)
            head = max(oldest, committed)
            if end - head <= sum(place[0] == partition and place[1] >= head for place in known):
                continue
            for message in records_between(kafka, self._cluster.requests, partition, head, min(end, head + _WAITING)):
                if (place := place_of(message)) not in known:
                    request = request_of(message, found := headers_of(message))
                    row = JobRow(request.request_id, "queued", *place, 0, request.headers, digest=request.digest)
                    yield replace(row, epoch=epoch_of(found) or 1)

    def _letters(self, kafka: Consumer) -> list[Message]:
        """The newest letter of each key, as far as they have not been deleted."""
        found: dict[object, Message] = {}
        for partition in partitions_of(kafka, self._cluster.dead):
            oldest, end = span_of(kafka, self._cluster.dead, partition)
            for message in records_between(kafka, self._cluster.dead, partition, max(oldest, end - _DEAD), end):
                found[partition, message.key()] = message
        return [message for message in found.values() if message.value() is not None]

    def payload(self, row: JobRow) -> bytes:
        """See Ledger.payload."""
        note = self._register.find(row.request_id)
        letter = note.letter if note is not None and note.epoch == row.epoch else None
        with closing(reader(self._cluster, tell_end=True)) as kafka:
            if letter is not None:
                return _read(kafka, self._cluster.dead, letter)
            if row.state == "dead":
                return next((each.value() or b"" for each in self._letters(kafka) if _key(each) == row.request_id), b"")
            return b"" if row.state in ENDED else _read(kafka, self._cluster.requests, (row.partition, row.offset))

    def cancel(self, row: JobRow, results: Sequence[bytes]) -> JobRow:
        """See Ledger.cancel."""
        return self._take_away(row, "cancelled", "", b"", results)

    def bury(self, row: JobRow, letter: bytes, error: str, results: Sequence[bytes]) -> JobRow:
        """See Ledger.bury."""
        return self._take_away(row, "dead", error, letter, results)

    def _take_away(self, row: JobRow, state: JobState, error: str, letter: bytes, results: Sequence[bytes]) -> JobRow:
        now = self.find(row.request_id)
        if now is not None and (now.state in ENDED or now.epoch != row.epoch):
            return now
        place = self._write_letter(row, letter, error) if letter else None
        note = Note(
            row.epoch, state, row.partition, row.offset, row.digest, row.headers, row.attempts, error,
            row.first, row.last, row.started_at, self._register.now(), place,
        )  # fmt: skip
        self._writer.write(self._cluster.jobs, [self._register.record(row.request_id, WISH, note)])
        after = self.find(row.request_id) or row
        if after.state == state:  # else it was done in that very moment, and clients must not hear otherwise
            self._writer.write(self._cluster.results, [Outgoing(row.request_id, each) for each in results])
        return after

    def _write_letter(self, row: JobRow, letter: bytes, error: str) -> Cursor:
        request = Record(row.request_id, "", row.digest, b"", row.headers)
        record = letter_of(request, (row.partition, row.offset), letter, error, row.attempts, row.epoch)
        [place] = self._writer.write(self._cluster.dead, [record])
        return place

    def delete(self, request_id: str) -> int:
        """See Ledger.delete. The bytes leave the broker's disk when it next compacts, within two hours or so."""
        self._register.table.refresh()
        note = self._register.table.find(request_id)
        if note is not None and note.state == "dead":
            self._writer.write(self._cluster.dead, [Outgoing(request_id, None)])
            deleted = replace(note, state="failed", letter=None)
            self._writer.write(self._cluster.jobs, [self._register.record(request_id, WISH, deleted)])
            return 1
        with closing(reader(self._cluster, tell_end=True)) as kafka:
            letters = [each for each in self._letters(kafka) if _key(each) == request_id]
        # By their own keys and where they stand: a stranger's key need not be text, nor lie where ours would.
        graves = [Outgoing(each.key() or b"", None, partition=each.partition()) for each in letters]
        self._writer.write(self._cluster.dead, graves)
        return len(graves)

    def close(self) -> None:
        """See Ledger.close."""
        self._writer.close()


def _read(kafka: Consumer, topic: str, place: Cursor) -> bytes:
    """What stands there; b"" if it is gone."""
    partition, offset = place
    oldest, end = span_of(kafka, topic, partition)
    if not oldest <= offset < end:
        return b""
    found = records_between(kafka, topic, partition, offset, offset + 1)
    return next((each.value() or b"" for each in found if place_of(each) == place), b"")


def _key(message: Message) -> str:
    return text(message.key())


def _run_of(row: JobRow) -> tuple[str, int, str]:
    return row.request_id, row.epoch, row.digest


def _letter_row(letter: Message) -> JobRow:
    found, (partition, offset) = headers_of(letter), place_of(letter)
    return JobRow(
        request_id=_key(letter),
        state="dead",
        partition=whole(found.get("partition"), partition),
        offset=whole(found.get("offset"), offset, 2**63 - 1),
        attempts=whole(found.get("attempts")),
        headers={name: value for name, value in found.items() if name not in _ORIGIN},
        error=found.get("error", ""),
        epoch=whole(found.get("epoch"), 1),
        digest=found.get("digest", ""),
    )
