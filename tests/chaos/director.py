"""Plays a script on a fleet. What takes long happens beside the rest: a broker that comes back, a deploy, a pause."""

import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from threading import Lock

from tests.chaos.conversations import Crowd
from tests.chaos.fleet import Fleet, Strike
from tests.chaos.grounds import Ground
from tests.chaos.poisoned import Tempo
from tests.chaos.programs import Program, Workman
from tests.chaos.script import Act
from tests.chaos.wire import Wire
from tests.kafka.broker import BrokerError

CUT_SHARE = 0.3
FULL_SECONDS = 3.0
BEYOND_SESSION = 1.5
STAGEHANDS = 32
KILL_EVERY_SECONDS = 3.0
"""On average, at least."""


class Director:
    """`strikes`: the kills so far; `stopped`: pids that stood still; `late`: who did not come back from a deploy."""

    def __init__(self, fleet: Fleet, ground: Ground, wire: Wire, crowd: Crowd, tempo: Tempo) -> None:
        self._fleet, self._ground, self._wire, self._crowd, self._tempo = fleet, ground, wire, crowd, tempo
        self.strikes: list[Strike] = []
        self.late: list[str] = []
        self.stopped: set[int] = set()
        self.played: Counter[str] = Counter()
        self._still: set[str] = set()
        self._broker_busy, self._since = Lock(), time.monotonic()
        self._hands, self._done = ThreadPoolExecutor(STAGEHANDS, "stagehand"), list[Future[None]]()

    def play(self, acts: Sequence[Act], seconds: float) -> float:
        """All of it, then wait until everything runs again; returns how long the acts took, `seconds` at least."""
        scenes = self._scenes()
        self._since = time.monotonic()
        with self._hands:
            for act in acts:
                time.sleep(max(0.0, act.at - self._now()))
                scenes[act.what](act)
                self.played[act.what] += 1
            time.sleep(max(0.0, seconds - self._now()))
            taken = self._now()
        for each in self._done:
            each.result()
        return taken

    def _scenes(self) -> dict[str, Callable[[Act], None]]:
        return {
            "kill busy worker": self._kill_busy_worker,
            "kill worker": self._kill_worker,
            "kill server": self._kill_server,
            "kill broker": self._kill_broker,
            "stop worker": self._stop_worker,
            "stop server": self._stop_server,
            "stop broker": self._stop_broker,
            "roll": lambda _: self._beside(lambda: self.late.extend(self._fleet.roll())),
            "fill disk": lambda _: self._beside(self._fill_disk),
            "cut": lambda act: self._wire.cut(random.Random(act.pick), CUT_SHARE),
            "poison": lambda act: self._crowd.poison(act.person),
        }

    def _now(self) -> float:
        return time.monotonic() - self._since

    def _beside(self, work: Callable[[], None]) -> None:
        self._done.append(self._hands.submit(work))

    def _struck(self, kind: str, name: str, job: str = "") -> None:
        self.strikes.append(Strike(kind, name, self._now(), job))

    def _kill_busy_worker(self, act: Act) -> None:
        """Where nobody has a job within two seconds, whoever is there, if kills have become rare: it proves little."""
        if found := self._fleet.seize(self._moving(act.pick)):
            workman, hand = found
            workman.send(signal.SIGKILL)
            self._struck("worker", workman.name, hand.request_id)
        elif len(self.strikes) * KILL_EVERY_SECONDS < self._now() + KILL_EVERY_SECONDS:
            self._kill_worker(act)

    def _kill_worker(self, act: Act) -> None:
        """Whoever is there, but for one whose innocent job would then be buried, and rightly."""
        if workman := self._fleet.seize_any(self._moving(act.pick)):
            hand = workman.hand()
            workman.send(signal.SIGKILL)
            self._struck("worker", workman.name, hand.request_id if hand else "")

    def _kill_server(self, act: Act) -> None:
        if (server := self._server(act.pick)) and self._fleet.may_be_struck(server.name):
            server.send(signal.SIGKILL)
            self._struck("server", server.name)

    def _kill_broker(self, act: Act) -> None:
        """One that is just coming back is left alone; a worker takes its place."""
        broker = self._ground.broker
        if broker is None or not self._broker_busy.acquire(blocking=False):
            return self._kill_busy_worker(act)
        broker.kill()
        self._struck("broker", "broker")
        self._beside(lambda: self._start_broker(broker.start))

    def _start_broker(self, start: Callable[[], object]) -> None:
        try:
            start()
        finally:
            self._broker_busy.release()

    def _stop_worker(self, act: Act) -> None:
        if found := self._fleet.seize(self._moving(act.pick)):
            workman, _ = found
            self._go_on_later(workman.name, workman.pid)

    def _stop_server(self, act: Act) -> None:
        if server := self._server(act.pick):
            server.send(signal.SIGSTOP)
            self._go_on_later(server.name, server.pid)

    def _go_on_later(self, name: str, pid: int | None) -> None:
        """By its pid: its name may be another process's by then."""
        if pid is None:
            return
        self._still.add(name)
        self.stopped.add(pid)

        def go_on() -> None:
            time.sleep(self._tempo.session + BEYOND_SESSION)
            self._still.discard(name)
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)

        self._beside(go_on)

    def _stop_broker(self, _: Act) -> None:
        broker = self._ground.broker
        if broker is None or not self._broker_busy.acquire(blocking=False):
            return
        pid = broker.pid
        broker.pause()

        def go_on() -> None:
            time.sleep(self._tempo.session + BEYOND_SESSION)
            with suppress(ProcessLookupError, BrokerError):
                os.kill(pid, signal.SIGCONT)
            self._broker_busy.release()

        self._beside(go_on)

    def _fill_disk(self) -> None:
        self._ground.fill()
        try:
            time.sleep(FULL_SECONDS)
        finally:
            self._ground.empty()

    def _server(self, pick: float) -> Program | None:
        """One that moves; one that is up, if there is any."""
        servers = [each for each in self._fleet.servers if each.running and each.name not in self._still]
        chosen = [each for each in servers if each.up] or servers
        return chosen[int(pick * len(chosen))] if chosen else None

    def _moving(self, pick: float) -> list[Workman]:
        """Those that nobody has stopped, in an order that `pick` decides."""
        workmen = [each for each in self._fleet.workmen() if each.name not in self._still]
        random.Random(pick).shuffle(workmen)
        return workmen
