"""A kept process: started at once or on demand, again after a growing pause; the clock and the sleep are the test's."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emotalk.supervision.keeper import FIRST_PAUSE, LONGEST_PAUSE, STEADY_SECONDS, Keeper, ProcessRefused


class Scripted:
    """A child that lives as its script says: for so many seconds of the test's clock, or never gets ready (None)."""

    pid = 7

    def __init__(self, lives: list[float | None]) -> None:
        self.lives, self.births, self.now, self.alive = list(lives), 0, 0.0, False
        self.pauses: list[float] = []
        self.over = asyncio.Event()
        self.killed = asyncio.Event()

    async def start(self) -> str | None:
        self.births += 1
        self.alive = True
        self.killed.clear()
        if not self.lives:
            self.over.set()
            return "9000"
        return None if self.lives[0] is None else "9000"

    async def wait_for_end(self) -> int:
        if self.alive and not self.lives:
            await self.killed.wait()
        elif self.alive:
            self.now += self.lives.pop(0) or 0.0
        self.alive = False
        return -9

    async def stop(self, seconds: float = 0.0) -> None:
        self.alive = False

    async def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds
        await asyncio.sleep(0)


def kept(child: Scripted, **options: Any) -> Keeper:
    return Keeper("worker-1", "worker", child, clock=lambda: child.now, sleep=child.sleep, **options)  # type: ignore[arg-type]


def told(story: Callable[[], Awaitable[None]]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(10):
            await story()

    asyncio.run(bounded())


@given(st.lists(st.integers(0, 3 * int(STEADY_SECONDS)).map(float), max_size=80))
def test_pauses_grow_in_small_steps_to_the_longest_and_begin_again_after_a_steady_life(lives: list[float]) -> None:
    deaths: list[int] = []

    async def story() -> None:
        child = Scripted(list(lives))
        keeper = kept(child, died=lambda: deaths.append(1))
        keeper.open()
        await child.over.wait()
        due = 0.0
        for life, pause in zip(lives, child.pauses, strict=True):
            due = FIRST_PAUSE if life > STEADY_SECONDS else min(LONGEST_PAUSE, due + FIRST_PAUSE)
            assert pause == due
        assert child.births == len(lives) + 1
        await keeper.stop()

    told(story)
    assert len(deaths) == len(lives)


def test_on_demand_nothing_is_started_before_it_is_asked_for_nor_again_after_its_death() -> None:
    async def story() -> None:
        child = Scripted([])
        keeper = kept(child, on_demand=True)
        assert child.births == 0
        assert await keeper.ready()
        assert await keeper.ready()
        assert (child.births, keeper.pages()) == (1, {"worker-1": 9000})
        child.killed.set()
        while keeper.warm() or not child.pauses:
            await asyncio.sleep(0)
        for _ in range(10):
            await asyncio.sleep(0)
        assert (child.births, keeper.pages()) == (1, {})
        assert await keeper.ready()
        assert child.births == 2
        await keeper.stop()

    told(story)


def test_all_who_ask_while_it_starts_share_one_start() -> None:
    async def story() -> None:
        child = Scripted([])
        keeper = kept(child, on_demand=True)
        assert await asyncio.gather(*(keeper.ready() for _ in range(5))) == [True] * 5
        assert child.births == 1
        await keeper.stop()

    told(story)


def test_one_that_cannot_start_is_said_at_once_also_while_it_rests_and_is_tried_again_after_that() -> None:
    async def story() -> None:
        child = Scripted([None])
        rested = asyncio.Event()

        async def rest(seconds: float) -> None:
            await rested.wait()

        keeper = Keeper("live", "live engine", child, on_demand=True, clock=lambda: child.now, sleep=rest)  # type: ignore[arg-type]
        assert not await keeper.ready()
        assert not await keeper.ready()
        assert child.births == 1
        rested.set()
        while not await keeper.ready():
            await asyncio.sleep(0)
        assert child.births == 2
        await keeper.stop()

    told(story)


def test_one_whose_first_start_fails_is_refused_with_its_exit_code_and_not_tried_again() -> None:
    async def story() -> None:
        child = Scripted([None])
        with pytest.raises(ProcessRefused, match="the worker could not start") as refused:
            await kept(child).start()
        assert (refused.value.exit_code, child.births) == (-9, 1)

    told(story)


def test_one_that_is_stopped_is_not_started_again() -> None:
    async def story() -> None:
        child = Scripted([])
        keeper = kept(child)
        await keeper.start()
        assert keeper.warm()
        await keeper.stop()
        assert (child.births, keeper.warm(), keeper.pages()) == (1, False, {})

    told(story)
