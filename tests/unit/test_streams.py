"""From the result log to each client: nothing lost at the seam between reading again and live, and little in memory."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emotalk.errors import NewerRecord, QueueLost, QueueUnavailable
from emotalk.jobs import Failure, Part
from emotalk.jobs.assembly import Assembly
from emotalk.jobs.codec import encode_part
from emotalk.queues.base import RESULTS_KEPT_SECONDS, Cursor, Receipt, Result
from emotalk.server.answers import stream as stream_module
from emotalk.server.answers import switchboard as switchboard_module
from emotalk.server.answers.stream import BUFFERED_PARTS, Stream
from emotalk.server.answers.switchboard import Switchboard

T = TypeVar("T")


def result(number: int, request_id: str = "one", total: int = 10**6) -> Result:
    """Part `number` of an answer, one frame each."""
    import numpy as np

    frames = np.full((1, 52), number, np.float32)
    part = Part(request_id, "a", number, number, total, True, frames)
    return Result(request_id, encode_part(part), (0, 7 + 3 * number))


def numbers(parts: list[Part]) -> list[int]:
    return [part.first_frame for part in parts]


class Log:
    """The result log, and a poll that tells only what it is told to tell."""

    def __init__(self) -> None:
        self.records: list[Result] = []
        self.reads = 0
        self.outages = 0
        self.biggest = 0

    def read(self, request_id: str, start: Cursor, limit: int, last: Cursor | None = None) -> list[Result]:
        self.reads += 1
        if self.outages:
            self.outages -= 1
            raise QueueUnavailable("away")
        found = [r for r in self.records if r.request_id == request_id and r.cursor >= start][:limit]
        self.biggest = max(self.biggest, len(found))
        return found


class Inline(Executor):
    """Runs at once on the loop's own thread, so that a test decides what happens when."""

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> "Future[T]":
        future: Future[T] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except QueueUnavailable as error:
            future.set_exception(error)
        return future


class Held(Executor):
    """Reads at once, but the answer stays on its way until the test lets it arrive."""

    def __init__(self) -> None:
        self.on_their_way: list[tuple[Future[Any], Any]] = []

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> "Future[T]":
        future: Future[T] = Future()
        self.on_their_way.append((future, fn(*args, **kwargs)))
        return future

    def arrive(self) -> None:
        for future, answer in self.on_their_way:
            future.set_result(answer)
        self.on_their_way.clear()


async def taken(stream: Stream, count: int) -> list[Part]:
    """The next parts; a stream that has lost one would wait for ever, so this ends after a few looks."""
    parts: list[Part] = []
    async with asyncio.timeout(5):
        async for part in stream.parts():
            parts.append(part)
            if len(parts) == count:
                break
    return parts


def run(story: Any) -> Any:
    return asyncio.run(story)


@pytest.fixture
def log() -> Log:
    return Log()


def live(stream: Stream, found: Result) -> None:
    from emotalk.jobs.codec import decode_part

    stream.feed(found.cursor, decode_part(found.payload))


def test_parts_that_come_while_one_listens_are_handed_on_in_order(log: Log) -> None:
    async def story() -> list[Part]:
        stream = Stream("one", "", log, Inline(), None)
        for number in range(5):
            live(stream, result(number))
        return await taken(stream, 5)

    assert numbers(run(story())) == [0, 1, 2, 3, 4]
    assert log.reads == 0


def test_a_slow_reader_is_served_from_the_log_again_with_the_same_parts(log: Log) -> None:
    count = 10 * BUFFERED_PARTS

    async def story() -> list[Part]:
        stream = Stream("one", "", log, Inline(), None)
        for number in range(count):
            log.records.append(result(number))
            live(stream, log.records[-1])
        assert len(stream._buffer) == BUFFERED_PARTS, "the rest stands in the log, not in memory"
        assert log.reads == 0, "and nobody's time is spent until it reads"
        return await taken(stream, count)

    assert numbers(run(story())) == list(range(count))
    assert log.biggest <= BUFFERED_PARTS


