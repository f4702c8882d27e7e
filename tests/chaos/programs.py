"""`emotalk` in real processes, to be killed: a server, its worker, and the log lines that prove what they did."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

START_SECONDS = 60.0
TAIL = 5_000


class Program:
    """`emotalk …` in a process of its own, its JSON log in a file that outlives it."""

    def __init__(self, log: Path, *words: str) -> None:
        self._log, self._words = log, words
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it; does not wait."""
        clean = {name: value for name, value in os.environ.items() if not name.startswith("EMOTALK_")}
        command = (sys.executable, "-m", "emotalk", *self._words, "--log-format", "json")
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=clean)

    def kill(self) -> None:
        """SIGKILL, and wait until it is gone."""
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()
            self._process = None

    def restart(self) -> None:
        """As a supervisor would."""
        self.kill()
        self.start()

    def await_a_job(self) -> None:
        """Return while a job is in hand: a worker that is killed between two jobs proves little."""
        until = time.monotonic() + START_SECONDS
        while time.monotonic() < until:
            tail = [line.get("event") for line in _parsed(self._log.read_text(errors="replace")[-TAIL:])]
            if [event for event in tail if event in ("start", "finish")][-1:] == ["start"]:
                return
        raise AssertionError("no job was ever in hand")

    def lines(self, event: str) -> list[dict[str, Any]]:
        """The log's lines of this kind, in order, from all of its lives."""
        return [line for line in _parsed(self._log.read_text(errors="replace")) if line.get("event") == event]


def _parsed(text: str) -> Iterator[dict[str, Any]]:
    for line in text.splitlines():
        try:
            yield json.loads(line)
        except ValueError:  # a line that a kill has cut, or none of ours
            continue


@dataclass(frozen=True)
class Service:
    """A server and its worker, both running; `logs` are all the files that they write to."""

    kill_worker: Callable[[], None]
    restart_server: Callable[[], None]
    logs: Sequence[Program]

    def lines(self, event: str) -> list[dict[str, Any]]:
        """The lines of this kind that server and worker have logged."""
        return [line for program in self.logs for line in program.lines(event)]


@contextmanager
def two_programs(url: str, port: int, folder: Path) -> Iterator[Service]:
    """`emotalk serve --no-worker` and `emotalk work`."""
    where = ("--queue", url)
    server = Program(folder / "server.log", "serve", "--no-worker", "--port", str(port), *where)
    worker = Program(folder / "worker.log", "work", "--engine", "tone", "--worker-name", "load", *where)

    def kill_worker() -> None:
        worker.await_a_job()
        worker.restart()

    with _running(server, worker):
        yield Service(kill_worker, server.restart, (server, worker))


@contextmanager
def embedded(url: str, port: int, folder: Path) -> Iterator[Service]:
    """`emotalk serve`, which starts its worker as a child, and again where that dies."""
    server = Program(folder / "server.log", "serve", "--engine", "tone", "--port", str(port), "--queue", url)

    def kill_worker() -> None:
        child = server.lines("worker warm")[-1]["pid"]
        server.await_a_job()
        os.kill(child, signal.SIGKILL)

    with _running(server):
        yield Service(kill_worker, server.restart, (server,))


@contextmanager
def _running(*programs: Program) -> Iterator[None]:
    with ExitStack() as stack:
        for program in programs:
            stack.callback(program.kill)
            program.start()
        yield
