"""A network that can be cut does what it says: nobody is told, nothing passes, and it heals."""

import socket
from collections.abc import Iterator

import pytest

from tests.cluster.network import Network, Node, allowed
from tests.integration.served import eventually

pytestmark = [
    pytest.mark.cluster,
    pytest.mark.skipif(not allowed(), reason="network namespaces and mounts in them are not allowed here"),
]

PORT, PATIENCE = 9999, 0.5


@pytest.fixture
def network() -> Iterator[Network]:
    made = Network(["one", "two"], {})
    yield made
    made.close()


def bound(node: Node) -> socket.socket:
    """A socket of that machine."""
    with node.inside():
        made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        made.bind((node.address, PORT))
    made.settimeout(PATIENCE)
    return made


def passes(network: Network, sender: str, receiver: str) -> bool:
    """Does a datagram arrive?"""
    with bound(network.nodes[sender]) as mouth, bound(network.nodes[receiver]) as ear:
        mouth.sendto(b"word", (network.nodes[receiver].address, PORT))
        try:
            return ear.recv(16) == b"word"
        except TimeoutError:
            return False


def ways(network: Network) -> tuple[bool, bool]:
    """From one to two, and back."""
    return passes(network, "one", "two"), passes(network, "two", "one")


def test_a_node_is_cut_off_both_ways_or_one_and_heals(network: Network) -> None:
    eventually(lambda: ways(network) == (True, True))
    network.cut("one")
    eventually(lambda: ways(network) == (False, False))
    network.heal("one")
    network.mute("one")
    eventually(lambda: ways(network) == (False, True))
    network.heal("one")
    network.deafen("one")
    eventually(lambda: ways(network) == (True, False))
    network.heal("one")
    eventually(lambda: ways(network) == (True, True))


def test_nothing_of_it_is_seen_from_outside(network: Network) -> None:
    assert not {name for _, name in socket.if_nameindex()} & {*network.nodes, "bridge"}


def test_a_machine_is_gone_once_it_is_closed() -> None:
    made = Network(["one"], {})
    place = made.nodes["one"].place.root
    assert place.exists()
    made.close()
    assert not place.exists()