def test_who_joins_later_hears_everything_from_the_start(log: Log) -> None:
    async def story() -> list[Part]:
        log.records = [result(number) for number in range(5)] + [result(0, "another")]
        stream = Stream("one", "", log, Inline(), (0, 0))
        first = await taken(stream, 5)
        log.records.append(result(5))
        live(stream, log.records[-1])
        return first + await taken(stream, 1)

    assert numbers(run(story())) == list(range(6))


def test_what_is_told_while_the_log_was_found_to_be_read_to_its_end_is_not_lost(log: Log) -> None:
    async def story() -> list[Part]:
        held = Held()
        stream = Stream("one", "", log, held, (0, 0))
        reading = asyncio.create_task(taken(stream, 1))
        await asyncio.sleep(0)
        assert held.on_their_way, "it looked, and found nothing"
        log.records.append(result(0))
        live(stream, log.records[-1])
        while not reading.done():
            held.arrive()
            await asyncio.sleep(0)
        return await reading

    assert numbers(run(story())) == [0]


def test_an_outage_of_the_log_is_waited_for(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream_module, "OUTAGE_SECONDS", 0)

    async def story() -> list[Part]:
        log.records, log.outages = [result(number) for number in range(3)], 4
        return await taken(Stream("one", "", log, Inline(), (0, 0)), 3)

    assert numbers(run(story())) == [0, 1, 2]


def test_a_record_of_a_newer_version_ends_the_stream_by_name(log: Log) -> None:
    async def story() -> None:
        log.records = [Result("one", b"EMTKP\xff of tomorrow", (0, 1))]
        await taken(Stream("one", "", log, Inline(), (0, 0)), 1)

    with pytest.raises(NewerRecord):
        run(story())


def test_what_a_stranger_wrote_among_the_parts_of_an_answer_is_skipped(log: Log) -> None:
    whole = [result(number) for number in range(4)]
    strange = [b"noise", b"", whole[0].payload[:-1], result(1, "another").payload]

    async def story() -> list[Part]:
        for number, (one, noise) in enumerate(zip(whole, strange, strict=True)):
            log.records += [Result("one", noise, (0, 6 + 3 * number)), one]
        return await taken(Stream("one", "", log, Inline(), (0, 0)), 4)

    assert numbers(run(story())) == [0, 1, 2, 3]


@settings(max_examples=150)
@given(data=st.data())
@pytest.mark.long
def test_no_part_is_lost_and_none_comes_twice_whatever_happens_when(data: st.DataObject) -> None:
    """Writing, telling and reading in any order: the thread may lag behind the log, never run ahead of it."""
    log, total = Log(), 300

    async def story() -> list[Part]:
        joins_at = data.draw(st.integers(0, 40))
        log.records = [result(number) for number in range(joins_at)]
        already_told = data.draw(st.integers(0, joins_at))
        stream = Stream("one", "", log, Inline(), (0, 0) if joins_at else None)
        steps = data.draw(
            st.lists(st.tuples(st.sampled_from("write tell take".split()), st.integers(1, 150)), max_size=25)
        )
        heard, told, reading = [], already_told, stream.parts()
        pending: asyncio.Task[Part] | None = None

        async def take(most: int) -> None:
            nonlocal pending
            for _ in range(most):
                pending = pending or asyncio.ensure_future(anext(reading))  # type: ignore[arg-type]
                for _ in range(4):
                    await asyncio.sleep(0)
                if not pending.done():
                    return
                heard.append(pending.result())
                pending = None

        for step, count in [*steps, ("write", total), ("tell", total), ("take", 2 * total)]:
            if step == "write":
                new = range(len(log.records), min(total, len(log.records) + count))
                log.records += [result(number) for number in new]
            elif step == "tell":
                for found in log.records[told : told + count]:
                    live(stream, found)
                told = min(len(log.records), told + count)
            else:
                await take(count)
        if pending:
            pending.cancel()
        return heard

    assert numbers(run(story())) == list(range(total))


