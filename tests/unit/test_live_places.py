"""How many may speak at once: as given, or as measured; and the engine that each goes to."""

import asyncio
from collections.abc import Iterator
from contextlib import AsyncExitStack
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emotalk.engines.tone import StreamingToneEngine
from emotalk.errors import QueueFull, ServerUnavailable
from emotalk.live.capacity import measured
from emotalk.live.cost import Cost
from emotalk.live.engines import LiveEngines
from emotalk.live.places import LivePlaces
from emotalk.pipeline import Pipeline
from emotalk.settings import Settings
from tests.unit.test_live_room import Crowd


class Standing:
    """An engine as the pool sees it."""

    def __init__(self, starts: bool = True, resting: bool = False) -> None:
        self.keeper, self.streams, self.starts = self, 0, starts
        self.resting, self.wanted, self.asked = resting, False, 0

    @property
    def load(self) -> int:
        return self.streams + (not self.wanted)

    def want(self) -> None:
        self.wanted = True

    async def connect(self) -> tuple[None, "Standing"] | None:
        self.wanted, self.asked = True, self.asked + 1
        return (None, self) if self.starts else None

    def close(self) -> None:
        pass


def streams_of(standing: list[Standing], number: int) -> list[int]:
    """How many each has, once so many have come."""

    async def come() -> list[int]:
        engines = LiveEngines(standing)  # type: ignore[arg-type]
        async with AsyncExitStack() as stack:
            for _ in range(number):
                await stack.enter_async_context(engines.connection())
                engines.start_ahead()
            return [each.streams for each in standing]

    return asyncio.run(come())


@given(st.integers(1, 8), st.integers(0, 40))
def test_streams_are_spread_over_the_engines(engines: int, streams: int) -> None:
    standing = [Standing() for _ in range(engines)]
    spread = streams_of(standing, streams)
    assert sum(spread) == streams
    assert max(spread) - min(spread) <= 1 + (streams < 2 * engines)
    assert [each.streams for each in standing] == [0] * engines


def test_the_next_engine_starts_before_it_is_needed() -> None:
    standing = [Standing() for _ in range(3)]
    for streams, wanted in ((1, [True, False, False]), (2, [True, True, False])):
        assert sum(streams_of(standing, streams)) == streams
        assert [each.wanted for each in standing] == wanted


def test_one_that_has_just_died_or_cannot_start_takes_nobody_while_another_can() -> None:
    dead, broken, well = Standing(resting=True), Standing(starts=False), Standing()
    assert streams_of([dead, broken, well], 4) == [0, 0, 4]
    assert dead.asked == 0
    with pytest.raises(ServerUnavailable, match="could not start"):
        streams_of([Standing(starts=False)], 1)


@given(st.floats(1e-3, 2.0), st.integers(1, 64))
def test_places_are_what_two_thirds_of_the_cores_draw_in_time(cost: float, cores: int) -> None:
    places = Cost({1: 2 * cost, 4: cost}).places(cores)
    assert places == 1 or places * cost <= 2 / 3 * cores
    assert (places + 1) * cost > 2 / 3 * cores
    assert Cost.unpacked(Cost({1: 2 * cost, 4: cost}).packed()).places(cores) == places


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


def ticking(seconds: float) -> Iterator[float]:
    return (number * seconds for number in count())


def test_what_is_measured_is_the_time_of_a_step_of_each_size() -> None:
    ticks = ticking(0.05)
    assert measured(Pipeline(StreamingToneEngine()), lambda: next(ticks)).by_batch.keys() == {1}
    still = iter([0.0] * 1000)
    assert measured(Pipeline(Crowd()), lambda: next(still)).by_batch.keys() == {1, 4, 16}


@pytest.mark.parametrize(("text", "value"), [("auto", "auto"), ("0", 0), ("12", 12)])
def test_the_places_are_a_number_or_auto(text: str, value: object) -> None:
    assert Settings.load({"EMOTALK_LIVE_SESSIONS": text}, {}, {}).live_sessions == value
    assert Settings().live_sessions == "auto"
