"""Jobs a second with an engine that costs nothing: how much the log and the worker's own work let through.

    python -m bench.throughput [--queue sqlite,kafka] [--workers 1,2,4,8] [--brokers 1,3] [--seconds S] [--clip S]

A closed loop: some requests a worker are always under way, sent by threads of this process, which reads the answers as
well. Each worker is a process of its own, each request has a key of its own, and there are as many partitions as the
most workers. "floors a job": the time between two answers in bare round trips (Kafka) or bare fsyncs (SQLite) of the
same record, measured before and after. The cores are those that this process (which appends and reads), the workers
and the brokers kept busy meanwhile; "limit" says whether the machine had one to spare.
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Event, Semaphore, Thread

from bench.clips import as_wav, speech_like
from bench.figures import machine, table
from bench.floors import Floor, fsync_floor, kafka_floor
from bench.processes import open_for_bench, started
from bench.queue import LINGER, record
from emotalk.jobs.codec import decode_job, decode_part
from emotalk.jobs.intake import as_request
from emotalk.queues.base import Producer, Queue, Record
from emotalk.timebase import SAMPLE_RATE
from tests.kafka.broker import Broker, free_ports, new_cluster_id

UNDER_WAY, SENDERS = 8, 4
SETTLED, FLOORS = 5.0, 50
HEAD = (
    "queue",
    "brokers",
    "workers",
    "jobs/s",
    "floor ms",
    "floors a job",
    "this",
    "workers'",
    "brokers' cores",
    "limit",
)


@dataclass(frozen=True)
class Log:
    """One kind of queue: its address, what its promise costs at least, and the processes that keep it."""

    name: str
    url: str
    floor: Floor
    brokers: Sequence[int] = ()


@dataclass(frozen=True)
class Flow:
    """What went through in one window of `seconds`, and the seconds of processor time of each side."""

    jobs: int
    seconds: float
    here: float
    workers: float
    brokers: float


def main() -> int:
    """Measure and print one table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--queue", default="sqlite,kafka", help="which, by commas")
    parser.add_argument("--workers", default="1,2,4,8", help="how many, by commas")
    parser.add_argument("--brokers", default="1", help="of Kafka, by commas: 1, or 3 with three replicas")
    parser.add_argument("--seconds", type=float, default=5.0, help="length of a window (default 5)")
    parser.add_argument("--clip", type=float, default=1.0, help="seconds of a clip (default 1)")
    parser.add_argument("--folder", type=Path, help="where SQLite's file goes; a folder on a real disk")
    chosen = parser.parse_args()
    counts = [int(each) for each in chosen.workers.split(",")]
    wav = as_wav(speech_like(round(chosen.clip * SAMPLE_RATE)))
    print(machine())
    rows: list[Sequence[str]] = [HEAD]
    for name in chosen.queue.split(","):
        for brokers in [int(each) for each in chosen.brokers.split(",")] if name == "kafka" else [0]:
            for workers in counts:
                with opened(name, brokers, chosen.folder, wav) as log:
                    rows.append(measured(log, workers, max(counts), wav, chosen.seconds))
                    print("  ".join(rows[-1]), file=sys.stderr)
    print(table(rows))
    return 0


@contextmanager
def opened(name: str, brokers: int, folder: Path | None, wav: bytes) -> Iterator[Log]:
    """A new log of this kind."""
    payload = record(wav, "floor").payload
    with ExitStack() as stack:
        if name == "sqlite":
            place = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="emotalk-bench-", dir=folder)))
            yield Log(name, f"sqlite:///{place}/queue.db", fsync_floor(place, payload))
            return
        running = stack.enter_context(cluster(brokers))
        bootstrap = ",".join(each.bootstrap for each in running)
        floor = kafka_floor(bootstrap, payload)
        yield Log(name, f"kafka://{bootstrap}#bench-{uuid.uuid4().hex[:8]}-", floor, [each.pid for each in running])


@contextmanager
def cluster(brokers: int) -> Iterator[list[Broker]]:
    """One broker, or three that keep every record thrice and answer once two have it."""
    number = new_cluster_id()
    each_its_own = [{LINGER: "0"}] if brokers == 1 else _quorum(brokers)
    all_of_them = [Broker(own, cluster=number) for own in each_its_own]
    with ExitStack() as stack, ThreadPoolExecutor(brokers) as starting:
        for each in all_of_them:
            stack.callback(each.stop)
        list(starting.map(Broker.start, all_of_them))  # at once: none answers before most of them are there
        yield all_of_them


