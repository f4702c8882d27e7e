"""From send to the first chunk, with an engine that costs nothing: what the queue adds, beside what it cannot avoid.

    python -m bench.queue [--queue memory,sqlite,kafka] [--requests N] [--kafka HOST:PORT] [--seconds S]

Four spans of each kind of queue, over the same clip:

    queue     append → claim → begin → publish → poll, and nothing in between
    thread    the same with the whole worker between them: decode, windows, shaping; one process
    process   the same with the worker in a process of its own
    grpc      a client's call → its first response, server and worker in processes of their own

and on Kafka a fifth, `bare`: the same trips by bare clients (bench/promise.py), what the promises cost by themselves.
All stand beside the floor of the same run: a bare write+fsync of the same record (SQLite), a bare produce-consume round
trip of the same record with acks=all (Kafka), and a bare gRPC call of the same sizes. Floors and spans take turns,
request by request. "added" is what is left of a span after what it takes on memory://: the price of durability alone.
"""

import sys
from pathlib import Path

if (
    not __package__
):  # run as a script: this folder must not stand first on the path, or `import queue` would find this file
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

import argparse
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from threading import Event, Thread
from urllib.parse import urlsplit

import grpc
import numpy as np

from bench.clips import as_wav, speech_like
from bench.figures import machine, percentile, table
from bench.floors import Floor, fsync_floor, grpc_floor, kafka_floor
from bench.processes import free_worker, open_for_bench, process
from bench.promise import kafka_promise
from emotalk.audio import decode
from emotalk.client import EmoTalkClient
from emotalk.client import Request as Call
from emotalk.face import BLENDSHAPES, Frames
from emotalk.jobs import Part
from emotalk.jobs.codec import decode_part, encode_part
from emotalk.jobs.intake import Intake, Order, as_request
from emotalk.queues.base import Consumer, Queue, Record
from emotalk.timebase import SAMPLE_RATE, frame_count
from emotalk.wire.convert import to_response
from tests.kafka.broker import Broker

WARM_UP = 20
NONE = "-"
LINGER = "group.coordinator.append.linger.ms"
"""How long a Kafka 4 broker holds every commit back to batch it; its own default is 5, compose file and bench say 0."""
REST = 0.01

Span = Callable[[], float]


@dataclass
class Sampled:
    """One span of one queue, and the floors measured in turn with it; seconds."""

    queue: str
    span: str
    seconds: list[float] = field(default_factory=list)
    floor: list[float] = field(default_factory=list)
    wire: list[float] = field(default_factory=list)


HEAD = (
    "queue",
    "span",
    "p50",
    "p99",
    "floor p50",
    "p99",
    "x floor p50",
    "p99",
    "gRPC p50",
    "x both p50",
    "p99",
    "added",
)


