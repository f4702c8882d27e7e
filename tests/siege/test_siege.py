"""Strangers before the doors of a running service: nobody pays for them, and it ends when it is told to.

Latencies are held against those of the same client before the attack, in the same run: other programs use this machine.
"""

import resource
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import chain
from time import monotonic
from typing import Any

import httpx2 as httpx
import pytest

from tests.integration.served import PATIENCE, eventually
from tests.siege.attacks import (
    ATTACKS,
    BEARER,
    CHUNKED,
    FORM,
    WEBSOCKET,
    _connections,
    answers_that_nobody_reads,
    head,
    is_open,
    watches,
)
from tests.siege.besieged import DRAIN_SECONDS, RECEIVE_SECONDS, Besieged, besieged

MEMORY, LOG = 300 * 2**20, 2**20
LATENCY = 0.25
LOADED = 8
"""Times the slowest call before the attack: a machine that is busy is slower for everybody."""
TRIES = 3


@pytest.fixture(scope="module", autouse=True)
def _descriptors() -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(4096, before[1]), before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


@pytest.fixture(scope="module")
def siege(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Besieged]:
    with besieged(tmp_path_factory.mktemp("siege")) as one:
        one.rounds()
        yield one


@pytest.mark.parametrize("name", ATTACKS)
def test_an_innocent_client_does_not_notice(siege: Besieged, name: str) -> None:
    slowest = max(chain.from_iterable(siege.rounds()["taken"].values()))
    memory, logged = siege.memory(), siege.logged()
    with ATTACKS[name](siege):
        allowed = max(LATENCY, LOADED * slowest)
        reports = [siege.rounds()]
        while latency(reports[-1]) > allowed and len(reports) < TRIES:
            reports.append(siege.rounds())
        most = siege.memory()
    assert not reports[-1]["errors"]
    assert latency(reports[-1]) <= allowed
    assert max(most, siege.memory()) - memory <= MEMORY
    assert siege.logged() - logged <= LOG


def latency(report: dict[str, Any]) -> float:
    """The slowest of all but one in a hundred."""
    taken = sorted(chain.from_iterable(report["taken"].values()))
    return float(taken[-1 - len(taken) // 100])


@pytest.mark.parametrize(
    "first",
    [
        b"",
        head()[:-4],
        head("POST", "/v1/jobs", CHUNKED, BEARER) + b"ffff\r\nhalf",
        head("POST", "/v1/jobs", CHUNKED, FORM, BEARER) + b"ffff\r\n--x\r\n",
        head("GET", "/v1/stream", *WEBSOCKET, BEARER),
    ],
    ids=["nothing", "half a header", "half a body", "half a form", "no start"],
)
def test_what_stands_still_is_closed_when_its_time_is_over(siege: Besieged, first: bytes) -> None:
    since = monotonic()
    with _connections(siege.web_port, first, 20) as opened:
        eventually(lambda: not any(map(is_open, opened)), PATIENCE)
        assert monotonic() - since < 2 * RECEIVE_SECONDS + PATIENCE / 3  # it may wait for its place before


@pytest.mark.parametrize("path", ["/v1/animations", "/v1/animations?format=events", "/v1/jobs"])
def test_who_has_no_token_is_told_before_the_body_is_read(siege: Besieged, path: str) -> None:
    with socket.create_connection(("127.0.0.1", siege.web_port), PATIENCE) as connection:
        connection.sendall(head("POST", path, f"Content-Length: {2**20}") + b"RIFF")
        assert connection.recv(12) == b"HTTP/1.1 401"


def test_a_websocket_without_a_token_is_refused_and_not_begun(siege: Besieged) -> None:
    with socket.create_connection(("127.0.0.1", siege.web_port), PATIENCE) as connection:
        connection.sendall(head("GET", "/v1/stream", *WEBSOCKET))
        assert connection.recv(12) == b"HTTP/1.1 401"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": "http://["}, 403),
        ({"Content-Type": "multipart/form-data; boundary=x; charset=undefined"}, 401),
        ({"Authorization": "Bearer " + "x" * 12_000}, 401),
        ({"Last-Event-ID": "9" * 4400}, 401),
        ({"Host": "["}, 421),
    ],
)
def test_headers_that_nobody_would_send_are_answered_by_name(
    siege: Besieged, headers: dict[str, str], status: int
) -> None:
    answer = httpx.post(f"{siege.url}v1/jobs", headers=headers, content=b"x", timeout=PATIENCE)
    assert answer.status_code == status


def test_it_ends_in_time_whatever_strangers_hold_open(siege: Besieged) -> None:
    with ExitStack() as stack:
        for attack in (watches, answers_that_nobody_reads, ATTACKS["half a body"], ATTACKS["probes that send nothing"]):
            stack.enter_context(attack(siege))
        stack.enter_context(_connections(siege.web_port, head("GET", "/v1/stream", *WEBSOCKET, BEARER), 50))
        since = monotonic()
        assert siege.service.end() == 0
        assert monotonic() - since <= DRAIN_SECONDS + 5
