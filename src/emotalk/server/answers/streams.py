"""Answers on their way to clients: one thread reads the result log, the event loop hands each part to its streams.

    results.poll ──thread──► Switchboard ──loop──► Stream.buffer ──► one client
                                                        └─ full: the rest is read from the log again

A stream's buffer is bounded: a client that reads slowly, or not at all, costs a few megabytes and nobody else's time.
"""

import asyncio
import logging
import math
import time
from collections import OrderedDict, deque
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Executor
from functools import partial
from itertools import islice
from threading import Event, Thread

from emotalk.errors import EmoTalkError, QueueLost, QueueUnavailable
from emotalk.jobs import Part
from emotalk.jobs.actions import to_given_up
from emotalk.jobs.codec import part_of
from emotalk.queues.base import RESULTS_KEPT_SECONDS, Cursor, JobRow, Receipt, Result, Results

log = logging.getLogger(__name__)

BUFFERED_PARTS = 64
REMEMBERED_ANSWERS = 10_000
POLL_SECONDS = 0.5
OUTAGE_SECONDS = 1.0

News = tuple[str, Cursor, "Part | EmoTalkError"]


class Stream:
    """One client's reading of one answer, in the order of the log."""

    def __init__(
        self, request_id: str, digest: str, results: Results, executor: Executor, start: Cursor | None
    ) -> None:
        self._request_id, self._digest = request_id, digest
        self._results, self._executor = results, executor
        self._buffer: deque[Part | EmoTalkError] = deque()
        self._behind = start
        self._epoch = 0
        self._last: Cursor | None = None
        self._over = False
        self._read_to: Cursor | None = None
        self._missed = False
        self._news = asyncio.Event()

    def feed(self, cursor: Cursor, part: Part | EmoTalkError) -> None:
        """Take what just came; on the event loop."""
        if self._has_read(cursor):
            return
        if self._behind is not None:
            self._missed = True
        elif len(self._buffer) < BUFFERED_PARTS:
            self._buffer.append(part)
        else:
            self._behind = cursor
        self._news.set()

    def repeat(self, receipt: Receipt) -> None:
        """Read the run that was stored, from where its results begin; of one that was given up, why.

        Parts of other runs of this id do not belong to this answer.
        """
        self._epoch = receipt.epoch
        if receipt.start is not None:
            self.rewind(receipt.start)
        if receipt.failure is not None:
            self._buffer, self._behind = deque([to_given_up(receipt.failure)]), None

    def lose(self, lost: EmoTalkError) -> None:
        """What was not read yet will not come."""
        self._buffer, self._behind = deque([lost]), None
        self._news.set()

    def rewind(self, start: Cursor) -> None:
        """Read from `start` in the log first, then what comes."""
        self._buffer.clear()
        self._behind = start

    def follow(self, row: JobRow) -> None:
        """Read a run that the ledger knows from where its results begin, and to where they end if it is done."""
        self._epoch = row.epoch
        if row.state == "done":
            self._over, self._last = True, row.last
        if row.first is not None:
            self.rewind(row.first)

    def end(self) -> None:
        """Nothing more will come."""
        self._over = True
        self._news.set()

    async def parts(self) -> AsyncIterator[Part]:
        """Every part of the answer, without end unless the job is over: the reader knows when it has enough."""
        while True:
            while self._buffer:
                part = self._buffer.popleft()
                if isinstance(part, EmoTalkError):
                    raise part
                if part.answers(self._digest, self._epoch):
                    yield part
            if self._behind is not None:
                await self._catch_up(self._behind)
            elif self._over:
                return
            else:
                self._news.clear()
                await self._news.wait()

    async def _catch_up(self, start: Cursor) -> None:
        self._missed = False
        read = partial(self._results.read, self._request_id, start, BUFFERED_PARTS, self._last)
        try:
            again = await asyncio.get_running_loop().run_in_executor(self._executor, read)
        except QueueUnavailable as outage:
            say_away(outage)
            await asyncio.sleep(OUTAGE_SECONDS)
            return
        self._buffer.extend(part for part in map(_decode, again) if part is not None)
        if again:
            partition, offset = self._read_to = again[-1].cursor
            self._behind = (partition, offset + 1)
        elif not self._missed:
            # Nothing came in while the log was read to its end: from here on the thread's parts are in order.
            self._behind = None

    def _has_read(self, cursor: Cursor) -> bool:
        """Has the log given us this part already? The thread may be far behind it."""
        return self._read_to is not None and self._read_to[0] == cursor[0] and cursor[1] <= self._read_to[1]


class Channel:
    """What this server knows of one request: its content, whether it is durable, where its results begin."""

    def __init__(
        self,
        digest: str,
        stored: "asyncio.Future[Receipt]",
        clock: Callable[[], float],
        ended: Callable[[], None] = lambda: None,
    ) -> None:
        self.digest = digest
        self.ended = ended
        self.epoch = 0
        self.stored = stored
        self.began: Cursor | None = None
        self.streams: list[Stream] = []
        self.failed = False
        self._clock = clock
        self._heard_at = math.inf

    @property
    def usable(self) -> bool:
        """May another client join? Not a failure, nor what the log may have deleted before it is read again."""
        return not self.failed and self._clock() - self._heard_at < RESULTS_KEPT_SECONDS / 2

    def feed(self, cursor: Cursor, part: Part | EmoTalkError) -> None:
        """Hand on to every client that listens."""
        if isinstance(part, Part) and not part.answers(self.digest, self.epoch):
            return
        self.began = self.began or cursor
        self._heard_at = self._clock()
        self.failed = self.failed or isinstance(part, EmoTalkError) or part.failure is not None
        if isinstance(part, EmoTalkError) or part.ends_answer:
            self.ended()
        for stream in self.streams:
            stream.feed(cursor, part)

    def lose(self, lost: EmoTalkError) -> None:
        """It is over, without its end."""
        self.failed = True
        self.ended()
        for stream in self.streams:
            stream.lose(lost)


