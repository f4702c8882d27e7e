"""What can happen to a cluster, beside what happens to programs: see tests/chaos/director.py.

One broker is away at a time, but for the scene in which two are; some are killed while another still catches up.
"""

import random
import time
from collections.abc import Callable
from contextlib import suppress

from tests.chaos.director import BEYOND_SESSION, Director
from tests.chaos.programs import eventually
from tests.chaos.script import Act
from tests.cluster.brokers import NUMBERS, broker_name
from tests.cluster.ground import SERVERS, WORKERS, ClusterGround
from tests.cluster.refusals import Refusals

CUT_SECONDS = 6.0
"""Longer than a broker's session, and than a replica may lag."""
SLOW_SECONDS, SLOW_DELAY, SLOW_BYTES = 6.0, 0.15, 200_000.0
TWO_SECONDS = 12.0
FULL_SECONDS = 15.0
STILL_CATCHING_UP = 0.6
"""So many of those that are killed need not have caught up before the next one is."""
_MEBIBYTE = 2**20


class ClusterDirector(Director):
    """Brokers are killed by what they are at that moment: leader, follower, controller."""

    _ground: ClusterGround

    def _scenes(self) -> dict[str, Callable[[Act], None]]:
        self._brokers, self._network = self._ground.brokers, self._ground.network
        cut = self._cut if self._network else self._cannot
        full = self._fill if self._network else self._cannot
        return super()._scenes() | {
            "kill leader": lambda act: self._kill(act, lambda: self._leading(max)),
            "kill follower": lambda act: self._kill(act, lambda: self._leading(min)),
            "kill controller": lambda act: self._kill(act, self._brokers.controller),
            "kill two brokers": lambda act: self._alone(lambda: self._kill_two(_order(act)[:2])),
            "stop broker": lambda act: self._alone(lambda: self._hold_still(_order(act)[0])),
            "fill disk": lambda act: self._alone(lambda: full(act)),
            "cut broker": lambda act: self._alone(lambda: cut(act, broker_name(_order(act)[0]), CUT_SECONDS)),
            "cut worker": lambda act: self._cut_program(act, WORKERS),
            "cut server": lambda act: self._cut_program(act, SERVERS),
            "slow link": lambda act: self._beside(self._slow),
            "roll brokers": lambda act: self._alone(self._roll_brokers),
            "move leaders": lambda act: self._beside(self._brokers.move_leaders),
        }

    def _cannot(self, act: Act, *_: object) -> None:
        self.played[f"{act.what}: not allowed here"] += 1

    def _alone(self, work: Callable[[], None]) -> None:
        """Beside the rest, in turn with whatever else takes a broker away."""

        def in_turn() -> None:
            with self._broker_busy:
                work()

        self._beside(in_turn)

    def _leading(self, choose: Callable[..., int]) -> int:
        led = self._brokers.leaders()
        return choose(NUMBERS, key=lambda number: led.get(number, 0))

    def _kill(self, act: Act, choose: Callable[[], int]) -> None:
        """Where another broker is away, a worker takes its place."""
        if not self._broker_busy.acquire(blocking=False):
            return self._kill_busy_worker(act)
        number = choose()
        self._brokers.kill(number)
        self._struck("broker", broker_name(number))
        self._beside(lambda: self._start_broker(lambda: self._back(act.pick > STILL_CATCHING_UP, number)))

    def _back(self, in_sync: bool, *numbers: int) -> None:
        self._brokers.start(*numbers)
        if in_sync and not self._brokers.wait_until_in_sync():
            self.late.extend(f"{broker_name(number)} did not catch up" for number in numbers)

    def _kill_two(self, numbers: list[int]) -> None:
        """Meanwhile everything is refused; afterwards it goes on by itself."""
        self._brokers.kill(*numbers)
        for number in numbers:
            self._struck("broker", broker_name(number))
        with Refusals(self._wire.port) as refusals:
            time.sleep(TWO_SECONDS)
        self.late.extend(refusals.faults)
        self._back(True, *numbers)

    def _hold_still(self, number: int) -> None:
        broker = self._brokers.each[number]
        broker.pause()
        time.sleep(CUT_SECONDS)
        broker.resume()
        self._brokers.wait_until_in_sync()

    def _cut_program(self, act: Act, names: tuple[str, ...]) -> None:
        cut = self._cut if self._network else self._cannot
        name = names[int(act.pick * len(names))]
        if self._fleet.may_be_struck(name):  # whoever is cut off for longer than a session loses its job
            self._beside(lambda: cut(act, name, self._tempo.session + BEYOND_SESSION))

    def _cut(self, act: Act, name: str, seconds: float) -> None:
        """Both ways, or one."""
        assert self._network is not None
        ways = {"cut": self._network.cut, "mute": self._network.mute, "deafen": self._network.deafen}
        how = random.Random(act.pick).choice(list(ways))
        self.played[f"{act.what} ({how})"] += 1
        ways[how](name)
        try:
            time.sleep(seconds)
        finally:
            self._network.heal(name)

    def _slow(self) -> None:
        self._brokers.link.slow(SLOW_DELAY, SLOW_BYTES)
        time.sleep(SLOW_SECONDS)
        self._brokers.link.heal()

    def _fill(self, act: Act, *_: object) -> None:
        """Kafka ends itself when it cannot write; with room again it is started."""
        number = _order(act)[0]
        broker = self._brokers.each[number]
        ballast = broker.place.seen(broker.data / "ballast")
        with ballast.open("wb") as file, suppress(OSError):
            while True:
                file.write(bytes(_MEBIBYTE))
                file.flush()
        if not eventually(lambda: not broker.running, FULL_SECONDS):
            self.played["fill disk: it did not end"] += 1
        broker.kill()
        ballast.unlink()
        self._back(True, number)

    def _roll_brokers(self) -> None:
        for number in NUMBERS:
            self._brokers.each[number].shut_down()
            self._back(True, number)


def _order(act: Act) -> list[int]:
    """The brokers, in an order that the act decides."""
    return random.Random(act.pick).sample(NUMBERS, len(NUMBERS))