def _quorum(brokers: int) -> Iterator[dict[str, str]]:
    ports = free_ports(2 * brokers)
    places = list(enumerate(zip(ports[::2], ports[1::2], strict=True), 1))
    replicas = ("offsets.topic", "transaction.state.log", "share.coordinator.state.topic")
    for number, (clients, controller) in places:
        yield {
            LINGER: "0",
            "node.id": str(number),
            "listeners": f"PLAINTEXT://127.0.0.1:{clients},CONTROLLER://127.0.0.1:{controller}",
            "advertised.listeners": f"PLAINTEXT://127.0.0.1:{clients}",
            "controller.quorum.voters": ",".join(f"{each}@127.0.0.1:{port}" for each, (_, port) in places),
            **{f"{topic}.replication.factor": str(brokers) for topic in replicas},
        }


def measured(log: Log, workers: int, partitions: int, wav: bytes, seconds: float) -> tuple[str, ...]:
    """One row."""
    bare = [log.floor() for _ in range(FLOORS)]
    with ExitStack() as stack:
        queue = open_for_bench(log.url, partitions)
        stack.callback(queue.close)
        queue.prepare()
        pids = [stack.enter_context(started("worker", log.url))[0] for _ in range(workers)]
        loop = stack.enter_context(Loop(queue, wav, UNDER_WAY * workers))
        time.sleep(SETTLED)
        flow = watched(loop, pids, log.brokers, seconds)
    floor = statistics.median(bare + [log.floor() for _ in range(FLOORS)])
    return row(log, workers, flow, floor)


class Loop:
    """Requests under way, and how many answers have come."""

    def __init__(self, queue: Queue, wav: bytes, under_way: int) -> None:
        self.answered, self._places, self._stop = 0, Semaphore(under_way), Event()
        self._one, self._results = record(wav, "one"), queue.results()
        self._threads = [Thread(target=self._send, args=(queue.producer(),)) for _ in range(SENDERS)]
        self._threads.append(Thread(target=self._read))

    def __enter__(self) -> "Loop":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for _ in range(SENDERS):
            self._places.release()
        for thread in self._threads:
            thread.join()

    def _send(self, producer: Producer) -> None:
        while self._places.acquire() and not self._stop.is_set():
            name = uuid.uuid4().hex
            producer.append(renamed(self._one, name))

    def _read(self) -> None:
        while not self._stop.is_set():
            for result in self._results.poll(0.2):
                part = decode_part(result.payload)
                if part.first_frame + len(part.frames) == part.total_frames:
                    self.answered += 1
                    self._places.release()


def renamed(request: Record, name: str) -> Record:
    """The same clip under another id; the worker compares the two that stand in it."""
    job = replace(decode_job(request.payload), request_id=name, session_id="")
    return as_request(job)


def watched(loop: Loop, workers: Sequence[int], brokers: Sequence[int], seconds: float) -> Flow:
    """What goes through from now on."""
    groups = ([os.getpid()], workers, brokers)
    before, answered, since = [busy(group) for group in groups], loop.answered, time.perf_counter()
    time.sleep(seconds)
    taken = time.perf_counter() - since
    here, theirs, brokers_ = (busy(group) - spent for group, spent in zip(groups, before, strict=True))
    return Flow(loop.answered - answered, taken, here, theirs, brokers_)


def busy(pids: Sequence[int]) -> float:
    """Seconds of processor time that these processes have taken so far (Linux)."""
    fields = [Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split() for pid in pids]
    return sum(int(each[11]) + int(each[12]) for each in fields) / os.sysconf("SC_CLK_TCK")


def row(log: Log, workers: int, flow: Flow, floor: float) -> tuple[str, ...]:
    """Figures → cells."""
    rate = flow.jobs / flow.seconds
    cores = [each / flow.seconds for each in (flow.here, flow.workers, flow.brokers)]
    limit = "cores" if sum(cores) > 0.85 * (os.cpu_count() or 1) else "waits"
    figures = f"{rate:.0f}", f"{1e3 * floor:.2f}", f"{1 / (rate * floor):.2f}" if rate else "-"
    return log.name, f"{len(log.brokers)}", f"{workers}", *figures, *(f"{each:.2f}" for each in cores), limit


if __name__ == "__main__":
    sys.exit(main())
