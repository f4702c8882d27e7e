"""When a live speaker is silent: not by how many messages come, but by how much sound is in them."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emotalk.errors import DeadlineExceeded
from emotalk.live.conversation import Opening, SoundBlock
from emotalk.live.pool import LivePool
from emotalk.performance import Performance

OPENING = Opening("speaker", Performance(), 16_000)
IDLE = 0.05


async def _heard(sizes: list[int], pause: float) -> int:
    async def sound() -> AsyncIterator[SoundBlock]:
        for size in sizes:
            await asyncio.sleep(pause)
            yield SoundBlock(bytes(size))

    return sum([len(block.audio) async for block in LivePool({}, 1, IDLE)._end_at_silence(OPENING, sound())])


def test_empty_messages_do_not_keep_a_place() -> None:
    with pytest.raises(DeadlineExceeded):
        asyncio.run(_heard([0] * 1000, IDLE / 20))


def test_a_sample_now_and_then_is_as_silent_as_none() -> None:
    with pytest.raises(DeadlineExceeded):
        asyncio.run(_heard([2] * 1000, IDLE / 5))


@given(st.lists(st.integers(0, 3200).map(lambda samples: 2 * samples), max_size=30))
def test_whoever_sends_at_once_is_heard_to_the_end(sizes: list[int]) -> None:
    assert asyncio.run(_heard(sizes, 0.0)) == sum(sizes)
