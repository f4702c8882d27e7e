"""Real processes, to be killed, and what their logs say: above all, whether a worker has a job in its hands."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import RLock
from typing import Any

from tests.kafka.broker import Place

ROOT = Path(__file__).resolve().parents[2]
ENTRY = (sys.executable, "-m", "tests.chaos.poisoned")

_TAKES = ("begin", "start", "retry")
_LETS_GO = (
    "finish",
    "job buried",
    "given back",
    "not given back",
    "claim lost",
    "job cancelled",
    "attempt discarded",
    "working",
    "stopped",
)
_KEPT = (*_TAKES, *_LETS_GO, "accept", "request joined", "serving", "worker warm", "worker died", "engine hung")


@dataclass(frozen=True)
class Hand:
    """What a worker holds."""

    request_id: str
    attempt: int


class Log:
    """A program's JSON log, read on as it grows; it outlives the lives of its program."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.lines: list[dict[str, Any]] = []
        self.hand: Hand | None = None
        self._read, self._rest, self._lock = 0, b"", RLock()

    def follow(self) -> "Log":
        """Take in what has been written since."""
        with self._lock, self.file.open("rb") as file:
            file.seek(self._read)
            *whole, self._rest = (self._rest + (new := file.read())).split(b"\n")
            self._read += len(new)
            for line in _parsed(whole):
                self._take(line)
        return self

    def _take(self, line: dict[str, Any]) -> None:
        event = line.get("event")
        if event in _TAKES:
            self.hand = Hand(line["request_id"], line["attempt"])
        elif event in _LETS_GO:
            self.hand = None
        if event in _KEPT:
            self.lines.append(line)

    def of(self, *events: str) -> list[dict[str, Any]]:
        """The lines of these kinds so far, in order."""
        return [line for line in self.follow().lines if line["event"] in events]

    def tail(self, size: int = 2000) -> str:
        """Its end, for a person."""
        return self.file.read_text(errors="replace")[-size:]


def _parsed(lines: Sequence[bytes]) -> Iterator[dict[str, Any]]:
    for line in lines:
        try:
            found = json.loads(line)
        except ValueError:  # a line that a kill has cut, or none of ours
            continue
        if isinstance(found, dict):
            yield found


@dataclass(frozen=True)
class End:
    """One life's end. `sent`: our signal; `up`: it had said that it works; `held`: the job in its hands."""

    program: str
    code: int
    sent: int
    up: bool
    held: str
    last_words: str
    pid: int = 0


class Program:
    """`python -m tests.chaos.poisoned WORDS…` at a place, one life after another."""

    def __init__(
        self, name: str, folder: Path, words: Sequence[str], environment: Mapping[str, str], place: Place
    ) -> None:
        self.name, self._words, self._environment, self._place = name, words, environment, place
        file = folder / f"{name}.log"
        file.touch()
        self.log = Log(file)
        self.pids: list[int] = []
        self._process: subprocess.Popen[bytes] | None = None
        self._sent = self._lines_before = 0
        self._lock = RLock()

    def start(self) -> None:
        """Begin a life; does not wait."""
        clean = {name: value for name, value in os.environ.items() if not name.startswith("EMOTALK_")}
        command = (*self._place.words, *ENTRY, *self._words, "--log-format", "json")
        with self._lock, self.log.file.open("ab") as log:
            self._sent, self._lines_before = 0, len(self.log.follow().lines)
            self.log.hand = None  # what the last life held is nobody's
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=log, stderr=log, env={**clean, **self._environment}, cwd=ROOT
            )
            self.pids.append(self._process.pid)

    @property
    def pid(self) -> int:
        """Of this life, or of the last one."""
        return self.pids[-1]

    @property
    def running(self) -> bool:
        """Has it not ended?"""
        return self._process is not None and self._process.poll() is None

    @property
    def up(self) -> bool:
        """Has this life said that it serves, or works?"""
        lines = self.log.follow().lines[self._lines_before :]
        return self.running and self._said_up(lines)

    def _said_up(self, lines: Sequence[Mapping[str, Any]]) -> bool:
        word = "serving" if self._words[0] == "serve" else "working"
        return any(line["event"] == word for line in lines)

    def send(self, number: int) -> None:
        """Send a signal; one that ends it is remembered for its End."""
        with self._lock:
            if self.running:
                if number not in (signal.SIGSTOP, signal.SIGCONT) and self._sent != signal.SIGKILL:
                    self._sent = number  # whoever is killed may be told to end as well, before it is gone
                os.kill(self.pid, number)

    def buried(self) -> End | None:
        """How this life ended, once; None while it lasts."""
        with self._lock:
            if self._process is None or self._process.poll() is None:
                return None
            code = self._process.wait()
            self._process.communicate()
            self._process = None
            held = self.log.follow().hand
            up = self._said_up(self.log.lines[self._lines_before :])
            return End(self.name, code, self._sent, up, held.request_id if held else "", self.log.tail(), self.pid)


class Workman:
    """Whoever works: a program of its own, or a server's child."""

    def __init__(self, name: str, log: Log, pid: Callable[[], int | None], send: Callable[[int], object]) -> None:
        self.name, self.log, self._pid, self.send = name, log, pid, send

    @property
    def pid(self) -> int | None:
        """None while there is none."""
        return self._pid()

    def hand(self) -> Hand | None:
        """The job in its hands, if it lives."""
        return self.log.follow().hand if self.pid is not None else None


def alive(pid: int) -> bool:
    """There is such a process, and it is more than a zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def eventually(condition: Callable[[], bool], seconds: float, pause: float = 0.05) -> bool:
    """Wait until it holds; False where it does not within `seconds`."""
    until = time.monotonic() + seconds
    while not (held := condition()) and time.monotonic() < until:
        time.sleep(pause)
    return held
