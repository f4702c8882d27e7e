"""A fleet, its clients and a script, together for so many seconds; what came of it is judged in verdict.py.

clients ──► wire ──► 2 servers ──► queue ──► 3 workers
           cut        kill, stop, roll, restart      audit: what does the queue itself say?
"""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Thread
from typing import Any

from confluent_kafka import KafkaException

from emotalk.errors import EmoTalkError
from tests.chaos.asked import Asked
from tests.chaos.audit import Audit
from tests.chaos.conversations import Crowd
from tests.chaos.director import Director
from tests.chaos.fleet import Fleet, Strike
from tests.chaos.grounds import Ground, ground
from tests.chaos.poisoned import Tempo
from tests.chaos.programs import End, eventually
from tests.chaos.script import EVERY_POISON, script
from tests.chaos.strays import adopt_orphans, descendants, strays
from tests.chaos.wire import Wire
from tests.chaos.witness import Call

AUDIT_EVERY = 0.7
UNDONE_SECONDS, MEMBER_SECONDS, STRAY_SECONDS = 30.0, 20.0, 30.0
POOLS = (48, 72)
"""Threads, and files: a client of three brokers has a connection to each, once it has spoken to it."""
Grounds = Callable[[str, Path], AbstractContextManager[Ground]]


@dataclass(frozen=True)
class Plan:
    """`seconds` of kills, then up to `settle` seconds for the open answers."""

    queue: str
    seed: int
    seconds: float
    clients: int = 10
    settle: float = 900.0
    tempo: Tempo = field(default_factory=Tempo)
    poisons: Sequence[int] = EVERY_POISON


@dataclass
class Seen:
    """Everything there is to judge."""

    plan: Plan
    asked: list[Asked]
    calls: list[Call]
    strikes: list[Strike]
    ends: list[End]
    starts: list[dict[str, Any]]
    deaths: list[dict[str, Any]]
    ahead: list[str]
    buried: set[str]
    left: list[str]
    seconds: float
    settled: float
    disk: str = ""
    begun: list[dict[str, Any]] = field(default_factory=list)
    stopped: set[int] = field(default_factory=set)
    played: Counter[str] = field(default_factory=Counter)

    def told(self) -> str:
        """What was played, and how often."""
        return ", ".join(f"{what} {count}" for what, count in sorted(self.played.items()))


def run(plan: Plan, folder: Path, grounds: Grounds = ground, direct: type[Director] = Director) -> Seen:
    """Play it in `folder`, where the logs stay."""
    places = [folder / name for name in ("queue", "logs", "home")]
    for each in places:
        each.mkdir(parents=True, exist_ok=True)
    with grounds(plan.queue, places[0]) as where:
        return _play(plan, where, direct, *places)


def _play(plan: Plan, where: Ground, direct: type[Director], queue: Path, logs: Path, home: Path) -> Seen:
    adopt_orphans()
    before = descendants()
    own = {"TMPDIR": str(home), "HOME": str(home), "XDG_STATE_HOME": str(home)}
    addresses = where.addresses()
    fleet = Fleet(where.url, addresses, logs, plan.tempo, {**where.environment, **own}, where.places)
    with ExitStack() as stack:
        audit = where.audit()
        stack.callback(audit.close)
        stack.enter_context(fleet.running())
        wire = stack.enter_context(Wire(addresses, where.inside).running())
        crowd = Crowd(wire.port, plan.seed, plan.clients)
        director = direct(fleet, where, wire, crowd, plan.tempo)
        fresh = {each.name: _weight(each.pid) for each in fleet.programs}
        ahead = stack.enter_context(_audited(audit))
        seconds, settled = _fire(plan, director, crowd)
        left = [*director.late, *_lasting(audit.left, UNDONE_SECONDS), *_fat(fleet, fresh)]
        fleet.end()
        buried = audit.buried()
        left += [f"still signed in: {each}" for each in _lasting(audit.members, plan.tempo.session + MEMBER_SECONDS)]
    left += [*_lasting(lambda: strays(before), STRAY_SECONDS), *_files(queue, home)]
    return Seen(
        plan=plan,
        asked=crowd.asked,
        calls=crowd.witness.calls,
        strikes=director.strikes,
        ends=fleet.ends,
        starts=_lines(fleet, "start"),
        begun=_lines(fleet, "begin"),
        deaths=_lines(fleet, "worker died"),
        ahead=sorted(set(ahead)),
        buried=buried,
        left=left,
        seconds=seconds,
        settled=settled,
        disk=where.disk,
        stopped=director.stopped,
        played=director.played,
    )


def _fire(plan: Plan, director: Director, crowd: Crowd) -> tuple[float, float]:
    """Seconds of fire, and until the last answer was there."""
    since = time.monotonic()
    seconds = 0.0
    crowd.start()
    try:
        seconds = director.play(script(plan.seed, plan.seconds, plan.queue, plan.poisons), plan.seconds)
    finally:
        crowd.stop(plan.settle if seconds else 0.0)
    return seconds, time.monotonic() - since - seconds


def _lines(fleet: Fleet, event: str) -> list[dict[str, Any]]:
    """In order of time, of all programs."""
    lines = ({**line, "program": each.name} for each in fleet.programs for line in each.log.of(event))
    return sorted(lines, key=lambda line: line["time"])


@contextmanager
def _audited(audit: Audit) -> Iterator[list[str]]:
    """Meanwhile ask the queue, again and again, what it has committed ahead of its results."""
    found: list[str] = []
    over = Event()

    def ask() -> None:
        while not over.wait(AUDIT_EVERY):
            _note(audit, found)
        _note(audit, found)

    thread = Thread(target=ask, name="audit")
    thread.start()
    try:
        yield found
    finally:
        over.set()
        thread.join()


def _note(audit: Audit, found: list[str]) -> None:
    try:
        found += audit.ahead()
    except (KafkaException, EmoTalkError):  # the broker is away
        return


def _lasting(ask: Callable[[], list[str]], seconds: float) -> list[str]:
    """What is still there after so long."""
    found: list[str] = []

    def gone() -> bool:
        try:
            found[:] = ask()
        except (KafkaException, EmoTalkError) as error:
            found[:] = [str(error)]
        return not found

    eventually(gone, seconds, 0.3)
    return found


def _weight(pid: int) -> tuple[int, int]:
    """Threads, and files and connections that are open."""
    threads, files = (len(list(Path(f"/proc/{pid}/{what}").iterdir())) for what in ("task", "fd"))
    return threads, files


def _fat(fleet: Fleet, fresh: dict[str, tuple[int, int]]) -> Iterator[str]:
    """What idle programs have more of than when they were new, beyond their pools, which fill as they are used."""
    for program in fleet.programs:
        if program.running:
            grown = [now - then for now, then in zip(_weight(program.pid), fresh[program.name], strict=True)]
            if any(more > pool for more, pool in zip(grown, POOLS, strict=True)):
                yield f"{program.name}: {grown[0]} threads and {grown[1]} files"


def _files(queue: Path, home: Path) -> Iterator[str]:
    found = (path for folder in (queue, home) for path in folder.rglob("*") if path.is_file())
    yield from (f"file {path.relative_to(queue.parent)}" for path in found if path.name != "queue.db")
