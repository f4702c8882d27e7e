"""Where a campaign against a cluster takes place: three brokers, and a machine for each program, or all on this one."""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import TypeVar

from emotalk.address import Address
from emotalk.queues.kafka import KafkaQueue
from tests.chaos.audit import Audit, KafkaAudit
from tests.chaos.grounds import PARTITIONS, Loopback
from tests.cluster.brokers import Brokers, disks_in, on_a_network
from tests.cluster.network import Network, Node, allowed
from tests.kafka.broker import Broker, Place

SERVERS, WORKERS, WATCHER = ("server-1", "server-2"), ("worker-1", "worker-2"), "watcher"
SERVER_PORT = 50051
NO_NETWORK = "namespaces are not allowed here: nobody is cut off, no disk fills"

T = TypeVar("T")


class ClusterGround(Loopback):
    """`network` is None where there may be none; then there are no cuts, and no disk to fill."""

    broker: Broker | None = None

    def __init__(self, brokers: Brokers, network: Network | None) -> None:
        self.brokers, self.network = brokers, network
        self.url, self.environment = f"kafka://{brokers.bootstrap}", dict[str, str]()
        self.disk = "a tmpfs of each broker's" if network else NO_NETWORK
        self._nodes = network.nodes if network else dict[str, Node]()
        self.places: dict[str, Place] = {name: node.place for name, node in self._nodes.items()}
        with brokers.inside():
            queue = KafkaQueue(brokers.bootstrap, partitions=PARTITIONS)
            queue.prepare()
            queue.close()

    def addresses(self) -> Sequence[Address]:
        """See Ground.addresses."""
        if not self.network:
            return super().addresses()
        return [Address(self._nodes[name].address, SERVER_PORT) for name in SERVERS]

    def inside(self) -> AbstractContextManager[None]:
        """See Ground.inside."""
        return self.brokers.inside()

    def audit(self) -> Audit:
        """See Ground.audit."""
        return RemoteAudit(self._nodes.get(WATCHER), lambda: KafkaAudit(self.brokers.bootstrap))

    def fill(self) -> None:
        """Whose disk is full is the director's choice."""

    def empty(self) -> None:
        """Likewise."""


class RemoteAudit:
    """An audit whose questions are all asked from a machine."""

    def __init__(self, node: Node | None, make: Callable[[], Audit]) -> None:
        self._there = ThreadPoolExecutor(1, "audit", initializer=node.enter if node else None)
        self._audit = self._ask(make)

    def _ask(self, question: Callable[[], T]) -> T:
        return self._there.submit(question).result()

    def ahead(self) -> list[str]:
        """See Audit.ahead."""
        return self._ask(self._audit.ahead)

    def buried(self) -> set[str]:
        """See Audit.buried."""
        return self._ask(self._audit.buried)

    def left(self) -> list[str]:
        """See Audit.left."""
        return self._ask(self._audit.left)

    def members(self) -> list[str]:
        """See Audit.members."""
        return self._ask(self._audit.members)

    def close(self) -> None:
        """See Audit.close."""
        self._ask(self._audit.close)
        self._there.shutdown()


@contextmanager
def cluster(queue: str, folder: Path) -> Iterator[ClusterGround]:
    """A ground for a campaign; gone afterwards."""
    del queue, folder  # a broker's disk is no file of a program's
    with ExitStack() as stack:
        place = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="emotalk-cluster-")))
        network, disks = None, disks_in(place)
        if allowed():
            network = stack.enter_context(on_a_network([*SERVERS, *WORKERS, WATCHER], disks))
        yield ClusterGround(stack.enter_context(Brokers(network, disks, WATCHER).running()), network)
