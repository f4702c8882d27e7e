"""What Kafka's promises cost bare clients, with nothing of ours between them.

The trips of docs/decisions/0040 and no more: the request and the note of its acceptance are waited for, the mark of the
attempt and the note that it has begun go beside the work, somebody reads the notes. All in one process, as the span
`queue` of bench.queue is.
"""

import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Event, Thread
from time import perf_counter

from confluent_kafka import Consumer, Message, Producer, TopicPartition

from bench.floors import COMMON, LARGEST, Floor, make_topic

NOTE = bytes(200)
_PATIENCE = 30.0


@contextmanager
def kafka_promise(bootstrap: str, payload: bytes, answer: bytes) -> Iterator[Floor]:
    """Sends `payload`, has it answered by a thread with `answer`, and returns the seconds until the answer was read."""
    requests, results, notes = (f"bench-{name}-{uuid.uuid4().hex[:8]}" for name in ("requests", "results", "notes"))
    for topic in (requests, results, notes):
        make_topic(bootstrap, topic)
    stop, over = Event(), Event()
    server, server_notes, worker, worker_notes = (_Writer(bootstrap, stop) for _ in range(4))
    inbox, outbox, table = (_reader(bootstrap, topic) for topic in (requests, results, notes))

    def work(commits: ThreadPoolExecutor) -> None:
        while not stop.is_set():
            if (request := _next(inbox, 0.2)) is None:
                continue
            marked = commits.submit(mark, request, 0)
            worker.write(results, answer)
            marked.result()
            worker_notes.write(notes, NOTE)
            inbox.commit(offsets=[_place(request, 1)], asynchronous=False)
            over.set()

    def mark(request: Message, step: int) -> None:
        inbox.commit(offsets=[_place(request, step)], asynchronous=False)
        worker_notes.send(notes, NOTE)

    def follow() -> None:
        while not stop.is_set():
            _next(table, 0.2)

    def once() -> float:
        over.clear()
        since = perf_counter()
        server.write(requests, payload)
        server_notes.write(notes, NOTE)
        if _next(outbox, _PATIENCE) is None:
            raise RuntimeError(f"Kafka at {bootstrap} does not return what was written to it")
        taken = perf_counter() - since
        over.wait(_PATIENCE)
        return taken

    with ThreadPoolExecutor(1) as commits:
        threads = [Thread(target=follow), Thread(target=work, args=[commits])]
        for each in threads:
            each.start()
        try:
            yield once
        finally:
            stop.set()
            for each in threads:
                each.join()


class _Writer:
    """A producer whose reports a thread of its own collects."""

    def __init__(self, bootstrap: str, stop: Event) -> None:
        limit = {"message.max.bytes": LARGEST}
        own = {"acks": "all", "linger.ms": 0, "enable.idempotence": True}
        self._kafka = Producer({**COMMON, **limit, **own, "bootstrap.servers": bootstrap})
        Thread(target=self._collect, args=[stop], daemon=True).start()

    def _collect(self, stop: Event) -> None:
        while not stop.is_set():
            self._kafka.poll(0.1)

    def send(self, topic: str, value: bytes) -> Callable[[float], bool]:
        stored = Event()
        self._kafka.produce(topic, value, on_delivery=lambda *_: stored.set())
        return stored.wait

    def write(self, topic: str, value: bytes) -> None:
        self.send(topic, value)(_PATIENCE)


def _reader(bootstrap: str, topic: str) -> Consumer:
    own = {"group.id": topic, "enable.auto.commit": False, "fetch.max.bytes": LARGEST}
    kafka = Consumer({**COMMON, **own, "bootstrap.servers": bootstrap})
    kafka.assign([TopicPartition(topic, 0, 0)])
    kafka.poll(0.5)
    return kafka


def _next(kafka: Consumer, seconds: float) -> Message | None:
    message = kafka.poll(seconds)
    return None if message is None or message.error() else message


def _place(request: Message, step: int) -> TopicPartition:
    return TopicPartition(request.topic() or "", request.partition() or 0, (request.offset() or 0) + step, "mark")
