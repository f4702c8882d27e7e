"""A slow link carries what a fast one carries, in order."""

import socket
from collections.abc import Iterator
from threading import Thread

import pytest

from tests.cluster.proxy import Link
from tests.kafka.broker import free_ports

pytestmark = pytest.mark.cluster

WORDS = bytes(range(256)) * 400


@pytest.fixture
def ear() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as made:
        made.settimeout(10)
        yield made


@pytest.fixture
def link(ear: socket.socket) -> Iterator[Link]:
    [port] = free_ports(1)
    made = Link(("127.0.0.1", port), ear.getsockname())
    yield made
    made.close()


def echo(ear: socket.socket) -> None:
    connection, _ = ear.accept()
    with connection:
        while data := connection.recv(2**16):
            connection.sendall(data)


def said(link: Link, ear: socket.socket) -> bytes:
    """What comes back of all words, both ways through the link."""
    there = Thread(target=echo, args=(ear,))
    there.start()
    with socket.create_connection(("127.0.0.1", link.port), 10) as mouth:
        Thread(target=mouth.sendall, args=(WORDS,)).start()
        heard = b""
        while len(heard) < len(WORDS):
            heard += mouth.recv(2**16)
    there.join()
    return heard


def test_what_passes_is_the_same_whether_it_is_slow_or_not(link: Link, ear: socket.socket) -> None:
    assert said(link, ear) == WORDS
    link.slow(0.05, 1_000_000.0)
    assert said(link, ear) == WORDS
    link.heal()
    assert said(link, ear) == WORDS


def test_whoever_calls_while_nobody_is_there_is_hung_up_on(link: Link, ear: socket.socket) -> None:
    ear.close()
    with socket.create_connection(("127.0.0.1", link.port), 10) as mouth:
        try:
            assert mouth.recv(1) == b""
        except ConnectionResetError:
            return
