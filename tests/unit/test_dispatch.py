"""Accepting: in the order of arrival, durable whatever the client does, and nothing left behind."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import asynccontextmanager
from threading import Event
from typing import Any

import pytest

from emotalk.audio import encode_flac
from emotalk.errors import InvalidRequest, QueueUnavailable, RequestConflict
from emotalk.jobs import Job
from emotalk.jobs.intake import Intake, Order
from emotalk.performance import Performance
from emotalk.queues.memory import MemoryQueue
from emotalk.server.answers.dispatch import Dispatch, Turns
from emotalk.server.answers.switchboard import Switchboard
from emotalk.server.guard.gate import Caller
from tests.unit.stage import tones

SOUND = encode_flac(tones(16_000))
THREADS = 4


class Slow(Intake):
    """Decoding waits for the gate of its sound, if it has one."""

    gates: dict[str, Event] = {}  # noqa: RUF012

    def accept(self, order: Order, clock: Callable[[], float]) -> Job:
        if gate := self.gates.get(order.request_id):
            assert gate.wait(20)
        return super().accept(order, clock)


class House:
    def __init__(self, executor: Executor, gates: dict[str, Event]) -> None:
        self.queue, intake = MemoryQueue(), Slow()
        intake.gates.clear()
        intake.gates.update(gates)
        self.producer = self.queue.producer()
        self.switchboard = Switchboard(self.queue.results(), executor)
        self.dispatch = Dispatch(intake, self.producer, self.switchboard, executor, executor, lambda: 0.0)

    async def accept(self, request_id: str, **more: Any) -> Any:
        return await self.dispatch.accept(Order(SOUND, request_id, **more), Caller("connection"))

    def stored(self) -> list[str]:
        return [row.request_id for row in self.queue.jobs()]

    def listening(self, request_id: str) -> int:
        return len(self.switchboard._answers[request_id].streams)


@pytest.fixture
def executor() -> Iterator[Executor]:
    with ThreadPoolExecutor(THREADS) as threads:
        yield threads


@asynccontextmanager
async def house(executor: Executor, **gates: Event) -> AsyncIterator[House]:
    one = House(executor, gates)
    try:
        async with asyncio.timeout(20):
            yield one
    finally:
        for gate in gates.values():
            gate.set()
        await asyncio.get_running_loop().run_in_executor(executor, one.switchboard.stop)


async def until(look: Any) -> None:
    while not look():
        await asyncio.sleep(0.005)


def test_a_short_clip_does_not_overtake_a_long_one_that_decodes_slower(executor: Executor) -> None:
    async def story() -> None:
        gate = Event()
        async with house(executor, long=gate) as one:
            long = asyncio.create_task(one.accept("long"))
            await asyncio.sleep(0)
            short = asyncio.create_task(one.accept("short"))
            await asyncio.sleep(0.05)
            assert one.stored() == []
            gate.set()
            await asyncio.gather(long, short)
            assert one.stored() == ["long", "short"]

    asyncio.run(story())


def test_sessions_do_not_wait_for_each_other(executor: Executor) -> None:
    async def story() -> None:
        gate = Event()
        async with house(executor, slow=gate) as one:
            slow = asyncio.create_task(one.accept("slow", session_id="a"))
            await one.accept("quick", session_id="b")
            assert one.stored() == ["quick"]
            gate.set()
            await slow

    asyncio.run(story())


def test_a_client_that_hangs_up_while_its_request_is_stored_loses_nothing_and_leaves_nothing(
    executor: Executor,
) -> None:
    async def story() -> None:
        gate = Event()
        async with house(executor, left=gate) as one:
            leaving = asyncio.create_task(one.accept("left"))
            await until(lambda: "left" in one.switchboard._answers)
            leaving.cancel()
            with pytest.raises(asyncio.CancelledError):
                await leaving
            after = asyncio.create_task(one.accept("after"))
            gate.set()
            await after
            assert one.stored() == ["left", "after"], "and the order stands"
            await until(lambda: one.listening("left") == 0)
            assert one.listening("after") == 1

    asyncio.run(story())


def test_a_refused_request_is_forgotten_and_its_id_is_free(executor: Executor) -> None:
    async def story() -> None:
        async with house(executor) as one:
            with pytest.raises(InvalidRequest):
                await one.dispatch.accept(Order(b"noise", "one"), Caller("connection"))
            assert one.switchboard._answers == {}
            await one.accept("one")

    asyncio.run(story())


def test_the_same_id_from_two_connections_at_once_is_one_job_with_two_listeners(executor: Executor) -> None:
    async def story() -> None:
        gate = Event()
        async with house(executor, one=gate) as house_:
            both = [
                asyncio.create_task(house_.dispatch.accept(Order(SOUND, "one"), Caller(c))) for c in ("here", "there")
            ]
            await until(lambda: "one" in house_.switchboard._answers)
            gate.set()
            await asyncio.gather(*both)
            assert house_.stored() == ["one"]
            assert house_.listening("one") == 2
            for accepted in both:
                accepted.result().leave()
            assert house_.listening("one") == 0

    asyncio.run(story())


def test_other_content_under_a_known_id_is_refused_here_or_by_the_log(executor: Executor) -> None:
    async def story() -> None:
        async with house(executor) as one:
            await one.accept("one")
            with pytest.raises(RequestConflict):
                await one.accept("one", performance=Performance(person_id=3))
            one.switchboard._answers.clear()  # as after a restart
            with pytest.raises(RequestConflict):
                await one.accept("one", performance=Performance(person_id=3))
            assert one.stored() == ["one"]

    asyncio.run(story())


def test_an_unknown_outcome_may_be_repeated_under_the_same_id(executor: Executor) -> None:
    async def story() -> None:
        async with house(executor) as one:
            append, troubles = one.producer.append, [QueueUnavailable("timed out")]

            def stored_but_unheard(request: Any, fresh: bool) -> Any:
                receipt = append(request)
                if troubles:
                    raise troubles.pop()
                return receipt

            one.producer.append = stored_but_unheard  # type: ignore[method-assign]
            with pytest.raises(QueueUnavailable):
                await one.accept("one")
            assert (await one.accept("one")).position == 0
            assert one.stored() == ["one"]

    asyncio.run(story())


@pytest.mark.parametrize("sessions", [["a"] * 9, list("abcdefghi")])
def test_who_waited_while_the_log_was_found_to_be_away_hears_it_with_the_first(
    executor: Executor, sessions: list[str]
) -> None:
    async def story() -> None:
        async with house(executor) as one:
            asked, gate, append = [], Event(), one.producer.append

            def in_vain(request: Any, fresh: bool) -> Any:
                asked.append(request.request_id)
                assert gate.wait(20)
                raise QueueUnavailable("no broker")

            one.producer.append = in_vain  # type: ignore[method-assign]
            waiting = [asyncio.create_task(one.accept(f"{n}", session_id=s)) for n, s in enumerate(sessions)]
            await until(lambda: len(asked) == min(len(set(sessions)), THREADS))
            gate.set()
            heard = await asyncio.gather(*waiting, return_exceptions=True)
            assert [str(error) for error in heard] == ["no broker"] * 9
            assert len(asked) == min(len(set(sessions)), THREADS), "the others did not wait for it again"
            one.producer.append = append  # type: ignore[method-assign]
            assert (await one.accept("0")).position == 0, "whoever comes later tries"

    asyncio.run(story())


def test_turns_are_taken_first_come_first_served_and_leave_nothing_behind() -> None:
    async def story() -> list[int]:
        turns, order = Turns(), []

        async def take(number: int) -> None:
            async with turns.take("key"):
                await asyncio.sleep(0)
                order.append(number)

        tasks = [asyncio.create_task(take(number)) for number in range(9)]
        await asyncio.sleep(0)
        tasks[4].cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert turns._locks == {}
        return order

    assert asyncio.run(story()) == [0, 1, 2, 3, 5, 6, 7, 8]
