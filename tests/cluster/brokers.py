"""Three brokers that are one cluster: each is broker and controller, every record has three replicas, two must have it.

Started at once, since none answers before two are there.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from confluent_kafka import ElectionType, KafkaException
from confluent_kafka.admin import AdminClient

from tests.chaos.programs import eventually
from tests.cluster.network import Network, Node
from tests.cluster.proxy import Link
from tests.kafka.broker import Broker, Place, free_ports, new_cluster_id

NUMBERS = (1, 2, 3)
DISK_BYTES = 2**29
CLIENT_PORT, BROKER_PORT, CONTROLLER_PORT, BEHIND_PORT = 9092, 9093, 9094, 9095
SLOWED = 3
"""The broker that clients reach through a proxy, which may be slow."""
ASK_SECONDS, SYNC_SECONDS = 3.0, 40.0
SMALL = ("-Xmx256m",)

SHARED: Mapping[str, str] = {
    "listener.security.protocol.map": "CLIENT:PLAINTEXT,PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
    "inter.broker.listener.name": "PLAINTEXT",
    "default.replication.factor": "3",
    "min.insync.replicas": "2",
    "offsets.topic.replication.factor": "3",
    "transaction.state.log.replication.factor": "3",
    "transaction.state.log.min.isr": "2",
    # What production waits for half a minute, and a campaign cannot.
    "broker.session.timeout.ms": "3000",
    "replica.lag.time.max.ms": "4000",
    "replica.socket.timeout.ms": "4000",
    "controller.quorum.request.timeout.ms": "1500",
    "request.timeout.ms": "4000",
}


def broker_name(number: int) -> str:
    """As its node is called."""
    return f"broker-{number}"


@dataclass(frozen=True)
class Doors:
    """Where one broker is reached: by clients, by brokers, by controllers, and behind its proxy."""

    host: str
    client: int = CLIENT_PORT
    broker: int = BROKER_PORT
    controller: int = CONTROLLER_PORT
    behind: int = BEHIND_PORT


def _doors_on(network: Network | None) -> dict[int, Doors]:
    if network:
        return {number: Doors(network.nodes[broker_name(number)].address) for number in NUMBERS}
    ports = iter(free_ports(4 * len(NUMBERS)))
    return {number: Doors("127.0.0.1", *islice(ports, 4)) for number in NUMBERS}


class Brokers:
    """The cluster, on a network of its own, or on loopback where there is none."""

    def __init__(self, network: Network | None, disks: Mapping[str, Path], watcher: str) -> None:
        """`watcher`: the node from which questions are asked."""
        self._network, self._watcher = network, network.nodes[watcher] if network else None
        self._doors = _doors_on(network)
        cluster = new_cluster_id()
        self.each = {
            number: Broker(
                self._properties(number, disks[broker_name(number)]),
                place=self._place(number),
                cluster=cluster,
                jvm=SMALL,
            )
            for number in NUMBERS
        }
        self.bootstrap = ",".join(f"{door.host}:{door.client}" for door in self._doors.values())

    def _node(self, number: int) -> Node | None:
        return self._network.nodes[broker_name(number)] if self._network else None

    def _place(self, number: int) -> Place:
        node = self._node(number)
        return node.place if node else Place()

    def _properties(self, number: int, disk: Path) -> dict[str, str]:
        door = self._doors[number]
        bound = door.behind if number == SLOWED else door.client
        listeners = {"CLIENT": bound, "PLAINTEXT": door.broker, "CONTROLLER": door.controller}
        told = {"CLIENT": door.client, "PLAINTEXT": door.broker}
        return {
            **SHARED,
            "node.id": str(number),
            "log.dirs": str(disk),
            "listeners": ",".join(f"{name}://{door.host}:{port}" for name, port in listeners.items()),
            "advertised.listeners": ",".join(f"{name}://{door.host}:{port}" for name, port in told.items()),
            "controller.quorum.voters": ",".join(
                f"{each}@{other.host}:{other.controller}" for each, other in self._doors.items()
            ),
        }

    def inside(self) -> AbstractContextManager[None]:
        """Where questions to the cluster can be asked from."""
        return self._watcher.inside() if self._watcher else nullcontext()

    @contextmanager
    def running(self) -> Iterator["Brokers"]:
        """All three, and the proxy of one; gone at the end."""
        with ExitStack() as stack:
            for broker in self.each.values():
                stack.callback(broker.stop)
            door = self._doors[SLOWED]
            with self.inside_of(SLOWED):
                self.link = Link((door.host, door.client), (door.host, door.behind))
            stack.callback(self.link.close)
            self.start(*NUMBERS)
            with self.inside():
                self._admin = AdminClient({"bootstrap.servers": self.bootstrap, "log_level": 0})
            yield self

    def inside_of(self, number: int) -> AbstractContextManager[None]:
        """On the machine of one broker."""
        node = self._node(number)
        return node.inside() if node else nullcontext()

    def start(self, *numbers: int) -> None:
        """At once; returns when they answer."""
        with ThreadPoolExecutor(len(NUMBERS)) as hands:
            list(hands.map(self._start, numbers))

    def _start(self, number: int) -> None:
        with self.inside():
            self.each[number].start()

    def kill(self, *numbers: int) -> None:
        """SIGKILL to all of them, as near to at once as it goes."""
        for number in numbers:
            self.each[number].kill()

    def leaders(self) -> dict[int, int]:
        """Broker → partitions of all topics that it leads; empty where nobody answers."""
        led = dict.fromkeys(NUMBERS, 0)
        for topic in self._topics():
            for partition in topic.partitions.values():
                led[partition.leader] = led.get(partition.leader, 0) + 1
        return led

    def in_sync(self) -> bool:
        """Is every replica of every partition in sync?"""
        partitions = [partition for topic in self._topics() for partition in topic.partitions.values()]
        return bool(partitions) and all(len(each.isrs) == len(each.replicas) for each in partitions)

    def wait_until_in_sync(self) -> bool:
        """False where it takes too long."""
        return eventually(self.in_sync, SYNC_SECONDS, 0.2)

    def _topics(self) -> Sequence:  # type: ignore[type-arg]
        with suppress(KafkaException):
            return list(self._admin.list_topics(timeout=ASK_SECONDS).topics.values())
        return []

    def controller(self) -> int:
        """The quorum's leader, as the newest epoch that any broker has written down says; 1 where none says."""
        states = [self._quorum_state(number) for number in NUMBERS]
        known = [(state["leaderEpoch"], state["leaderId"]) for state in states if state.get("leaderId", -1) > 0]
        return max(known, default=(0, NUMBERS[0]))[1]

    def _quorum_state(self, number: int) -> dict[str, int]:
        broker = self.each[number]
        with suppress(OSError, ValueError):
            text = broker.place.seen(broker.data / "__cluster_metadata-0" / "quorum-state").read_text()
            return {name: int(found) for name, found in re.findall(r'"(leaderId|leaderEpoch)":(-?\d+)', text)}
        return {}

    def move_leaders(self) -> None:
        """Each partition back to the broker that is the first of its replicas."""
        with suppress(KafkaException, TimeoutError):
            self._admin.elect_leaders(ElectionType.PREFERRED, None).result(ASK_SECONDS)


@contextmanager
def on_a_network(names: Sequence[str], disks: Mapping[str, Path]) -> Iterator[Network]:
    """A network of brokers, each with a small disk of its own, and of the `names` besides."""
    small = {name: (disk, DISK_BYTES) for name, disk in disks.items()}
    network = Network([*disks, *names], small)
    try:
        yield network
    finally:
        network.close()


def disks_in(folder: Path) -> dict[str, Path]:
    """A folder for each broker."""
    disks = {broker_name(number): folder / broker_name(number) for number in NUMBERS}
    for disk in disks.values():
        disk.mkdir()
    return disks
