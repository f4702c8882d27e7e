"""A stream that is refused is heard out first: to its end, or to a pause."""

import asyncio
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any, cast

import pytest

from emotalk.errors import InvalidRequest
from emotalk.server.guard import hearing
from emotalk.server.guard.gate import CallKind, TokenGate


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
    monkeypatch.setattr(hearing, "PAUSE_SECONDS", 0.01)
    monkeypatch.setattr(hearing, "HEAR_OUT_SECONDS", 0.05)
    read: list[int] = []
    asyncio.run(hearing.hear_out(_sent(read, then)))
    assert read == [1, 2, 3]


class Nobody:
    """The end of a call that brought no token."""

    def peer(self) -> str:
        return "ipv4:127.0.0.1:5000"

    async def abort(self, *_: object) -> None:
        raise asyncio.CancelledError


def test_two_strangers_at_once_are_heard_out_and_the_third_is_refused_unheard(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hearing, "PAUSE_SECONDS", 0.01)
    heard: list[list[int]] = [[], [], []]

    async def three() -> None:
        gate = TokenGate(cast(Any, SimpleNamespace(holder=lambda _: None)), {"/stream": CallKind.STREAM})
        details = SimpleNamespace(method="/stream", invocation_metadata=())
        handler = await gate.intercept_service(cast(Any, None), cast(Any, details))
        calls = [handler.stream_stream(_sent(each, "silence"), Nobody()) for each in heard]
        await asyncio.gather(*calls, return_exceptions=True)

    asyncio.run(three())
    assert heard == [[1, 2, 3], [1, 2, 3], []]
