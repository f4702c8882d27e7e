"""How much the web gateway does at once, and who waits."""

import asyncio
from contextlib import AsyncExitStack

import pytest

from emotalk.errors import QueueFull
from emotalk.web.load import SOUND_BYTES, UPLOADS, UPLOADS_OF_ONE, Load


def test_a_visitor_has_half_of_the_uploads_and_all_visitors_have_no_more_than_there_are() -> None:
    async def fill() -> list[str]:
        load, entered = Load(seconds=30.0), []

        async def upload(visitor: str, stay: asyncio.Event) -> None:
            async with load.upload(visitor):
                entered.append(visitor)
                await stay.wait()

        stay = asyncio.Event()
        tasks = [asyncio.create_task(upload(visitor, stay)) for visitor in "aaaaaabbbbbbccc"]
        await asyncio.sleep(0)
        first = list(entered)
        stay.set()
        await asyncio.gather(*tasks)
        assert len(entered) == len(tasks)
        return first

    first = asyncio.run(fill())
    assert len(first) == UPLOADS
    assert max(map(first.count, "abc")) == UPLOADS_OF_ONE


def test_sound_waits_for_room_and_a_clip_that_is_larger_than_all_of_it_goes_alone() -> None:
    async def crowd() -> None:
        load = Load(seconds=0.0)
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(load.sound(2 * SOUND_BYTES))
            with pytest.raises(QueueFull):
                await stack.enter_async_context(load.sound(1))
        async with load.sound(SOUND_BYTES // 2), load.sound(SOUND_BYTES // 2):
            pass

    asyncio.run(crowd())
