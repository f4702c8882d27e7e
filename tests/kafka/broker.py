"""A real Kafka broker without Docker: Apache Kafka's own jars on the JVM that is here, KRaft combined mode, loopback.

with Broker() as broker:
    KafkaQueue(broker.bootstrap)

One broker is one folder and two ports; `kill` and `start` again keep both, so a test can pull the plug and look what is
left. The JVM ends with the process that started it, even where that one is killed (see `_tether`).
"""

import atexit
import contextlib
import fcntl
import itertools
import logging
import os
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

HERE = Path(__file__).resolve().parent
JARS = HERE / "jars"
START_SECONDS = 120.0
POLL_SECONDS = 0.05
NOT_PROPERTIES = ("KAFKA_HEAP_OPTS", "KAFKA_OPTS", "KAFKA_LOG4J", "KAFKA_JVM", "KAFKA_GC", "KAFKA_JMX")

# SerialGC and C1 only: a broker for tests is small, and what counts is how soon it answers on a machine of two cores.
JVM = ("-Xms64m", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto", "-XX:-UsePerfData")
LOGGING = (
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
    "-Dorg.slf4j.simpleLogger.log.kafka.server.KafkaRaftServer=info",
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
    "-Dlog4j2.level=OFF",
    "-Dlog4j2.StatusLogger.level=OFF",
)

DEFAULTS: Mapping[str, str] = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "controller.listener.names": "CONTROLLER",
    "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
    "auto.create.topics.enable": "false",
    "offsets.topic.replication.factor": "1",
    "offsets.topic.num.partitions": "1",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "transaction.state.log.num.partitions": "1",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "share.coordinator.state.topic.num.partitions": "1",
    # What a production broker waits for and a test need not.
    "group.initial.rebalance.delay.ms": "0",
    "group.min.session.timeout.ms": "1000",
    "broker.session.timeout.ms": "1500",
    "broker.heartbeat.interval.ms": "250",
    "num.network.threads": "2",
    "num.io.threads": "2",
    "num.recovery.threads.per.data.dir": "1",
    "log.cleaner.dedupe.buffer.size": "4194304",
}


class BrokerError(RuntimeError):
    """The broker cannot be started here; the sentence says what is missing, or quotes its log."""


@dataclass(frozen=True)
class Place:
    """Where a program runs: `words` go before its command; its files are seen from here under `root`."""

    words: Sequence[str] = ()
    root: Path = Path("/")

    def seen(self, path: Path) -> Path:
        """What is called so there, as it is called here."""
        return self.root / path.relative_to("/")