class Wire:
    """A result log that a real thread polls."""

    def __init__(self) -> None:
        self.records: list[Result] = []
        self.changed = threading.Condition()
        self.told = 0
        self.outages = 0

    def write(self, *new: Result) -> None:
        with self.changed:
            self.records += new
            self.changed.notify_all()

    def poll(self, timeout: float) -> list[Result]:
        with self.changed:
            if self.outages:
                self.outages -= 1
                raise QueueUnavailable("away")
            self.changed.wait_for(lambda: len(self.records) > self.told, min(timeout, 0.05))
            batch = self.records[self.told : self.told + 64]
            self.told += len(batch)
            return batch

    def read(self, request_id: str, start: Cursor, limit: int, last: Cursor | None = None) -> list[Result]:
        with self.changed:
            return [r for r in self.records if r.request_id == request_id and r.cursor >= start][:limit]

    def close(self) -> None:
        pass


@pytest.fixture
def threads() -> Iterator[Executor]:
    with ThreadPoolExecutor(4) as executor:
        yield executor


@asynccontextmanager
async def switched(
    wire: Wire, threads: Executor, clock: Callable[[], float] = lambda: 0.0
) -> AsyncIterator[Switchboard]:
    switchboard = Switchboard(wire, threads, clock)
    try:
        yield switchboard
    finally:
        await asyncio.get_running_loop().run_in_executor(threads, switchboard.stop)


async def stored(repeated: bool = False) -> Receipt:
    return Receipt(0, 0, repeated)


def test_many_clients_at_once_each_hear_their_own_answer_whole(threads: Executor) -> None:
    wire, clients, count = Wire(), 20, 200

    async def story() -> list[list[int]]:
        async with switched(wire, threads) as switchboard:
            heard = []
            for client in range(clients):
                answer = switchboard.begin(f"{client}", "d", asyncio.ensure_future(stored()))
                heard.append(taken(switchboard.listen(f"{client}", answer, None), count))
            writer = threading.Thread(
                target=lambda: [wire.write(result(n, f"{c}")) for n in range(count) for c in range(clients)]
            )
            writer.start()
            everything = await asyncio.gather(*heard)
            writer.join()
            return [numbers(parts) for parts in everything]

    assert run(story()) == [list(range(count))] * clients


