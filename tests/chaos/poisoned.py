"""The product's own programs with an engine that takes its time, and that a job can kill, hang or fail.

    python -m tests.chaos.poisoned serve|work --engine tone …

Everything else is the product's, but for what a campaign cannot wait for (`Tempo`), and for a disk that is full for as
long as the file that CHAOS_FULL names is there.
"""

import ctypes
import json
import logging
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from sqlite3 import Connection as Database
from threading import Thread
from typing import Any, NoReturn

from emotalk.engines import tone
from emotalk.errors import EmoTalkError, EngineError
from emotalk.face import Frames, Pcm, Style
from emotalk.jobs import Job, retry
from emotalk.queues.base import Claim
from emotalk.queues.kafka.claims import member
from emotalk.queues.sqlite import SqliteQueue
from emotalk.queues.sqlite.connection import Connection
from emotalk.supervision import keeper, program
from emotalk.timebase import SAMPLE_RATE
from emotalk.worker import attempt, loop

_log = logging.getLogger("emotalk.chaos")

TEMPO, FULL = "CHAOS_TEMPO", "CHAOS_FULL"
FATAL_WINDOW = 2
ALL_PAGES = 2**32 - 2


@dataclass(frozen=True)
class Tempo:
    """Seconds until a silent worker is taken for dead (`session`) and an engine for hung (`hang`: longer than it is
    ever stopped), of the first pause after a failure (`retry`), and that a second of sound costs (`pace`).
    """

    session: float = 10.0
    hang: float = 15.0
    retry: float = 1.0
    pace: float = 0.05

    def as_environment(self) -> dict[str, str]:
        """For the programs of a fleet."""
        return {TEMPO: json.dumps(asdict(self)), "EMOTALK_HANG_SECONDS": str(self.hang)}

    @classmethod
    def of_environment(cls) -> "Tempo":
        """What a program of a fleet was told."""
        return cls(**json.loads(os.environ.get(TEMPO, "{}")))


def _segfault() -> NoReturn:
    ctypes.string_at(0)
    raise AssertionError("the process is gone")


def _hang_in_native_code() -> NoReturn:
    ctypes.PyDLL(None).pause()  # a PyDLL's functions keep the interpreter's lock: no thread of ours gets to run
    raise AssertionError("nobody wakes us")


def _out_of_memory() -> NoReturn:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("the process is gone")


def _hang() -> NoReturn:
    while True:
        time.sleep(3600)


def _fail() -> NoReturn:
    raise EngineError("poisoned")


POISONS: dict[int, Callable[[], NoReturn]] = {
    19: _hang_in_native_code,
    20: _segfault,
    21: _out_of_memory,
    22: _hang,
    23: _fail,
}
"""The person that a job asks for → what that does to its worker."""


class PoisonedEngine(tone.ToneEngine):
    """The tone engine's frames. Poison takes effect in a job's second window: its first frames are out by then."""

    def __init__(self, pace: float) -> None:
        self._pace, self._windows = pace, 0

    def animate(self, window: Pcm, style: Style) -> Frames:
        """See ToneEngine.animate."""
        time.sleep(self._pace * len(window) / SAMPLE_RATE)
        if style.person_id in POISONS:
            self._windows += 1
            if self._windows == FATAL_WINDOW:
                self._windows = 0
                POISONS[style.person_id]()
        return super().animate(window, style)


def _adopt(tempo: Tempo) -> None:
    _replace(tone, "ToneEngine", partial(PoisonedEngine, tempo.pace))
    _replace(attempt, "HANG_FACTOR", 0.0)
    _replace(retry, "FIRST_DELAY", tempo.retry)
    _replace(member, "SESSION_MS", round(1000 * tempo.session))
    _replace(keeper, "LONGEST_PAUSE", 2.0)
    _replace(loop, "perform", _perform_and_say_before)
    _replace(program, "PROGRAM", ("-m", __spec__.name))
    os.environ["PYTHONPATH"] = str(Path(__file__).resolve().parents[2])  # a child does not look into its folder
    defaults = SqliteQueue.__init__.__kwdefaults__ or {}
    assert "lease_seconds" in defaults
    defaults["lease_seconds"] = tempo.session


def _replace(where: Any, name: str, value: object) -> None:
    assert hasattr(where, name), f"{where.__name__} has no {name} any more"
    setattr(where, name, value)


def _perform_and_say_before(tools: attempt.Tools, claim: Claim, job: Job, number: int) -> EmoTalkError | None:
    """An attempt counts from the moment in which its mark is written: while a broker is away, seconds before it starts.

    Whoever is struck meanwhile has it in hand.
    """
    _log.info("begin", extra=attempt.story(claim, number))
    return attempt.perform(tools, claim, job, number)


def fill_the_disk_on_demand(flag: Path) -> None:
    """While `flag` exists no write finds a page beyond those that the file has: to SQLite, that is a full disk."""
    write = Connection.write

    @contextmanager
    def bounded(self: Connection) -> Iterator[Database]:
        with write(self) as db:
            db.execute(f"PRAGMA max_page_count = {1 if flag.exists() else ALL_PAGES}").fetchone()
            yield db

    _replace(Connection, "write", bounded)


def _end_with_the_campaign() -> None:
    """Our input ends with whoever started us, however that one ends."""
    os.read(0, 1)
    os._exit(1)


if __name__ == "__main__":
    from emotalk.cli import main

    _adopt(Tempo.of_environment())
    if "--supervised" not in sys.argv:
        Thread(target=_end_with_the_campaign, name="campaign", daemon=True).start()
    if os.environ.get(FULL):
        fill_the_disk_on_demand(Path(os.environ[FULL]))
    sys.exit(main())
