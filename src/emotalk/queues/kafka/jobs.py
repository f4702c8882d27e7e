"""What an operator sees: the requests that the log still holds, and the dead letters."""

import logging
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from confluent_kafka import Consumer, KafkaError, KafkaException, Message
from confluent_kafka.admin import MemberDescription

from emotalk.errors import QueueUnavailable
from emotalk.queues.base import JobRow, JobState, Receipt, Waiting
from emotalk.queues.kafka.cluster import Cluster
from emotalk.queues.kafka.faults import kafka_error
from emotalk.queues.kafka.marks import Mark
from emotalk.queues.kafka.member import committed_mark
from emotalk.queues.kafka.reading import partitions_of, reader, records_between, span_of
from emotalk.queues.kafka.records import headers_of, place_of, request_of

_log = logging.getLogger(__name__)

_ASK_SECONDS = 5.0
_PAUSE_SECONDS = 0.05
# A broker that has just started is still finding out which groups are its own.
_SETTLING = (
    KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
    KafkaError.COORDINATOR_NOT_AVAILABLE,
    KafkaError.NOT_COORDINATOR,
)
_DONE, _WAITING, _DEAD = 100, 1000, 1000
_ORDER = ("queued", "running", "done")
_ORIGIN = ("request_id", "digest", "error", "partition", "offset", "attempts")


def job_rows(cluster: Cluster) -> list[JobRow]:
    """Queued and running (a thousand at most of each partition), the last hundred done, the last thousand dead.

    Kafka cannot read headers alone: every record listed is fetched whole. Done ones are there until `housekeep`.
    """
    with _clients(cluster) as (kafka, handle):
        dead = [_dead_row(each) for each in _latest(kafka, cluster.dead, _DEAD)]
        buried = {(row.partition, row.offset) for row in dead}
        alive = [_row(*each) for each in _alive(kafka, handle, cluster, _DONE)]
    alive = [row for row in alive if (row.partition, row.offset) not in buried]
    return sorted(alive, key=lambda row: _ORDER.index(row.state)) + dead


def waiting(cluster: Cluster) -> list[Waiting]:
    """See Queue.waiting: a thousand at most of each partition, and no more than is read in ten seconds.

    Not the first of a partition that has a worker, since some of its results may be there already.
    """
    found: list[Waiting] = []
    try:
        with _clients(cluster) as (kafka, handle):
            found.extend(_waiting(each) for each, state, _ in _alive(kafka, handle, cluster, 0) if state == "queued")
    except QueueUnavailable as outage:
        # The longer the queue, the more it matters that a server starts; a request it does not know is only repeated.
        fix = "none needed: a repeated request may be worked on twice"
        _log.warning("not all that waits is known", extra={"error": str(outage), "known": len(found), "fix": fix})
    return found


def _waiting(message: Message) -> Waiting:
    request = request_of(message)
    return Waiting(request.request_id, request.digest, Receipt(*place_of(message)))


@contextmanager
def _clients(cluster: Cluster) -> Iterator[tuple[Consumer, Consumer]]:
    """One that reads, and one that asks for the group's offsets."""
    with ExitStack() as open_clients:
        kafka, handle = reader(cluster, tell_end=True), cluster.consumer({"group.id": cluster.group})
        open_clients.callback(kafka.close)
        open_clients.callback(handle.close)
        yield kafka, handle


def _alive(kafka: Consumer, handle: Consumer, cluster: Cluster, done: int) -> Iterator[tuple[Message, JobState, Mark]]:
    """From the last `done` answered requests on."""
    manned = _manned(cluster)
    for partition in partitions_of(kafka, cluster.requests):
        oldest, end = span_of(kafka, cluster.requests, partition)
        mark = committed_mark(handle, cluster.requests, partition, _ASK_SECONDS)
        head = max(oldest, mark.offset)
        first, last = max(oldest, head - done), min(end, head + _WAITING)
        for message in records_between(kafka, cluster.requests, partition, first, last):
            yield message, _state(message, head, partition in manned), mark


def _manned(cluster: Cluster) -> set[int]:
    """Partitions that have a worker. It takes the first unfinished request at once, so that one is running."""
    members = _members(cluster)
    places = [place for member in members for place in (member.assignment.topic_partitions or [])]
    return {place.partition for place in places if place.topic == cluster.requests}


def _members(cluster: Cluster) -> list[MemberDescription]:
    admin = cluster.admin()  # held until it has answered: librdkafka drops the question with the client
    end = time.monotonic() + _ASK_SECONDS
    while True:
        try:
            [answer] = admin.describe_consumer_groups([cluster.group], request_timeout=_ASK_SECONDS).values()
            return list(answer.result(timeout=2 * _ASK_SECONDS).members)
        except KafkaException as error:
            if error.args[0].code() == KafkaError.GROUP_ID_NOT_FOUND:
                return []
            if error.args[0].code() not in _SETTLING or time.monotonic() > end:
                raise kafka_error(error, f"asking for the group {cluster.group}") from error
        time.sleep(_PAUSE_SECONDS)


def _state(message: Message, head: int, worked_on: bool) -> JobState:
    _, offset = place_of(message)
    return "done" if offset < head else "running" if offset == head and worked_on else "queued"


def _row(message: Message, state: JobState, mark: Mark) -> JobRow:
    (partition, offset), request = place_of(message), request_of(message)
    attempts = mark.attempts_of(offset, request.request_id)
    return JobRow(request.request_id, state, partition, offset, attempts, request.headers)


def _latest(kafka: Consumer, topic: str, limit: int) -> Iterator[Message]:
    for partition in partitions_of(kafka, topic):
        oldest, end = span_of(kafka, topic, partition)
        yield from records_between(kafka, topic, partition, max(oldest, end - limit), end)


def _dead_row(letter: Message) -> JobRow:
    headers, (partition, offset) = headers_of(letter), place_of(letter)
    return JobRow(
        request_id=headers.get("request_id", ""),
        state="dead",
        partition=int(headers.get("partition", partition)),
        offset=int(headers.get("offset", offset)),
        attempts=int(headers.get("attempts", 0)),
        headers={name: value for name, value in headers.items() if name not in _ORIGIN},
        error=headers.get("error", ""),
        payload=letter.value() or b"",
    )