class Broker:
    """One broker. `properties` go over DEFAULTS; `complete` replaces them (folders, hosts, voters adapted).

    `cluster`: the id of the cluster that it belongs to; by default it is one of its own. `jvm`: more words for it.
    """

    def __init__(
        self,
        properties: Mapping[str, str] | None = None,
        complete: Mapping[str, str] | None = None,
        *,
        place: Place = Place(),
        cluster: str = "",
        jvm: Sequence[str] = (),
    ) -> None:
        self._cluster, self._jvm_words = cluster or new_cluster_id(), (*JVM, *jvm)
        self.place = place
        self.folder = Path(tempfile.mkdtemp(prefix="emotalk-kafka-"))
        self.log = self.folder / "broker.log"
        self.properties = _at_home(dict(complete), self.folder) if complete else _own(properties or {}, self.folder)
        self._jvm: subprocess.Popen[bytes] | None = None
        self._tether: subprocess.Popen[bytes] | None = None
        atexit.register(self.stop)

    @property
    def bootstrap(self) -> str:
        """Host and port for clients: the first listener that is not the controller's."""
        return _client_address(self.properties)

    @property
    def data(self) -> Path:
        """The folder of its logs, as it calls it."""
        return Path(self.properties["log.dirs"])

    @property
    def pid(self) -> int:
        """The JVM's process id; raises where it is not running."""
        if self._jvm is None:
            raise BrokerError("the broker is not running")
        return self._jvm.pid

    @property
    def running(self) -> bool:
        """Was it started, and has it not ended?"""
        return self._jvm is not None and self._jvm.poll() is None

    def start(self) -> Self:
        """Format the folder if it is new, start the JVM and return when it answers."""
        classpath = str(jars() / "*")
        config = self.folder / "server.properties"
        config.write_text("".join(f"{key}={value}\n" for key, value in self.properties.items()))
        if not self.place.seen(self.data / "meta.properties").exists():
            self._format(config)
        with self.log.open("ab") as log:
            command = [*self._java(classpath), "kafka.Kafka", str(config)]
            self._jvm = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.folder)
        self._tether = _tether(self._jvm.pid, self.folder)
        self._wait_until_it_answers()
        return self

    def kill(self) -> None:
        """SIGKILL, as a crash: nothing is flushed, no client is told."""
        self._end(signal.SIGKILL)

    def shut_down(self, seconds: float = START_SECONDS) -> None:
        """SIGTERM: it hands its partitions over first; killed where that takes longer."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            if self._jvm is not None:
                self._jvm.terminate()
                self._jvm.wait(seconds)
        self.kill()

    def restart(self) -> None:
        """Kill if it still runs, and start on the same ports with the same data."""
        self.kill()
        self.start()

    def stop(self) -> None:
        """End it and delete its folder. Its data is a test's, so no orderly shutdown is waited for."""
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)
        atexit.unregister(self.stop)

    def pause(self) -> None:
        """SIGSTOP: connections stay open and nobody answers, as when a machine hangs."""
        os.kill(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """SIGCONT."""
        os.kill(self.pid, signal.SIGCONT)

    def limit(self, client: str, bytes_a_second: int) -> None:
        """From now on whoever calls itself so (client.id) writes no more than that, over eleven seconds."""
        rate = ["--add-config", f"producer_byte_rate={bytes_a_second}"]
        whom = ["--bootstrap-server", self.bootstrap, "--entity-type", "clients", "--entity-name", client]
        self._tool(["kafka.admin.ConfigCommand", "--alter", *whom, *rate])

    def __enter__(self) -> Self:
        try:
            return self.start()
        except BaseException:
            self.stop()
            raise

    def __exit__(self, *exc: object) -> None:
        self.stop()

    def _end(self, number: int) -> None:
        jvm, tether = self._jvm, self._tether
        self._jvm = self._tether = None
        if tether is not None:  # first, or it would signal a process id that may be somebody else's by then
            tether.kill()
            tether.communicate()
        if jvm is not None:
            jvm.send_signal(number)
            jvm.wait()

    def _format(self, config: Path) -> None:
        self._tool(["kafka.tools.StorageTool", "format", "-t", self._cluster, "-c", str(config)])

    def _tool(self, words: Sequence[str]) -> None:
        command = [*self._java(str(jars() / "*")), *words]
        done = subprocess.run(command, capture_output=True, text=True, timeout=START_SECONDS)
        if done.returncode:
            raise BrokerError(f"{words[0]} failed:\n{done.stdout}{done.stderr}")

    def _java(self, classpath: str) -> list[str]:
        return [*self.place.words, _java(), *self._jvm_words, *LOGGING, "-cp", classpath]

    def _wait_until_it_answers(self) -> None:
        quick = {"reconnect.backoff.ms": 20, "reconnect.backoff.max.ms": 50, "socket.connection.setup.timeout.ms": 1000}
        probe = AdminClient({"bootstrap.servers": self.bootstrap, **quick}, logger=_silent())
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end and self._jvm is not None and self._jvm.poll() is None:
            with contextlib.suppress(KafkaException):
                if probe.list_topics(timeout=POLL_SECONDS).brokers:
                    return
        tail = self.log.read_text(errors="replace")[-4000:]
        raise BrokerError(f"Kafka did not answer at {self.bootstrap} within {START_SECONDS:.0f} s:\n{tail}")


def jars() -> Path:
    """Kafka's jars, fetched by Maven the first time; a lock keeps two test runs from fetching at once."""
    mvn = shutil.which("mvn")
    stamp = JARS / "complete"
    with _locked(HERE / "pom.xml"):
        if stamp.exists() and stamp.stat().st_mtime >= (HERE / "pom.xml").stat().st_mtime:
            return JARS
        if mvn is None:
            raise BrokerError("Maven (mvn) is not installed, and Kafka's jars have not been fetched yet")
        shutil.rmtree(JARS, ignore_errors=True)
        goal = [mvn, "-q", "-B", "-f", str(HERE / "pom.xml"), "dependency:copy-dependencies"]
        done = subprocess.run([*goal, f"-DoutputDirectory={JARS}"], capture_output=True, text=True, timeout=600)
        if done.returncode:
            raise BrokerError(f"Maven could not fetch Kafka's jars:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
        stamp.touch()
    return JARS


def properties_from_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """KAFKA_* variables as the official image reads them: `_` is a dot, `__` an underscore, `___` a dash."""
    names = {
        key: key.removeprefix("KAFKA_").lower().replace("___", "-").replace("__", "\0").replace("_", ".")
        for key in environment
        if key.startswith("KAFKA_") and not key.startswith(NOT_PROPERTIES)
    }
    return {name.replace("\0", "_"): str(environment[key]) for key, name in names.items()}


def new_cluster_id() -> str:
    """A random id may begin with a dash, which Kafka's tool takes for a flag: ours begins with a letter."""
    return "k" + urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")[1:]


def free_ports(count: int) -> list[int]:
    """Different loopback ports that nobody listens on now.

    They lie below those that a system gives to callers (32768 on Linux), so that none is taken by chance before its
    server has it.
    """
    found = (port for port in random.SystemRandom().sample(range(20_000, 32_000), 1_000) if _is_free(port))
    return list(itertools.islice(found, count))


def _is_free(port: int) -> bool:
    with socket.socket() as one, contextlib.suppress(OSError):
        one.bind(("127.0.0.1", port))
        return True
    return False


def _own(properties: Mapping[str, str], folder: Path) -> dict[str, str]:
    clients, controller = free_ports(2)
    addresses = {
        "listeners": f"PLAINTEXT://127.0.0.1:{clients},CONTROLLER://127.0.0.1:{controller}",
        "advertised.listeners": f"PLAINTEXT://127.0.0.1:{clients}",
        "controller.quorum.voters": f"1@127.0.0.1:{controller}",
    }
    return {**DEFAULTS, **addresses, "log.dirs": str(folder / "data"), **properties}


def _at_home(properties: dict[str, str], folder: Path) -> dict[str, str]:
    """Somebody's whole configuration on this machine: names and ports stay, hosts become loopback, data goes here."""
    listeners = [entry.strip() for entry in properties["listeners"].split(",")]
    on_loopback = [f"{entry.split('://')[0]}://127.0.0.1:{entry.rpartition(':')[2]}" for entry in listeners]
    controllers = properties["controller.listener.names"].split(",")
    port = next(entry.rpartition(":")[2] for entry in on_loopback if entry.split("://")[0] in controllers)
    properties.pop("controller.quorum.bootstrap.servers", None)
    properties.pop("log.dir", None)
    node = properties.get("node.id", "1")
    voters = {"controller.quorum.voters": f"{node}@127.0.0.1:{port}"}
    return {**properties, **voters, "listeners": ",".join(on_loopback), "log.dirs": str(folder / "data")}


def _client_address(properties: Mapping[str, str]) -> str:
    controllers = properties["controller.listener.names"].split(",")
    listeners = [entry.strip().split("://") for entry in properties["listeners"].split(",")]
    return next(address for name, address in listeners if name not in controllers)


def _java() -> str:
    home = os.environ.get("JAVA_HOME")
    java = shutil.which("java", path=f"{home}/bin") if home else shutil.which("java")
    if java is None:
        raise BrokerError("Java 17 or later is not installed")
    return java


def _tether(pid: int, folder: Path) -> subprocess.Popen[bytes]:
    """A shell that reads a pipe which only this process holds open: at our end, however it comes, it reads EOF, kills.

    Not PDEATHSIG: that follows the thread that forked, not the process, and exists on Linux only.
    """
    words = ["/bin/sh", "-c", 'read _; kill -9 "$1"; rm -rf "$2"', "sh", str(pid), str(folder)]
    return subprocess.Popen(words, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True)


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open() as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _silent() -> logging.Logger:
    logger = logging.getLogger("emotalk.tests.broker")
    logger.addHandler(logging.NullHandler())
    logger.propagate = False
    return logger
