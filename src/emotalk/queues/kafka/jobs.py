"""What an operator sees: the requests that the log still holds, and the dead letters."""

from collections.abc import Iterator
from contextlib import ExitStack

from confluent_kafka import Consumer, KafkaError, KafkaException, Message

from emotalk.queues.base import JobRow, JobState
from emotalk.queues.kafka.cluster import Cluster
from emotalk.queues.kafka.faults import kafka_error
from emotalk.queues.kafka.marks import Mark
from emotalk.queues.kafka.member import committed_mark
from emotalk.queues.kafka.reading import partitions_of, reader, records_between, span_of
from emotalk.queues.kafka.records import headers_of, place_of, request_of

_ASK_SECONDS = 5.0
_DONE, _WAITING, _DEAD = 100, 1000, 1000
_ORDER = ("queued", "running", "done")
_ORIGIN = ("request_id", "digest", "error", "partition", "offset", "attempts")


def job_rows(cluster: Cluster) -> list[JobRow]:
    """Queued and running (a thousand at most of each partition), the last hundred done, the last thousand dead.

    Kafka cannot read headers alone: every record listed is fetched whole. Done ones are there until `housekeep`.
    """
    with ExitStack() as open_clients:
        kafka, handle = reader(cluster, tell_end=True), cluster.consumer({"group.id": cluster.group})
        open_clients.callback(kafka.close)
        open_clients.callback(handle.close)
        dead = [_dead_row(each) for each in _latest(kafka, cluster.dead, _DEAD)]
        buried = {(row.partition, row.offset) for row in dead}
        alive = [row for row in _alive(kafka, handle, cluster) if (row.partition, row.offset) not in buried]
    return sorted(alive, key=lambda row: _ORDER.index(row.state)) + dead


def _alive(kafka: Consumer, handle: Consumer, cluster: Cluster) -> Iterator[JobRow]:
    manned = _manned(cluster)
    for partition in partitions_of(kafka, cluster.requests):
        oldest, end = span_of(kafka, cluster.requests, partition)
        mark = committed_mark(handle, cluster.requests, partition, _ASK_SECONDS)
        head = max(oldest, mark.offset)
        first, last = max(oldest, head - _DONE), min(end, head + _WAITING)
        for message in records_between(kafka, cluster.requests, partition, first, last):
            yield _row(message, mark, head, partition in manned)


def _manned(cluster: Cluster) -> set[int]:
    """Partitions that have a worker. It takes the first unfinished request at once, so that one is running."""
    admin = cluster.admin()  # held until it has answered: librdkafka drops the question with the client
    try:
        [answer] = admin.describe_consumer_groups([cluster.group], request_timeout=_ASK_SECONDS).values()
        members = answer.result(timeout=2 * _ASK_SECONDS).members
    except KafkaException as error:
        if error.args[0].code() == KafkaError.GROUP_ID_NOT_FOUND:
            return set()
        raise kafka_error(error, f"asking for the group {cluster.group}") from error
    places = [place for member in members for place in (member.assignment.topic_partitions or [])]
    return {place.partition for place in places if place.topic == cluster.requests}


def _row(message: Message, mark: Mark, head: int, worked_on: bool) -> JobRow:
    (partition, offset), request = place_of(message), request_of(message)
    attempts = mark.attempts_of(offset, request.request_id)
    state: JobState = "done" if offset < head else "running" if offset == head and worked_on else "queued"
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