def test_an_outage_of_the_result_log_is_borne_by_the_thread(threads: Executor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(switchboard_module, "OUTAGE_SECONDS", 0)
    wire = Wire()
    wire.outages = 5

    async def story() -> list[Part]:
        async with switched(wire, threads) as switchboard:
            answer = switchboard.begin("one", "d", asyncio.ensure_future(stored()))
            wire.write(result(0))
            parts = await taken(switchboard.listen("one", answer, None), 1)
            assert switchboard.alive()
            return parts

    assert numbers(run(story())) == [0]


def test_of_a_log_that_was_deleted_each_client_hears_and_its_id_is_free(threads: Executor) -> None:
    """Who reads live, who is behind and reads again, and who has not been accepted yet: that one waits on."""

    class Deleted(Wire):
        def poll(self, timeout: float) -> list[Result]:
            if self.outages:
                self.outages -= 1
                raise QueueLost("deleted")
            return super().poll(timeout)

    wire, ended = Deleted(), list[str]()

    async def story() -> None:
        async with switched(wire, threads) as switchboard:
            streams_of, accepting = list[Stream](), asyncio.get_running_loop().create_future()
            for name, storing in {"live": stored(), "behind": stored(), "early": accepting}.items():
                future = asyncio.ensure_future(storing)
                answer = switchboard.begin(name, "d", future, partial(ended.append, name))
                streams_of.append(switchboard.listen(name, answer, (0, 0) if name == "behind" else None))
            await asyncio.sleep(0)
            wire.outages = 1
            for stream in streams_of[:2]:
                with pytest.raises(QueueLost):
                    await taken(stream, 1)
            assert switchboard.find("live") is switchboard.find("behind") is None
            assert ended == ["live", "behind"]
            accepting.set_result(Receipt(0, 0))
            wire.write(result(0, "early"))
            assert numbers(await taken(streams_of[2], 1)) == [0]

    run(story())


def test_after_a_failure_the_id_may_be_used_again_and_hears_nothing_old(threads: Executor) -> None:
    wire = Wire()

    async def story() -> list[Part]:
        async with switched(wire, threads) as switchboard:
            old = switchboard.begin("one", "d", asyncio.ensure_future(stored()))
            stream = switchboard.listen("one", old, None)
            failure = encode_part(Part("one", "a", failure=Failure("EngineError", "NaN")))
            wire.write(result(0), Result("one", failure, (0, 8)))
            await taken(stream, 2)
            assert switchboard.find("one") is None
            new = switchboard.begin("one", "other", asyncio.ensure_future(stored()))
            again = switchboard.listen("one", new, None)
            wire.write(result(1))
            return await taken(again, 1)

    assert numbers(run(story())) == [1]


def test_an_answer_that_the_log_may_have_deleted_is_asked_of_the_log_again(threads: Executor) -> None:
    wire, now = Wire(), [0.0]

    async def story() -> None:
        async with switched(wire, threads, lambda: now[0]) as switchboard:
            answer = switchboard.begin("one", "d", asyncio.ensure_future(stored()))
            stream = switchboard.listen("one", answer, None)
            now[0] = 3 * RESULTS_KEPT_SECONDS
            assert switchboard.find("one") is answer, "a job may wait for days"
            wire.write(result(0))
            await taken(stream, 1)
            assert switchboard.find("one") is answer
            now[0] += RESULTS_KEPT_SECONDS
            assert switchboard.find("one") is None

    run(story())


def test_ten_thousand_answers_are_remembered_and_no_more_but_never_one_that_is_listened_to(
    threads: Executor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(switchboard_module, "REMEMBERED_ANSWERS", 3)

    async def story() -> None:
        async with switched(Wire(), threads) as switchboard:
            for name in "abcdef":
                answer = switchboard.begin(name, "d", asyncio.ensure_future(stored()))
                if name == "a":
                    switchboard.listen(name, answer, None)
                await answer.stored
            known = [name for name in "abcdef" if switchboard.find(name)]
            assert known == ["a", "e", "f"]

    run(story())


def test_a_request_that_was_not_accepted_is_forgotten_but_not_its_successor(threads: Executor) -> None:
    async def story() -> None:
        async with switched(Wire(), threads) as switchboard:
            refused = asyncio.ensure_future(stored())
            switchboard.begin("one", "d", refused)
            successor = switchboard.begin("one", "d", asyncio.ensure_future(stored()))
            switchboard.forget("one", refused)
            assert switchboard.find("one") is successor
            switchboard.forget("one", successor.stored)
            assert switchboard.find("one") is None
            await asyncio.gather(refused, successor.stored)

    run(story())


def test_an_assembled_answer_survives_a_slow_reader_and_a_redelivery(log: Log) -> None:
    """The whole way: a buffer that overflows, a second delivery of everything, and each frame once."""
    count = 3 * BUFFERED_PARTS

    async def story() -> list[int]:
        stream, assembly, seen = Stream("one", "", log, Inline(), None), Assembly(), []
        for place, number in enumerate([*range(count // 2), *range(count)]):
            found = Result("one", result(number, total=count).payload, (0, place))
            log.records.append(found)
            live(stream, found)
        async for part in stream.parts():
            response = assembly.add(part)
            seen += [int(frame[0]) for frame in response.frames] if response else []
            if assembly.complete:
                return seen
        raise AssertionError

    assert run(story()) == list(range(count))
