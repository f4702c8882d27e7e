"""Where a campaign takes place: a queue of our own, how to hurt it, and how to ask it."""

import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from pathlib import Path
from types import MappingProxyType
from typing import Protocol

from emotalk.address import Address
from emotalk.queues.kafka import KafkaQueue
from emotalk.queues.sqlite import SqliteQueue
from tests.chaos.audit import Audit, KafkaAudit, SqliteAudit
from tests.chaos.poisoned import FULL
from tests.kafka.broker import Broker, Place, free_ports

PARTITIONS = 6
DISK_BYTES = 2**30


class Ground(Protocol):
    """A queue under `url`; `broker` is its own process, if it has one.

    `places`: where programs run that do not run here, by their names.
    """

    url: str
    broker: Broker | None
    environment: dict[str, str]
    disk: str
    places: Mapping[str, Place]

    def addresses(self) -> Sequence[Address]:
        """Where the two servers may listen."""
        ...

    def inside(self) -> AbstractContextManager[None]:
        """Where they can be reached from."""
        ...

    def audit(self) -> Audit:
        """A new one."""
        ...

    def fill(self) -> None:
        """Let the disk be full."""
        ...

    def empty(self) -> None:
        """Let it have room again; safe to repeat."""
        ...


class Loopback:
    """Everything runs here."""

    places: Mapping[str, Place] = MappingProxyType({})

    def addresses(self) -> Sequence[Address]:
        """See Ground.addresses."""
        return [Address("127.0.0.1", port) for port in free_ports(2)]

    def inside(self) -> AbstractContextManager[None]:
        """See Ground.inside."""
        return nullcontext()


class SqliteGround(Loopback):
    """A file; on a tmpfs that a ballast fills, where mounting is allowed, else with `max_page_count`."""

    broker = None

    def __init__(self, folder: Path, mounted: bool) -> None:
        self._file, self._mounted = folder / "queue.db", mounted
        self._ballast = folder / "full"
        self.url = f"sqlite:///{self._file}"
        self.disk = "tmpfs" if mounted else "max_page_count"
        self.environment = {} if mounted else {FULL: str(self._ballast)}
        SqliteQueue(self._file, partitions=PARTITIONS).prepare()

    def audit(self) -> SqliteAudit:
        """See Ground.audit."""
        return SqliteAudit(self._file)

    def fill(self) -> None:
        """See Ground.fill."""
        with self._ballast.open("wb") as file, suppress(OSError):
            while self._mounted:
                file.write(bytes(2**20))
                file.flush()

    def empty(self) -> None:
        """See Ground.empty."""
        self._ballast.unlink(missing_ok=True)


class KafkaGround(Loopback):
    """A broker of our own."""

    disk = ""

    def __init__(self, broker: Broker) -> None:
        self.broker: Broker | None = broker
        self.url, self.environment = f"kafka://{broker.bootstrap}", dict[str, str]()
        self._bootstrap = broker.bootstrap
        KafkaQueue(self._bootstrap, partitions=PARTITIONS).prepare()

    def audit(self) -> KafkaAudit:
        """See Ground.audit."""
        return KafkaAudit(self._bootstrap)

    def fill(self) -> None:
        """A broker's disk is the broker's."""

    def empty(self) -> None:
        """Nothing was filled."""


@contextmanager
def ground(queue: str, folder: Path) -> Iterator[Ground]:
    """`sqlite` or `kafka`, gone afterwards; `folder` is empty."""
    if queue == "kafka":
        with Broker() as broker:
            yield KafkaGround(broker)
    else:
        with _mounted(folder) as mounted:
            yield SqliteGround(folder, mounted)


@contextmanager
def _mounted(folder: Path) -> Iterator[bool]:
    """A small tmpfs on `folder`; False where this user may not mount."""
    words = ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", str(folder)]
    try:
        mounted = subprocess.run(words, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        mounted = False
    try:
        yield mounted
    finally:
        if mounted:
            subprocess.run(["umount", "-l", str(folder)], check=False)
