"""Two servers and three workers, started again whenever they end, and ways to end them.

server-1 ─ its child worker        server-2 --no-worker        worker-1 (named)        worker-2 (nameless)
"""

import os
import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread

from emotalk.address import Address
from tests.chaos.grounds import PARTITIONS
from tests.chaos.poisoned import Tempo
from tests.chaos.programs import End, Hand, Program, Workman, alive, eventually
from tests.kafka.broker import Place

START_SECONDS = 60.0
DRAIN_SECONDS = 8
END_SECONDS = 30.0
AGAIN_SECONDS = 0.3
LOOK_SECONDS = 0.02
FINDING_SECONDS = 2.0
SPARED_ATTEMPTS = 3
"""A worker is not struck in an innocent job's third attempt or later: five deaths would bury it, and rightly."""


@dataclass(frozen=True)
class Strike:
    """A kill: whom, how many seconds after the start, and the job that was in its hands."""

    kind: str
    name: str
    at: float
    job: str = ""


class Fleet:
    """`url` is the queue's; `addresses` are those of the servers; `places`: where who is not here runs, by name."""

    def __init__(
        self,
        url: str,
        addresses: Sequence[Address],
        folder: Path,
        tempo: Tempo,
        environment: dict[str, str],
        places: Mapping[str, Place],
    ) -> None:
        own = {**tempo.as_environment(), "EMOTALK_PARTITIONS": str(PARTITIONS), "EMOTALK_WEB": "no", **environment}
        common = ("--queue", url, "--drain-seconds", str(DRAIN_SECONDS))
        work = ("work", "--engine", "tone", *common)
        serve = [("serve", "--host", at.host, "--port", str(at.port), *common) for at in addresses]

        def program(name: str, *words: str) -> Program:
            return Program(name, folder, words, own, places.get(name, Place()))

        self.servers = [
            program("server-1", *serve[0], "--engine", "tone"),
            program("server-2", *serve[1], "--no-worker"),
        ]
        self.workers = [program("worker-1", *work, "--worker-name", "one"), program("worker-2", *work)]
        self.ends: list[End] = []
        self._closing = Event()
        self._supervisor = Thread(target=self._supervise, name="supervisor")

    @property
    def programs(self) -> list[Program]:
        """All that are started here."""
        return [*self.servers, *self.workers]

    def workmen(self) -> list[Workman]:
        """All that work."""
        return [*map(_workman, self.workers), self._workman_of_server()]

    def _workman_of_server(self) -> Workman:
        return Workman("child", self.servers[0].log, self._child, self._send_child)

    def _child(self) -> int | None:
        warm = self.servers[0].log.of("worker warm")
        return warm[-1]["pid"] if warm and alive(warm[-1]["pid"]) else None

    def _send_child(self, number: int) -> None:
        if pid := self._child():
            _send(pid, number)

    @contextmanager
    def running(self) -> Iterator["Fleet"]:
        """All up; killed at the end if they have not ended by then."""
        try:
            for each in self.programs:
                each.start()
            late = [each.name for each in self.programs if not eventually(lambda each=each: each.up, START_SECONDS)]
            assert not late, f"{late} did not start: {self.programs[0].log.tail()}"
            self._supervisor.start()
            yield self
        finally:
            self._closing.set()
            if self._supervisor.is_alive():
                self._supervisor.join()
            for each in self.programs:
                each.send(signal.SIGCONT)
                each.send(signal.SIGKILL)

    def _supervise(self) -> None:
        while not self._closing.wait(0.1):
            for each in self.programs:
                if end := each.buried():
                    self.ends.append(end)
                    time.sleep(AGAIN_SECONDS)
                    each.start()

    def seize(self, workmen: Sequence[Workman]) -> tuple[Workman, Hand] | None:
        """One that has a job in its hands, and stands still: stopped first, looked at then, so that it is no hope."""
        until = time.monotonic() + FINDING_SECONDS
        while time.monotonic() < until:
            for workman in workmen:
                if _may_be_struck(workman.hand()) and _stop(workman, _may_be_struck) and (held := workman.hand()):
                    return workman, held
            time.sleep(LOOK_SECONDS)
        return None

    def may_be_struck(self, name: str) -> bool:
        """Would the end of this program leave alone what is to be spared? A child goes with its server."""
        child = self._workman_of_server().name
        struck = child if name == self.servers[0].name else name
        return all(_is_not_spared(each.hand()) for each in self.workmen() if each.name == struck)

    def seize_any(self, workmen: Sequence[Workman]) -> Workman | None:
        """One that stands still, whether or not it has a job; none that is to be spared."""
        return next((workman for workman in workmen if _stop(workman, _is_not_spared)), None)

    def roll(self) -> list[str]:
        """A deploy: each told to end, and back again, one after the other. Returns who did not come back."""
        late = []
        for each in self.programs:
            eventually(lambda each=each: each.up, START_SECONDS)
            before = each.pid
            each.send(signal.SIGTERM)
            if not eventually(lambda each=each, before=before: each.pid != before and each.up, START_SECONDS):
                late.append(each.name)
        return late

    def end(self) -> None:
        """Once all are up, all are told to end, workers first, each within half a minute."""
        eventually(lambda: all(each.up for each in self.programs), START_SECONDS)
        self._closing.set()
        self._supervisor.join()
        for each in (*self.workers, *self.servers):
            each.send(signal.SIGTERM)
        for each in self.programs:
            if not eventually(lambda each=each: not each.running, END_SECONDS):
                each.send(signal.SIGKILL)
                eventually(lambda each=each: not each.running, END_SECONDS)
            if end := each.buried():
                self.ends.append(end)


def _workman(program: Program) -> Workman:
    return Workman(program.name, program.log, lambda: program.pid if program.running else None, program.send)


def _may_be_struck(hand: Hand | None) -> bool:
    return hand is not None and (hand.attempt < SPARED_ATTEMPTS or hand.request_id.startswith("poison"))


def _is_not_spared(hand: Hand | None) -> bool:
    return hand is None or _may_be_struck(hand)


def _stop(workman: Workman, fits: Callable[[Hand | None], bool]) -> bool:
    """Let it stand still, and go on where what it then has in its hands does not fit."""
    if (pid := workman.pid) is None:
        return False
    workman.send(signal.SIGSTOP)
    eventually(lambda: _stands_still(pid), 1.0, 0.001)
    if fits(workman.hand()):
        return True
    workman.send(signal.SIGCONT)
    return False


def _stands_still(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "TZX"
    except (FileNotFoundError, ProcessLookupError):
        return True


def _send(pid: int, number: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)
