"""Visitors of the web gateway, each a client of their own to the server behind it."""

import asyncio

import pytest
from starlette.testclient import TestClient

from emotalk.client.visitor import call_for, metadata
from emotalk.server.guard.gate import Caller, find_caller
from emotalk.wire.details import VISITOR


class Calling:
    """What `find_caller` looks at."""

    def __init__(self, peer: str, visitor: str) -> None:
        self._peer, self._visitor = peer, visitor

    def peer(self) -> str:
        return self._peer

    def auth_context(self) -> dict[str, list[bytes]]:
        return {}

    def invocation_metadata(self) -> tuple[tuple[str, str], ...]:
        return ((VISITOR, self._visitor),)


@pytest.mark.parametrize(
    ("peer", "visitor", "client"),
    [
        ("unix:", "ipv4:10.0.0.7:5123", "10.0.0.7"),
        ("unix:/tmp/socket", "ipv6:[2001:db8::1]:5123", "2001:db8::/64"),
        ("unix:", "", "unix"),
        ("ipv4:10.0.0.9:1", "ipv4:10.0.0.7:5123", "10.0.0.9"),
        ("unix:", "x" * 100_000, "x" * 100),
    ],
)
def test_what_a_gateway_says_of_its_visitor_is_believed_on_our_own_socket_alone(
    peer: str, visitor: str, client: str
) -> None:
    caller = find_caller(Calling(peer, visitor), None)
    assert caller.client == client
    assert len(caller.connection) < 200


def test_two_visitors_are_two_connections_and_wait_in_two_lines() -> None:
    one, other = (find_caller(Calling("unix:", f"ipv4:10.0.0.7:{port}"), None) for port in (1, 2))
    assert (one, other) == (Caller("unix: ipv4:10.0.0.7:1", "10.0.0.7"), Caller("unix: ipv4:10.0.0.7:2", "10.0.0.7"))


def test_a_task_calls_for_its_own_visitor() -> None:
    async def call(visitor: str) -> tuple[tuple[str, str], ...]:
        call_for(visitor)
        await asyncio.sleep(0)
        return metadata()

    async def both() -> list[tuple[tuple[str, str], ...]]:
        return list(await asyncio.gather(*(asyncio.create_task(call(each)) for each in "ab")))

    assert asyncio.run(both()) == [((VISITOR, "a"),), ((VISITOR, "b"),)]
    assert metadata() == ()


def test_a_visitor_is_let_in_as_before(browser: TestClient) -> None:
    assert browser.get("/v1/health").json() == {"ready": True}
