"""A stream that is refused is heard out first: to its end, or to a pause."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from emotalk.errors import InvalidRequest
from emotalk.server.guard import arrival


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
