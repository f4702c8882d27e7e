"""What the queue itself says: is anything committed ahead of its results, buried, or left over?"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Protocol

from confluent_kafka import Consumer, Message, TopicPartition
from confluent_kafka.admin import AdminClient

from emotalk.jobs import Part
from emotalk.jobs.codec import decode_part
from emotalk.queues.base import GROUP, REQUESTS_TOPIC, RESULTS_TOPIC, JobRow, Queue
from emotalk.queues.kafka import KafkaQueue
from emotalk.queues.kafka.client.cluster import Cluster
from emotalk.queues.kafka.client.rights import describe_group
from emotalk.queues.sqlite import SqliteQueue
from emotalk.queues.sqlite.connection import Connection

ASK_SECONDS = 10.0
BATCH = 500
_OVER = ("done", "dead")


class Reached:
    """How far the answer of each request has come in the result log, whatever is repeated in it."""

    def __init__(self) -> None:
        self._next: dict[str, int] = defaultdict(int)
        self._whole: set[str] = set()

    def add(self, part: Part) -> None:
        """The next record of the log."""
        due = self._next[part.request_id]
        if part.first_frame <= due:
            self._next[part.request_id] = max(due, part.first_frame + len(part.frames))
        if part.failure or self._next[part.request_id] == part.total_frames:
            self._whole.add(part.request_id)

    def ahead(self, finished: Iterable[tuple[str, str]]) -> Iterator[str]:
        """Of (place, request) that are committed, those whose answer is not whole."""
        for place, request in finished:
            if request not in self._whole:
                yield f"{place}: {request} is committed with {self._next[request]} frames of its answer written"


class Audit(Protocol):
    """The same questions to every queue."""

    def ahead(self) -> list[str]:
        """What was committed before its results were there; asked again and again, since it may heal."""
        ...

    def buried(self) -> set[str]:
        """The ids of the dead letters."""
        ...

    def left(self) -> list[str]:
        """What is neither done nor dead, and what the done have left behind."""
        ...

    def members(self) -> list[str]:
        """Who is still signed in."""
        ...

    def close(self) -> None:
        """Let go."""
        ...


class SqliteAudit:
    """One read transaction is one moment."""

    def __init__(self, file: Path) -> None:
        self._file, self._queue = Connection(file), SqliteQueue(file)
        self._reached, self._seen = Reached(), 0

    def ahead(self) -> list[str]:
        """See Audit.ahead."""
        with self._file.read() as db:
            db.execute("BEGIN")
            done = db.execute("SELECT partition, place, request_id FROM requests WHERE finished_at IS NOT NULL")
            finished = [(f"{partition}:{place}", request) for partition, place, request in done.fetchall()]
            rows = db.execute("SELECT seq, payload FROM results WHERE seq > ? ORDER BY seq", (self._seen,)).fetchall()
            db.execute("COMMIT")
        for seq, payload in rows:
            self._seen = seq
            self._reached.add(decode_part(payload))
        return list(self._reached.ahead(finished))

    def buried(self) -> set[str]:
        """See Audit.buried."""
        return {row.request_id for row in _rows(self._queue) if row.state == "dead"}

    def left(self) -> list[str]:
        """See Audit.left."""
        with self._file.read() as db:
            (voices,) = db.execute("SELECT count(*) FROM payloads").fetchone()
        undone = [f"{row.request_id} is {row.state}" for row in _rows(self._queue) if row.state not in _OVER]
        return undone + [f"{voices} voices are kept"] * bool(voices)

    def members(self) -> list[str]:
        """See Audit.members: who owns a lane."""
        with self._file.read() as db:
            return [str(owner) for (owner,) in db.execute("SELECT owner FROM lanes WHERE owner IS NOT NULL").fetchall()]

    def close(self) -> None:
        """See Audit.close."""
        self._queue.close()
        self._file.close()


class KafkaAudit:
    """Reads both logs from their beginnings, and the group's offsets, without belonging to it."""

    def __init__(self, bootstrap: str, prefix: str = "") -> None:
        common = {"bootstrap.servers": bootstrap, "log_level": 0, "enable.auto.commit": False}
        self._admin, self._queue = AdminClient(common), KafkaQueue(bootstrap, prefix=prefix)
        self._name, self._log, self._answers = prefix + GROUP, prefix + REQUESTS_TOPIC, prefix + RESULTS_TOPIC
        self._cluster = Cluster(bootstrap, prefix=prefix)
        self._group = Consumer({**common, "group.id": self._name})
        self._results, self._requests = self._reading(common, self._answers), self._reading(common, self._log)
        self._reached = Reached()
        self._known: dict[tuple[int, int], str] = {}

    def ahead(self) -> list[str]:
        """See Audit.ahead. Offsets first, so that whatever they cover must be found in the results by now."""
        committed = {each.partition: each.offset for each in self._committed()}
        for message in self._new(self._requests, self._log):
            self._known[_place(message)] = dict(message.headers() or [])["request_id"].decode()
        for message in self._new(self._results, self._answers):
            self._reached.add(decode_part(message.value() or b""))
        places = [(p, o) for (p, o) in self._known if o < committed.get(p, -1)]
        return list(self._reached.ahead((f"{p}:{o}", self._known[p, o]) for p, o in places))

    def buried(self) -> set[str]:
        """See Audit.buried."""
        return {row.request_id for row in _rows(self._queue) if row.state == "dead"}

    def left(self) -> list[str]:
        """See Audit.left."""
        found = []
        for place in self._committed():
            _, end = self._group.get_watermark_offsets(place, timeout=ASK_SECONDS)
            if max(0, place.offset) != end:
                found.append(f"partition {place.partition} is committed to {place.offset} of {end}")
        return found or [f"{row.request_id} is {row.state}" for row in _rows(self._queue) if row.state not in _OVER]

    def members(self) -> list[str]:
        """See Audit.members: of our group, and any other group that was left behind."""
        groups = self._admin.list_consumer_groups(request_timeout=ASK_SECONDS).result()
        others = [f"group {each.group_id}" for each in groups.valid if each.group_id != self._name]
        return others + [member.client_id for member in describe_group(self._cluster).members]

    def close(self) -> None:
        """See Audit.close."""
        for each in (self._group, self._results, self._requests, self._queue):
            each.close()

    def _reading(self, common: dict[str, object], topic: str) -> Consumer:
        kafka = Consumer({**common, "group.id": "chaos-audit", "auto.offset.reset": "earliest"})
        kafka.assign([TopicPartition(topic, each, 0) for each in self._partitions(topic)])
        return kafka

    def _partitions(self, topic: str) -> list[int]:
        return sorted(self._admin.list_topics(topic, timeout=ASK_SECONDS).topics[topic].partitions)

    def _committed(self) -> list[TopicPartition]:
        places = [TopicPartition(self._log, each) for each in self._partitions(self._log)]
        return list(self._group.committed(places, timeout=ASK_SECONDS))

    def _new(self, kafka: Consumer, topic: str) -> Iterator[Message]:
        """Up to the ends that the partitions have now."""
        places = [TopicPartition(topic, each) for each in self._partitions(topic)]
        spans = [kafka.get_watermark_offsets(each, timeout=ASK_SECONDS) for each in places]
        while any(_behind(kafka, place, *span) for place, span in zip(places, spans, strict=True)):
            yield from (each for each in kafka.consume(BATCH, timeout=0.2) if each.error() is None)


def _behind(kafka: Consumer, place: TopicPartition, oldest: int, end: int) -> bool:
    """Has this reader not yet been handed all records below `end`?"""
    [reached] = kafka.position([place])
    return max(oldest, reached.offset) < end


def _rows(queue: Queue) -> list[JobRow]:
    """What an operator would be told of every request."""
    if not hasattr(queue, "ledger"):
        return queue.jobs()
    with closing(queue.ledger()) as ledger:
        found: list[JobRow] = ledger.rows()
    return found


def _place(message: Message) -> tuple[int, int]:
    return message.partition() or 0, message.offset() or 0
