"""A stream that is refused is heard out first: to a client that still sends when it ends, grpc.aio does not say why."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

from emotalk.errors import EmoTalkError

HEAR_OUT_SECONDS, PAUSE_SECONDS = 1.0, 0.1
"""Who is refused has sent all after such a pause; a microphone never pauses."""
_END = object()


async def hear_out(messages: AsyncIterator[Any]) -> None:
    """Read on to a pause, and drop what comes. Else grpc.aio says INTERNAL."""
    with suppress(TimeoutError, EmoTalkError):
        async with asyncio.timeout(HEAR_OUT_SECONDS):
            while await _before_a_pause(messages) is not _END:
                pass


async def _before_a_pause(messages: AsyncIterator[Any]) -> Any:
    async with asyncio.timeout(PAUSE_SECONDS):  # wait_for may lose the cancellation of the timeout around it
        return await anext(messages, _END)
