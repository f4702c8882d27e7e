"""How many may speak at once: as given, or as measured; and the engine that each goes to."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack, suppress
from inspect import signature
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emotalk.errors import QueueFull, ServerUnavailable
from emotalk.live.capacity import measure_cost
from emotalk.live.cost import Cost
from emotalk.live.engines import LiveEngine, LiveEngines
from emotalk.live.places import LivePlaces
from emotalk.live.pool import LivePool
from emotalk.pipeline import Pipeline
from emotalk.settings import Settings
from tests.streaming_tone import StreamingToneEngine
from tests.unit.test_live_room import Crowd


class Standing(LiveEngine):
    """An engine as the pool sees it; one that is cold and `starts` is warm once it has been asked for."""

    def __init__(self, warm: bool = True, resting: bool = False, starts: bool = True, streams: int = 0) -> None:
        self.keeper, self.streams, self.starts = self, streams, starts  # type: ignore[assignment]
        self.resting, self.is_warm, self.asked = resting, warm, 0

    def warm(self) -> bool:
        return self.is_warm

    async def ready(self) -> bool:
        self.asked, self.is_warm = self.asked + 1, self.starts
        return self.starts

    async def connect(self) -> tuple[None, "Standing"] | None:  # type: ignore[override]
        return (None, self) if await self.ready() else None

    def close(self) -> None:
        pass


def streams_of(standing: list[Standing], number: int, share: int = 100) -> list[int]:
    """How many each has, once so many have come."""

    async def come() -> list[int]:
        engines = LiveEngines(standing)
        async with AsyncExitStack() as stack:
            for _ in range(number):
                await stack.enter_async_context(engines.connection(share))
            return [each.streams for each in standing]

    return asyncio.run(come())


@given(st.integers(1, 8), st.integers(0, 40))
def test_streams_are_spread_over_the_engines(engines: int, streams: int) -> None:
    standing = [Standing() for _ in range(engines)]
    spread = streams_of(standing, streams)
    assert sum(spread) == streams
    assert max(spread) - min(spread) <= 1
    assert [each.streams for each in standing] == [0] * engines


STATES = st.builds(Standing, st.booleans(), st.booleans(), streams=st.integers(0, 6))


@given(st.lists(STATES, min_size=1, max_size=6), st.integers(1, 6))
def test_nobody_waits_for_a_start_where_an_engine_that_runs_has_room_nor_crowds_one_where_another_starts(
    standing: list[Standing], share: int
) -> None:
    before = [(each.streams, each.is_warm, each.resting) for each in standing]
    after = streams_of(standing, 1, share)
    [chosen] = [i for i, (now, (then, *_)) in enumerate(zip(after, before, strict=True)) if now > then]
    streams, warm, resting = before[chosen]
    has_room = [i for i, each in enumerate(before) if each[0] < share]
    assert chosen in has_room or not has_room
    at_once = [i for i in has_room or range(len(before)) if before[i][1] and not before[i][2]]
    assert (warm and not resting) or not at_once
    assert all(streams <= before[i][0] for i in at_once)


def test_engines_are_started_one_after_the_other_and_one_that_cannot_start_keeps_nobody_waiting() -> None:
    starting, born = set[int](), list[int]()

    class Slow(Standing):
        async def ready(self) -> bool:
            assert not starting
            starting.add(id(self))
            await asyncio.sleep(0)
            starting.clear()
            born.append(standing.index(self))
            return await super().ready()

    standing = [Slow(warm=False), Slow(warm=False, starts=False), Slow(warm=False)]
    asyncio.run(LiveEngines(standing).start())
    assert born == [0, 1, 2]
    assert [each.is_warm for each in standing] == [True, False, True]


def test_one_that_has_just_died_or_cannot_start_takes_nobody_while_another_can() -> None:
    dead, broken, well = Standing(resting=True), Standing(warm=False, starts=False), Standing()
    assert streams_of([dead, broken, well], 4) == [0, 0, 4]
    assert dead.asked == 0
    with pytest.raises(ServerUnavailable, match="could not start"):
        streams_of([Standing(warm=False, starts=False)], 1)


@given(st.integers(0, 100), st.integers(1, 16))
def test_the_shares_of_all_processes_are_all_places(places: int, processes: int) -> None:
    share = LivePlaces(places).share(processes)
    assert share * processes >= places
    assert (share - 1) * processes < places or share == 0


@given(st.integers(1, 20))
def test_no_process_is_started_for_which_there_is_no_place(places: int) -> None:
    engines = LivePool({}, places, processes=8, ahead=True)._engines
    assert len(engines._engines) == min(places, 8)
    asyncio.run(engines.stop())


@given(st.floats(1e-3, 2.0), st.integers(1, 64))
def test_places_are_what_two_thirds_of_the_cores_draw_in_time(cost: float, cores: int) -> None:
    places = Cost({1: 2 * cost, 4: cost}).places(cores)
    share = pytest.approx(2 / 3 * cores)
    assert places == 1 or places * cost < 2 / 3 * cores or places * cost == share
    assert (places + 1) * cost > 2 / 3 * cores or (places + 1) * cost == share
    assert Cost.unpack(Cost({1: 2 * cost, 4: cost}, cost).pack()) == Cost({1: 2 * cost, 4: cost}, cost)


def test_the_one_too_many_hears_how_many_there_are_and_why() -> None:
    async def crowd() -> None:
        places = LivePlaces.of(Cost({1: 0.1, 16: 0.06}), 1)
        async with AsyncExitStack() as stack:
            for _ in range(11):
                await stack.enter_async_context(places.place(0.0))
            with pytest.raises(
                QueueFull, match=r"all 11 live places.*60 ms of a core.*67% of 1 cores.*--live-sessions"
            ):
                await stack.enter_async_context(places.place(0.0))
        async with places.place(0.0):
            pass

    asyncio.run(crowd())


@given(st.integers(0, 12), st.integers(0, 12))
def test_one_who_may_wait_takes_as_many_places_as_it_costs(near: int, live: int) -> None:
    async def crowd() -> tuple[int, int]:
        places, inside = LivePlaces.of(Cost({1: 0.1, 16: 0.06}, near=0.17), 1), [0, 0]
        async with AsyncExitStack() as stack:
            for waits, asked in ((True, near), (False, live)):
                for _ in range(asked):
                    with suppress(QueueFull):
                        await stack.enter_async_context(places.place(0.0, waits))
                        inside[waits] += 1
        async with AsyncExitStack() as stack:
            for _ in range(11):
                await stack.enter_async_context(places.place(0.0))
        return inside[True], inside[False]

    waiting, others = asyncio.run(crowd())
    assert waiting == min(near, 3)
    assert others == min(live, 11 - 3 * waiting)


def test_one_who_may_wait_and_finds_too_few_places_hears_how_many_and_what_takes_one() -> None:
    async def crowd() -> None:
        places = LivePlaces.of(Cost({1: 0.1, 16: 0.06}, near=0.17), 1)
        async with AsyncExitStack() as stack:
            for _ in range(10):
                await stack.enter_async_context(places.place(0.0))
            with pytest.raises(QueueFull, match=r"takes 3 live places, and of 11 only 1 are free.*less than 0\.5 s"):
                await stack.enter_async_context(places.place(0.0, near=True))
            await stack.enter_async_context(places.place(0.0))
            with pytest.raises(QueueFull, match="all 11 live places"):
                await stack.enter_async_context(places.place(0.0, near=True))

    asyncio.run(crowd())


def test_where_places_were_given_or_are_too_few_for_it_one_who_may_wait_takes_what_there_is() -> None:
    async def alone(places: LivePlaces) -> None:
        async with places.place(0.0, near=True):
            pass

    asyncio.run(alone(LivePlaces(1)))
    asyncio.run(alone(LivePlaces.of(Cost({1: 0.5}, near=2.0), 1)))


def ticking(seconds: float) -> Iterator[float]:
    return (number * seconds for number in count())


def test_what_is_measured_is_the_time_of_a_step_of_each_size() -> None:
    ticks = ticking(0.05)
    assert measure_cost(Pipeline(StreamingToneEngine()), lambda: next(ticks)).by_batch.keys() == {1}
    assert signature(measure_cost).parameters["clock"].default is time.process_time  # a busy machine is not a slow one
    still = iter([0.0] * 1000)
    assert measure_cost(Pipeline(Crowd()), lambda: next(still)).by_batch.keys() == {1, 4, 16}


@pytest.mark.parametrize(("text", "value"), [("auto", "auto"), ("0", 0), ("12", 12)])
def test_the_places_are_a_number_or_auto(text: str, value: object) -> None:
    assert Settings.load({"EMOTALK_LIVE_SESSIONS": text}, {}, {}).live_sessions == value
    assert Settings().live_sessions == "auto"
