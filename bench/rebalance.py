"""What it costs when a worker comes, goes, restarts or is killed, by group protocol.

    python bench/rebalance.py [--protocols cooperative,eager,kip848] [--partitions 12]

Three members in processes of their own own the partitions of one topic; then one event, with librdkafka set up as the
workers are, on a broker with Kafka's defaults. For each event: seconds until every partition has an owner again (and
the newcomer has its share), partition-seconds without an owner, and partitions taken from members that had nothing to
do with it: each of those would have lost the job in its hands. `x` divides the seconds by those of the first protocol.
"""

import sys
from pathlib import Path

if not __package__:
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

import argparse
import json
import signal
import subprocess
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Event, Thread

from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from bench.figures import machine, table
from tests.kafka.broker import Broker

MEMBERS = 3
PATIENCE = 90.0
LOOK_SECONDS = 0.01
CALM_SECONDS = 6.0
"""Longer than a heartbeat of the slowest protocol: what has not moved by then stays."""

CLASSIC = {"session.timeout.ms": 10_000, "heartbeat.interval.ms": 1_000}
PROTOCOLS: dict[str, dict[str, object]] = {
    "cooperative": {**CLASSIC, "partition.assignment.strategy": "cooperative-sticky"},
    "eager": {**CLASSIC, "partition.assignment.strategy": "range"},
    "kip848": {"group.protocol": "consumer"},
}
HEAD = ("protocol", "event", "seconds", "x", "idle partition-s", "taken from others")


@dataclass
class Member:
    """A process and what it owns; `taken` counts partitions that it had to give up."""

    process: "subprocess.Popen[str]"
    owned: set[int] = field(default_factory=set)
    taken: int = 0

    def follow(self) -> None:
        """Read what it says until it ends."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            came, partitions = json.loads(line)
            self.taken += 0 if came else len(partitions)
            self.owned = self.owned | set(partitions) if came else self.owned - set(partitions)


class Group:
    """The members of one group, and the events that befall them."""

    def __init__(self, bootstrap: str, protocol: str, partitions: int) -> None:
        self._bootstrap, self._protocol, self._partitions = bootstrap, protocol, partitions
        self._name = f"{protocol}-{uuid.uuid4().hex[:8]}"
        admin = AdminClient({"bootstrap.servers": bootstrap})  # held until it has answered
        [made] = admin.create_topics([NewTopic(self._name, partitions, 1)]).values()
        made.result(timeout=10)
        self.members = {f"{number}": self.start(f"{number}") for number in range(MEMBERS)}

    def start(self, name: str) -> Member:
        """A member; those with a name that is a number are static."""
        words = (self._bootstrap, self._name, self._protocol, name)
        command = (sys.executable, "-m", "bench.rebalance", "--member", *words)
        member = Member(subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True, cwd=ROOT))
        Thread(target=member.follow, daemon=True).start()
        return member

    def whole(self) -> bool:
        """Has every partition an owner, and everyone a fair share?"""
        shares = [len(member.owned) for member in self.members.values()]
        return sum(shares) == self._partitions and max(shares) - min(shares) <= 1

    def idle(self) -> int:
        """Partitions without an owner."""
        return self._partitions - len(set().union(*(member.owned for member in self.members.values())))

    def settle(self) -> tuple[float, float]:
        """Seconds until it is whole, and the partition-seconds that were idle meanwhile."""
        since = last = time.monotonic()
        idle = 0.0
        while not self.whole():
            if last - since > PATIENCE:
                raise RuntimeError(f"{self._protocol}: the group never settled")
            time.sleep(LOOK_SECONDS)
            now = time.monotonic()
            idle, last = idle + self.idle() * (now - last), now
        return last - since, idle

    def join(self) -> None:
        """Another one comes, without a name."""
        self.members["guest"] = self.start("guest")

    def leave(self) -> None:
        """It goes again, in order."""
        _end(self.members.pop("guest"), signal.SIGTERM)

    def restart(self) -> None:
        """A named one ends in order and starts again, as in a deploy."""
        _end(self.members.pop("0"), signal.SIGTERM)
        self.members["0"] = self.start("0")

    def kill(self) -> None:
        """A named one is killed and does not come back."""
        _end(self.members.pop("1"), signal.SIGKILL)

    def close(self) -> None:
        """End everyone."""
        for member in self.members.values():
            _end(member, signal.SIGKILL)


EVENTS = (Group.join, Group.leave, Group.restart, Group.kill)
ROOT = Path(__file__).resolve().parent.parent


def main() -> int:
    """Measure and print one table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--protocols", default="cooperative,eager,kip848", help="which, by commas")
    parser.add_argument("--partitions", type=int, default=12)
    parser.add_argument("--member", nargs=4, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.member:
        be_a_member(*chosen.member)
        return 0
    print(machine())
    first: dict[str, float] = {}
    rows = [HEAD]
    with Broker({"group.initial.rebalance.delay.ms": "0"}) as broker:
        for protocol in chosen.protocols.split(","):
            for event, seconds, idle, taken in measure(broker.bootstrap, protocol, chosen.partitions):
                ratio = seconds / first.setdefault(event, seconds)
                rows.append((protocol, event, f"{seconds:.2f}", f"{ratio:.2f}", f"{idle:.1f}", str(taken)))
                print("  ".join(rows[-1]), file=sys.stderr, flush=True)  # the table comes at the end
    print(f"{MEMBERS} members, {chosen.partitions} partitions\n")
    print(table(rows))
    return 0


def measure(bootstrap: str, protocol: str, partitions: int) -> Iterator[tuple[str, float, float, int]]:
    """Event, seconds, idle partition-seconds, partitions taken from members that were not concerned."""
    with _closing(Group(bootstrap, protocol, partitions)) as group:
        group.settle()
        for event in EVENTS:
            time.sleep(CALM_SECONDS)
            before = {name: (member, member.taken) for name, member in group.members.items()}
            event(group)
            seconds, idle = group.settle()
            time.sleep(CALM_SECONDS)
            taken = sum(member.taken - was for member, was in before.values() if member.process.poll() is None)
            yield event.__name__, seconds, idle, taken


def be_a_member(bootstrap: str, topic: str, protocol: str, name: str) -> None:
    """Poll, and say what comes and goes, until SIGTERM."""
    stop = Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    static = {"group.instance.id": name} if name.isdigit() else {}
    own = {"bootstrap.servers": bootstrap, "group.id": topic, "enable.auto.commit": False}
    kafka = Consumer({**own, **static, **PROTOCOLS[protocol]})

    def say(came: bool, places: Sequence[TopicPartition]) -> None:
        print(json.dumps([came, [place.partition for place in places]]), flush=True)

    kafka.subscribe(
        [topic],
        on_assign=lambda _, places: say(True, places),
        on_revoke=lambda _, places: say(False, places),
        on_lost=lambda _, places: say(False, places),
    )
    while not stop.is_set():
        kafka.poll(0.1)
    kafka.close()


def _end(member: Member, word: signal.Signals) -> None:
    member.process.send_signal(word)
    member.process.wait()
    member.owned = set()


@contextmanager
def _closing(group: Group) -> Iterator[Group]:
    try:
        yield group
    finally:
        group.close()


if __name__ == "__main__":
    sys.exit(main())
