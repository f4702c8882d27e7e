"""Throughput against the number of workers, with an engine that sleeps: what sharing the queue costs, and nothing else.

    python bench/scaling.py [--queue sqlite,kafka] [--workers 1,2,4,8] [--seconds 5] [--measure 15]

Every worker is an `emotalk work --engine sleep` of its own, which needs a tenth of a clip's duration and no processor,
so that one machine shows what eight would do. All share a backlog that never runs out; the clock starts once each of
them has finished two jobs, so none is starting, joining or waiting for its partitions. The limit of the same run is the
sleep alone. Exit code 1 where eight workers do not reach nine tenths of eight times one, or a job overtook another.
"""

import sys
from pathlib import Path

if not __package__:
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

import argparse
import json
import os
import signal
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime

from bench.clips import as_wav, speech_like
from bench.figures import machine, table
from emotalk.engines.sleep import REAL_TIME_FACTOR
from emotalk.jobs.intake import Intake, Order, as_request
from emotalk.queues.base import Producer, Record
from emotalk.queues.urls import open_queue
from emotalk.timebase import SAMPLE_RATE
from tests.kafka.broker import Broker

PARTITIONS = 32
ENOUGH = 0.9
WARM_JOBS = 2
START_SECONDS = 60.0
SLACK = 3
"""Jobs for the time in which workers start, as a multiple of what they finish while they are measured."""

HEAD = ("queue", "workers", "jobs/s", "of linear", "of the sleep alone", "overtaken")


@dataclass(frozen=True)
class Measured:
    """One queue with so many workers; jobs a second, and how many jobs began before an earlier one of their lane."""

    queue: str
    workers: int
    rate: float
    overtaken: int


@dataclass
class Program:
    """One worker and its log."""

    log: Path
    process: "subprocess.Popen[bytes]"

    def read(self, event: str) -> list[dict[str, object]]:
        """Its lines of this kind so far."""
        whole = self.log.read_text().rpartition("\n")[0].splitlines()
        return [line for line in map(json.loads, whole) if line["event"] == event]


def main() -> int:
    """Measure and print one table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--queue", default="sqlite,kafka", help="which, by commas")
    parser.add_argument("--workers", default="1,2,4,8", help="how many, by commas")
    parser.add_argument("--seconds", type=float, default=5.0, help="length of each clip (default 5)")
    parser.add_argument("--measure", type=float, default=15.0, help="seconds that each number is measured (default 15)")
    chosen = parser.parse_args()
    counts = [int(each) for each in chosen.workers.split(",")]
    print(machine())
    limit = 1 / (REAL_TIME_FACTOR * chosen.seconds)
    rows = [HEAD]
    enough = True
    for name in chosen.queue.split(","):
        alone: float | None = None
        for measured in measure(name, counts, chosen.seconds, chosen.measure):
            alone = alone or measured.rate / measured.workers
            linear = measured.rate / measured.workers / alone
            enough = enough and linear >= ENOUGH and not measured.overtaken
            rows.append(row(measured, linear, limit))
            print("  ".join(rows[-1]), file=sys.stderr, flush=True)  # the table comes at the end
    print(f"clips of {chosen.seconds:g} s, {PARTITIONS} partitions, {chosen.measure:g} s a row\n")
    print(table(rows))
    return 0 if enough else 1


def row(measured: Measured, linear: float, limit: float) -> tuple[str, ...]:
    """Figures → cells."""
    of_limit = measured.rate / (limit * measured.workers)
    return (
        measured.queue,
        str(measured.workers),
        f"{measured.rate:.2f}",
        f"{linear:.3f}",
        f"{of_limit:.3f}",
        str(measured.overtaken),
    )


def measure(name: str, counts: Sequence[int], seconds: float, span: float) -> Iterator[Measured]:
    """One queue, with each number of workers in turn."""
    request = _request(seconds)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="emotalk-scaling-")))
        url = _address(name, folder, stack)
        queue = open_queue(url, Path, partitions=PARTITIONS)
        stack.callback(queue.close)
        queue.prepare()
        producer = queue.producer()
        for count in counts:
            needed = SLACK * count * span / (REAL_TIME_FACTOR * seconds) + 2 * PARTITIONS
            _fill(producer, request, int(needed))
            yield _measured(name, url, folder, count, span)


def _measured(name: str, url: str, folder: Path, count: int, span: float) -> Measured:
    with _working(url, folder, count) as programs:
        _until_all_work(programs)
        since = time.time()
        time.sleep(span)
        until = time.time()
        finished = [[at(line) for line in program.read("finish")] for program in programs]
        started = sorted((line for program in programs for line in program.read("start")), key=at)
    rates = [_rate([moment for moment in moments if since <= moment <= until]) for moments in finished]
    return Measured(name, count, sum(rates), _overtaken(started))


def _rate(moments: Sequence[float]) -> float:
    """From the first to the last: a worker is not charged for the part of a job that the clock cuts off."""
    return (len(moments) - 1) / (moments[-1] - moments[0]) if len(moments) > 1 else 0.0


def _overtaken(started: Sequence[dict[str, object]]) -> int:
    """Starts of a lane that come after the start of a later one."""
    newest: dict[object, int] = {}
    overtaken = 0
    for line in started:
        lane, offset = line["partition"], int(str(line["offset"]))
        overtaken += offset < newest.get(lane, -1)
        newest[lane] = max(offset, newest.get(lane, -1))
    return overtaken


def at(line: dict[str, object]) -> float:
    """When a line was written, in seconds since 1970."""
    return datetime.fromisoformat(str(line["time"])).timestamp()


@contextmanager
def _working(url: str, folder: Path, count: int) -> Iterator[list[Program]]:
    programs = [_start(url, folder / f"{count}-{number}.log") for number in range(count)]
    try:
        yield programs
    finally:
        for program in programs:
            program.process.send_signal(signal.SIGTERM)
        for program in programs:
            program.process.wait()


def _start(url: str, log: Path) -> Program:
    words = ("work", "--engine", "sleep", "--queue", url, "--log-format", "json", "--drain-seconds", "0")
    clean = {name: value for name, value in os.environ.items() if not name.startswith("EMOTALK_")}
    with log.open("wb") as file:
        return Program(log, subprocess.Popen([sys.executable, "-m", "emotalk", *words], env=clean, stderr=file))


def _until_all_work(programs: Sequence[Program]) -> None:
    end = time.monotonic() + START_SECONDS
    while not all(len(program.read("finish")) >= WARM_JOBS for program in programs):
        if time.monotonic() > end or any(program.process.poll() is not None for program in programs):
            raise RuntimeError(f"not all workers work; see {programs[0].log.parent}")
        time.sleep(0.2)


def _fill(producer: Producer, request: Record, count: int) -> None:
    for _ in range(count):
        name = uuid.uuid4().hex
        producer.append(Record(name, name, request.digest, request.payload, request.headers))


def _request(seconds: float) -> Record:
    wav = as_wav(speech_like(round(seconds * SAMPLE_RATE)))
    return as_request(Intake().accept(Order(wav, "one"), time.time))


def _address(name: str, folder: Path, stack: ExitStack) -> str:
    if name == "sqlite":
        return f"sqlite:///{folder}/queue.db"
    broker = stack.enter_context(Broker({"group.coordinator.append.linger.ms": "0"}))
    return f"kafka://{broker.bootstrap}"


if __name__ == "__main__":
    sys.exit(main())