class Switchboard:
    """The answers of this server, and the thread that reads for all of them."""

    def __init__(self, results: Results, executor: Executor, clock: Callable[[], float] = time.monotonic) -> None:
        self._results, self._executor, self._clock = results, executor, clock
        self._answers: OrderedDict[str, Channel] = OrderedDict()
        self._loop = asyncio.get_running_loop()
        self._closing = Event()
        self._thread = Thread(target=self._poll, name="results", daemon=True)
        self._thread.start()

    def find(self, request_id: str) -> Channel | None:
        """The answer that is known under this id, unless it failed or is old: then the log is asked again."""
        answer = self._answers.get(request_id)
        return answer if answer is not None and answer.usable else None

    def begin(
        self,
        request_id: str,
        digest: str,
        stored: asyncio.Future[Receipt],
        ended: Callable[[], None] = lambda: None,
    ) -> Channel:
        """Listen for a request that is about to be appended; `ended` hears when nothing more will come."""
        if before := self._answers.get(request_id):
            for stream in before.streams:  # of a run that is over; what it has not read yet may be deleted now
                stream.end()
        answer = self._answers[request_id] = Channel(digest, stored, self._clock, ended)
        self._answers.move_to_end(request_id)
        self._forget_oldest()
        return answer

    def expect(self, row: JobRow) -> Channel:
        """Listen for a run that the ledger knows, whoever took it; or go on listening."""
        answer = self._answers.get(row.request_id)
        if answer is not None and answer.digest == row.digest and answer.epoch in (0, row.epoch):
            return answer
        stored: asyncio.Future[Receipt] = self._loop.create_future()
        stored.set_result(Receipt(row.partition, row.offset, True, row.epoch, row.first))
        answer = self.begin(row.request_id, row.digest, stored)
        answer.epoch = row.epoch
        return answer

    def forget(self, request_id: str, stored: asyncio.Future[Receipt]) -> None:
        """The request was not accepted."""
        answer = self._answers.get(request_id)
        if answer is not None and answer.stored is stored:
            del self._answers[request_id]

    def replay(self, row: JobRow) -> Stream:
        """A client's stream of a run that is done: from the log alone."""
        stream = Stream(row.request_id, row.digest, self._results, self._executor, None)
        stream.follow(row)
        return stream

    def listen(self, request_id: str, answer: Channel, start: Cursor | None) -> Stream:
        """A client's stream: of what comes from now on, or of everything from `start`."""
        stream = Stream(request_id, answer.digest, self._results, self._executor, start)
        answer.streams.append(stream)
        return stream

    def alive(self) -> bool:
        """False once the thread has died of a defect: then no answer can reach anyone."""
        return self._thread.is_alive()

    def stop(self) -> None:
        """End the thread; blocks for one poll at most."""
        self._closing.set()
        self._thread.join()

    def _forget_oldest(self) -> None:
        surplus = len(self._answers) - REMEMBERED_ANSWERS
        if surplus > 0:
            idle = (name for name, answer in self._answers.items() if not answer.streams and answer.stored.done())
            for name in list(islice(idle, surplus)):
                self._answers.pop(name).ended()

    def _poll(self) -> None:
        while not self._closing.is_set():
            try:
                batch = self._results.poll(POLL_SECONDS)
            except EmoTalkError as outage:  # a right that was withdrawn may be granted again
                say_away(outage)
                if isinstance(outage, QueueLost) and not self._closing.is_set():
                    self._loop.call_soon_threadsafe(self._lose, outage)
                self._closing.wait(OUTAGE_SECONDS)
                continue
            ours = [(each, _decode(each)) for each in batch if each.request_id in self._answers]
            news = [(each.request_id, each.cursor, part) for each, part in ours if part is not None]
            if news and not self._closing.is_set():
                self._loop.call_soon_threadsafe(self._feed, news)

    def _lose(self, lost: QueueLost) -> None:
        """Nobody waits for what will not come: each client hears, and may send again."""
        for request_id, answer in list(self._answers.items()):
            if answer.stored.done():
                answer.lose(lost)
                del self._answers[request_id]

    def _feed(self, news: list[News]) -> None:
        for request_id, cursor, part in news:
            if answer := self._answers.get(request_id):
                answer.feed(cursor, part)


def say_away(outage: EmoTalkError) -> None:
    """One line for each look at a result log that cannot be read."""
    fix = "clients are told to send again" if isinstance(outage, QueueLost) else "waiting; nothing is lost"
    log.warning("results unavailable", extra={"error": str(outage), "fix": fix})


def _decode(result: Result) -> Part | EmoTalkError | None:
    try:
        return part_of(result)
    except EmoTalkError as error:
        return error
