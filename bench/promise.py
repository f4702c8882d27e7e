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
from typing import NamedTuple

from confluent_kafka import Consumer, Message, Producer, TopicPartition

from bench.floors import COMMON, LARGEST, Floor, bare_reader, make_topic

NOTE = bytes(200)
_PATIENCE, _LOOK = 30.0, 0.2


class _Topics(NamedTuple):
    requests: str
    results: str
    notes: str


@contextmanager
def kafka_promise(bootstrap: str, payload: bytes, answer: bytes) -> Iterator[Floor]:
    """Sends `payload`, has it answered by a thread with `answer`, and returns the seconds until the answer was read."""
    topics, stop = _Topics(*(f"bench-{name}-{uuid.uuid4().hex[:8]}" for name in _Topics._fields)), Event()
    for topic in topics:
        make_topic(bootstrap, topic)
    worker, server = _Worker(bootstrap, topics, stop), _Server(bootstrap, topics, stop)
    threads = [Thread(target=server.follow), Thread(target=worker.work, args=[answer])]
    for each in threads:
        each.start()
    try:
        yield lambda: server.ask(payload, worker.over)
    finally:
        stop.set()
        for each in threads:
            each.join()


class _Server:
    """Writes requests and their notes, and reads results and all notes."""

    def __init__(self, bootstrap: str, topics: _Topics, stop: Event) -> None:
        self._topics, self._stop = topics, stop
        self._requests, self._notes = _Writer(bootstrap, stop), _Writer(bootstrap, stop)
        self._results, self._table = bare_reader(bootstrap, topics.results), bare_reader(bootstrap, topics.notes)

    def follow(self) -> None:
        while not self._stop.is_set():
            _next(self._table, _LOOK)

    def ask(self, payload: bytes, over: Event) -> float:
        """Returns once the worker is done as well, so that the next request finds it idle."""
        over.clear()
        since = perf_counter()
        self._requests.write(self._topics.requests, payload)
        self._notes.write(self._topics.notes, NOTE)
        if _next(self._results, _PATIENCE) is None:
            raise RuntimeError("Kafka does not return what was written to it")
        taken = perf_counter() - since
        over.wait(_PATIENCE)
        return taken


class _Worker:
    """Answers requests one by one; `over` once nothing of the last one is under way."""

    def __init__(self, bootstrap: str, topics: _Topics, stop: Event) -> None:
        self._topics, self._stop, self.over = topics, stop, Event()
        self._results, self._notes = _Writer(bootstrap, stop), _Writer(bootstrap, stop)
        self._requests = bare_reader(bootstrap, topics.requests)

    def work(self, answer: bytes) -> None:
        with ThreadPoolExecutor(1) as beside:
            while not self._stop.is_set():
                if (request := _next(self._requests, _LOOK)) is not None:
                    begun = beside.submit(self._begin, request)
                    self._results.write(self._topics.results, answer)
                    begun.result()
                    self._end(request)

    def _begin(self, request: Message) -> None:
        self._requests.commit(offsets=[_place(request, 0)], asynchronous=False)
        self._notes.send(self._topics.notes, NOTE)

    def _end(self, request: Message) -> None:
        self._notes.write(self._topics.notes, NOTE)
        self._requests.commit(offsets=[_place(request, 1)], asynchronous=False)
        self.over.set()


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


def _next(kafka: Consumer, seconds: float) -> Message | None:
    message = kafka.poll(seconds)
    return None if message is None or message.error() else message


def _place(request: Message, step: int) -> TopicPartition:
    return TopicPartition(request.topic() or "", request.partition() or 0, (request.offset() or 0) + step, "mark")