def main() -> int:
    """Measure and print one table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--queue", default="memory,sqlite,kafka", help="which, by commas")
    parser.add_argument("--requests", type=int, default=300, help="measured requests per span (default 300)")
    parser.add_argument("--seconds", type=float, default=1.0, help="length of the clip (default 1)")
    parser.add_argument("--kafka", metavar="HOST:PORT", help="a broker; without it one is started (Java 17, Maven)")
    parser.add_argument("--linger", type=int, default=0, metavar="MS", help=f"{LINGER} of that broker (default 0)")
    parser.add_argument("--folder", type=Path, help="where SQLite's file goes; a folder on a real disk")
    chosen = parser.parse_args()
    wav = as_wav(speech_like(round(chosen.seconds * SAMPLE_RATE)))
    print(machine())
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="emotalk-bench-", dir=chosen.folder)))
        sampled = []
        for name in chosen.queue.split(","):
            url, floor = _address(name, folder, record(wav, "floor").payload, chosen.kafka, chosen.linger, stack)
            sampled += measure(name, url, floor, wav, chosen.requests)
    size = len(record(wav, "one").payload)
    print(f"{chosen.requests} requests of {chosen.seconds:g} s a span, {size} bytes a record; milliseconds\n")
    alone = {each.span: each.seconds for each in sampled if each.queue == "memory"}
    print(table([HEAD, *(row(each, alone.get(each.span, [])) for each in sampled)]))
    return 0


def measure(name: str, url: str, floor: Floor, wav: bytes, requests: int) -> Iterator[Sampled]:
    """Every span that this kind of queue has."""
    for span, opened in SPANS.items():
        if (name, span) == ("memory", "process") or (span == "bare" and name != "kafka"):
            continue  # no other process sees this memory; the others' floor is what their promise costs
        sampled = Sampled(name, span)
        with ExitStack() as stack:
            wire = stack.enter_context(_bare_call(wav)) if span == "grpc" else _nothing
            once = stack.enter_context(opened(url, wav))
            for number in range(-WARM_UP, requests):
                time.sleep(REST)  # so that the worker is idle again, as it is where one person speaks
                figures = floor(), wire(), once()
                if number >= 0:
                    for kept, figure in zip((sampled.floor, sampled.wire, sampled.seconds), figures, strict=True):
                        kept.append(figure)
        yield sampled


@contextmanager
def _queue_alone(url: str, wav: bytes) -> Iterator[Span]:
    queue, stop = open_for_bench(url), Event()
    queue.prepare()
    thread = Thread(target=_answer_all, args=(queue.consumer(""), stop, stored_answer(wav)))
    thread.start()
    try:
        yield _first_part(queue, wav)
    finally:
        stop.set()
        thread.join()
        queue.close()


def _answer_all(consumer: Consumer, stop: Event, answer: bytes) -> None:
    while not stop.is_set():
        if claim := consumer.claim(0.5):
            consumer.begin(claim, 1)
            consumer.publish(claim, [answer])
            consumer.complete(claim)


@contextmanager
def _threads(url: str, wav: bytes) -> Iterator[Span]:
    queue, stop = open_for_bench(url), Event()
    queue.prepare()
    worker = free_worker(queue, stop)
    thread = Thread(target=worker.run)
    thread.start()
    try:
        yield _first_part(queue, wav)
    finally:
        stop.set()
        thread.join()
        queue.close()


@contextmanager
def _worker_process(url: str, wav: bytes) -> Iterator[Span]:
    queue = open_for_bench(url)
    queue.prepare()
    try:
        with process("worker", url):
            yield _first_part(queue, wav)
    finally:
        queue.close()


@contextmanager
def _whole_way(url: str, wav: bytes) -> Iterator[Span]:
    with ExitStack() as stack:
        port = stack.enter_context(process("server", url))
        if not url.startswith("memory"):
            stack.enter_context(process("worker", url))
        client = stack.enter_context(EmoTalkClient("127.0.0.1", port))

        def once() -> float:
            answer = client.stream(Call(wav))
            since = time.perf_counter()
            next(answer)
            taken = time.perf_counter() - since
            for _ in answer:
                pass
            return taken

        yield once


def _first_part(queue: Queue, wav: bytes) -> Span:
    producer, results = queue.producer(), queue.results()

    def once() -> float:
        request = record(wav, uuid.uuid4().hex)
        since, taken, complete = time.perf_counter(), 0.0, False
        producer.append(request, fresh=True)
        while not complete:
            for result in results.poll(30):
                taken = taken or time.perf_counter() - since
                part = decode_part(result.payload)
                complete = part.first_frame + len(part.frames) == part.total_frames
        return taken

    return once


@contextmanager
def _bare_clients(url: str, wav: bytes) -> Iterator[Span]:
    with kafka_promise(urlsplit(url).netloc, record(wav, "bare").payload, stored_answer(wav)) as once:
        yield once


SPANS = {
    "bare": _bare_clients,
    "queue": _queue_alone,
    "thread": _threads,
    "process": _worker_process,
    "grpc": _whole_way,
}


def no_frames_of(wav: bytes) -> Frames:
    """As many frames as the clip has, all zero."""
    return np.zeros((frame_count(len(decode(wav))), BLENDSHAPES), np.float32)


def stored_answer(wav: bytes) -> bytes:
    """The clip's whole answer as one record of the result log."""
    frames = no_frames_of(wav)
    return encode_part(Part("0" * 32, "free-1", 0, 0, len(frames), True, frames))


@contextmanager
def _bare_call(wav: bytes) -> Iterator[Floor]:
    frames = no_frames_of(wav)
    answer = len(to_response("0" * 32, 0, 0, frames, True).SerializeToString())
    with process("echo", str(answer)) as port, grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield grpc_floor(channel, Call(wav).message().SerializeToString(), bytes(answer))


def _nothing() -> float:
    return 0.0


def _address(
    name: str, folder: Path, payload: bytes, kafka: str | None, linger: int, stack: ExitStack
) -> tuple[str, Floor]:
    """Where this kind of queue is, and what its promise costs at least."""
    if name == "memory":
        return "memory://", _nothing
    if name == "sqlite":
        return f"sqlite:///{folder}/queue.db", fsync_floor(folder, payload)
    bootstrap = kafka or stack.enter_context(Broker({LINGER: str(linger)})).bootstrap
    return f"kafka://{bootstrap}#bench-{uuid.uuid4().hex[:8]}-", kafka_floor(bootstrap, payload)


def record(wav: bytes, request_id: str) -> Record:
    """The clip as the request log takes it."""
    return as_request(Intake().accept(Order(wav, request_id), time.time))


def row(sampled: Sampled, alone: list[float]) -> tuple[str, ...]:
    """Figures → cells."""
    both = [floor + wire for floor, wire in zip(sampled.floor, sampled.wire, strict=True)]
    figures = [_ms(sampled.seconds), _ms(sampled.floor), _ratio(sampled.seconds, sampled.floor)]
    figures += [_ms(sampled.wire)[:1], _ratio(sampled.seconds, both) if any(sampled.wire) else (NONE, NONE)]
    added = NONE
    if alone and any(sampled.floor):
        added = f"{(percentile(sampled.seconds, 50) - percentile(alone, 50)) / percentile(sampled.floor, 50):.2f}"
    return sampled.queue, sampled.span, *(cell for pair in figures for cell in pair), added


def _ms(seconds: list[float]) -> tuple[str, ...]:
    return tuple(f"{1e3 * percentile(seconds, p):.2f}" if any(seconds) else NONE for p in (50, 99))


def _ratio(seconds: list[float], floor: list[float]) -> tuple[str, ...]:
    if not any(floor):
        return NONE, NONE
    return tuple(f"{percentile(seconds, p) / percentile(floor, p):.2f}" for p in (50, 99))


if __name__ == "__main__":
    sys.exit(main())
