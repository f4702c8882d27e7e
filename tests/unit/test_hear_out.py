"""A stream that is refused is heard out first: to its end, or to a pause. A stranger's is not read at all."""

import asyncio
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any, cast

import pytest

from emotalk.errors import InvalidRequest
from emotalk.server.guard import arrival, gate


async def _sent(read: list[int], then: str) -> AsyncIterator[int]:
    for number in (1, 2, 3):
        read.append(number)
        yield number
    if then == "silence":
        await asyncio.Event().wait()
    if then == "nonsense":
        raise InvalidRequest("request", "it is not a message", "Send one")
    while then == "more":
        await asyncio.sleep(0)
        yield 4


@pytest.mark.parametrize("then", ["end", "silence", "nonsense", "more"])
def test_all_that_was_sent_is_read_and_nobody_is_waited_for(then: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrival, "PAUSE_SECONDS", 0.01)
    monkeypatch.setattr(arrival, "HEAR_OUT_SECONDS", 0.05)
    read: list[int] = []
    asyncio.run(arrival.hear_out(_sent(read, then)))
    assert read == [1, 2, 3]


class Nobody:
    """The end of a call that brought no token; `ended` says in which order such calls did."""

    def __init__(self, name: str, ended: list[str]) -> None:
        self._name, self._ended = name, ended

    def peer(self) -> str:
        return "ipv4:127.0.0.1:5000"

    async def abort(self, *_: object) -> None:
        self._ended.append(self._name)
        raise asyncio.CancelledError


def test_a_stranger_s_stream_is_left_open_for_a_moment_unread_and_ends_at_once_where_many_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(gate, "MOMENTS", 2)
    monkeypatch.setattr(gate, "MOMENT_SECONDS", 0.01)
    read, ended = list[int](), list[str]()

    async def three() -> None:
        closed = gate.TokenGate(cast(Any, SimpleNamespace(holder=lambda _: None)), {"/stream": gate.CallKind.STREAM})
        details = SimpleNamespace(method="/stream", invocation_metadata=())
        handler = await closed.intercept_service(cast(Any, None), cast(Any, details))
        calls = [handler.stream_stream(_sent(read, "silence"), Nobody(name, ended)) for name in "abc"]
        await asyncio.gather(*calls, return_exceptions=True)

    asyncio.run(three())
    assert (ended, read) == (["c", "a", "b"], [])
