"""Who is let in at once, and in which order those who need no token are read."""

import asyncio
from contextlib import ExitStack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emotalk.errors import ClientLimit, QueueFull
from emotalk.places import Places
from emotalk.server.guard.probe_turns import ProbeTurns
from emotalk.sparing import Sparing


@given(st.lists(st.tuples(st.sampled_from("abc"), st.booleans()), max_size=60))
def test_never_are_more_inside_than_there_are_places_nor_of_one_client_than_its_share(moves: list) -> None:
    places = Places("calls", most=5, each=3)
    inside: list[tuple[str, ExitStack]] = []
    for client, comes in moves:
        if not comes:
            if inside:
                inside.pop()[1].close()
            continue
        stack, of_client = ExitStack(), sum(1 for name, _ in inside if name == client)
        if of_client == 3 or len(inside) == 5:
            with pytest.raises(ClientLimit if of_client == 3 else QueueFull):
                stack.enter_context(places.of(client))
        else:
            stack.enter_context(places.of(client))
            inside.append((client, stack))


def test_a_call_that_sends_nothing_is_sent_away_once_somebody_waits_and_a_new_connection_is_read_before_old_ones() -> (
    None
):
    async def read() -> list[str]:
        turns, order = ProbeTurns(grace=0.0), []

        async def never() -> str:
            await asyncio.Event().wait()
            return ""

        async def at_once() -> str:
            order.append("probe")
            return "here"

        async def silent(number: int) -> None:
            with pytest.raises(QueueFull):
                await turns.read(f"attacker {number % 3}", never)
            order.append("silent")

        attack = [asyncio.create_task(silent(number)) for number in range(30)]
        await asyncio.sleep(0)
        assert await turns.read("probe", at_once) == "here"
        last = asyncio.create_task(silent(30))
        await asyncio.sleep(0)
        assert await turns.read("probe", at_once) == "here"
        last.cancel()
        for each in attack:
            each.cancel()
        await asyncio.gather(*attack, last, return_exceptions=True)
        assert await turns.read("probe", at_once) == "here"
        return order

    order = asyncio.run(read())
    assert order.index("probe") <= 3


def test_when_too_many_wait_the_longest_line_gives_way() -> None:
    async def crowd() -> list[object]:
        turns, opened = ProbeTurns(most=3), asyncio.Event()

        async def message(name: str) -> str:
            await opened.wait()
            return name

        names = ["first", "many", "many", "many", "one"]
        calls = [asyncio.create_task(turns.read(name, lambda name=name: message(name))) for name in names]
        await asyncio.sleep(0)
        opened.set()
        return await asyncio.gather(*calls, return_exceptions=True)

    first, sent_away, *others = asyncio.run(crowd())
    assert (first, others) == ("first", ["many", "many", "one"])
    assert isinstance(sent_away, QueueFull)


def test_what_happens_often_is_told_once_in_a_while_with_its_number() -> None:
    now = 0.0
    sparing = Sparing(10.0, lambda: now)
    assert [sparing.times() for _ in range(4)] == [1, 0, 0, 0]
    now = 10.0
    assert [sparing.times(), sparing.times()] == [4, 0]
