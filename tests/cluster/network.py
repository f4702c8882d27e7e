"""A machine for each node: a network namespace, wired to one switch, which is a namespace too. Linux, and root, only.

    broker-1 ─ eth0 ──┐
    server-1 ─ eth0 ──┼── bridge         nothing of it is in the namespace that we were started in
    worker-1 ─ eth0 ──┘

A namespace lives as long as a process is in it. Each has one that reads a pipe of ours, so that all of them go with us,
however we end; they have no names that could stay behind.
"""

import ctypes
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.kafka.broker import Place

SUBNET = "10.213.97"
NOBODY = "02:00:00:00:00:01"
"""A hardware address that no node has: what is sent to it is carried to everyone, and taken by nobody."""
_FORWARDING, _DISABLED = "3", "0"
_NEW_NETWORK = 0x4000_0000
_READY = "echo && exec cat"


class Node:
    """A machine. `disk`: a folder that becomes a file system of its own, of so many bytes."""

    def __init__(self, name: str, address: str, disk: tuple[Path, int] | None = None) -> None:
        self.name, self.address = name, address
        mount = f"mount -t tmpfs -o size={disk[1]} tmpfs {disk[0]} && " if disk else ""
        words = ["unshare", "--net", "--mount", "sh", "-c", f"ip link set lo up && {mount}{_READY}"]
        self._life = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True)
        assert self._life.stdout is not None
        if not self._life.stdout.readline():
            raise PermissionError(f"no namespace for {name}")
        self.pid = self._life.pid
        spaces = ("--net", "--mount") if disk else ("--net",)  # with the second, a program forgets its folder
        self.place = Place(("nsenter", f"--target={self.pid}", *spaces), Path(f"/proc/{self.pid}/root"))

    def run(self, *words: str) -> None:
        """A command on this machine."""
        subprocess.run([*self.place.words, *words], check=True, capture_output=True)

    def enter(self) -> None:
        """From now on this thread is on this machine, and whatever it starts, but for its files."""
        _enter(f"/proc/{self.pid}/ns/net")

    @contextmanager
    def inside(self) -> Iterator[None]:
        """The same, until the end of the block."""
        with Path("/proc/thread-self/ns/net").open() as home:
            self.enter()
            try:
                yield
            finally:
                _enter(f"/proc/self/fd/{home.fileno()}")

    def close(self) -> None:
        """It is gone once nobody is in it."""
        self._life.communicate()


class Network:
    """The nodes by name. `cut` is silent, as a cable that is drawn: nobody is told that a connection has ended."""

    def __init__(self, names: Sequence[str], disks: Mapping[str, tuple[Path, int]]) -> None:
        with ExitStack() as stack:
            self._switch = Node("switch", "")
            stack.callback(self._switch.close)
            self._switch.run("ip", "link", "add", "name", "bridge", "type", "bridge", "mcast_snooping", "0")
            self._switch.run("ip", "link", "set", "dev", "bridge", "up")
            self.nodes: dict[str, Node] = {}
            for number, name in enumerate(names, 1):
                node = self.nodes[name] = Node(name, f"{SUBNET}.{number}", disks.get(name))
                stack.callback(node.close)
                self._plug(node)
            self._closing = stack.pop_all()

    def _plug(self, node: Node) -> None:
        switch = self._switch.run
        switch("ip", "link", "add", "name", node.name, "type", "veth", "peer", "name", "eth0", "netns", str(node.pid))
        switch("ip", "link", "set", "dev", node.name, "master", "bridge", "up")
        node.run("ip", "address", "add", f"{node.address}/24", "dev", "eth0")
        node.run("ip", "link", "set", "dev", "eth0", "up")

    def cut(self, name: str) -> None:
        """Nothing passes, either way."""
        self._switch.run("bridge", "link", "set", "dev", name, "state", _DISABLED)

    def mute(self, name: str) -> None:
        """It hears everyone, and nobody hears it."""
        for other in self._others(name):
            _misdirect(self.nodes[name], other)

    def deafen(self, name: str) -> None:
        """Everyone hears it, and it hears nobody."""
        for other in self._others(name):
            _misdirect(other, self.nodes[name])

    def heal(self, name: str) -> None:
        """As it was; safe to repeat."""
        self._switch.run("bridge", "link", "set", "dev", name, "state", _FORWARDING)
        for other in self._others(name):
            _direct(self.nodes[name], other)
            _direct(other, self.nodes[name])

    def _others(self, name: str) -> list[Node]:
        return [node for node in self.nodes.values() if node.name != name]

    def close(self) -> None:
        """Let go of all of it."""
        self._closing.close()


def _misdirect(sender: Node, receiver: Node) -> None:
    sender.run(
        "ip", "neighbour", "replace", receiver.address, "lladdr", NOBODY, "nud", "permanent", "dev", "eth0"
    )  # fmt: skip


def _direct(sender: Node, receiver: Node) -> None:
    """Forget its hardware address: it is asked for again."""
    words = ["ip", "neighbour", "delete", receiver.address, "dev", "eth0"]
    subprocess.run([*sender.place.words, *words], check=False, capture_output=True)


def _enter(path: str) -> None:
    with Path(path).open() as file:
        if ctypes.CDLL(None, use_errno=True).setns(file.fileno(), _NEW_NETWORK):
            raise OSError(ctypes.get_errno(), "setns")


def allowed() -> bool:
    """May we have namespaces, and mount in them?"""
    words = "mount -t tmpfs tmpfs /mnt && ip link add name veth-try type veth peer name veth-other && bridge link"
    try:
        tried = subprocess.run(["unshare", "--net", "--mount", "sh", "-c", words], capture_output=True, check=False)
    except FileNotFoundError:
        return False
    return tried.returncode == 0
