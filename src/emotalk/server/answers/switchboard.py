"""Answers on their way to clients: one thread reads the result log, the event loop hands each part to its streams.

results.poll ──thread──► Switchboard ──loop──► Channel ──► Stream.buffer ──► one client
                         all answers           one answer        └─ full: the rest is read from the log again
"""

import asyncio
import math
import time
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Executor
from itertools import islice
from threading import Event, Thread

from emotalk.errors import EmoTalkError, QueueLost
from emotalk.jobs import Part
from emotalk.queues.base import RESULTS_KEPT_SECONDS, Cursor, JobRow, Receipt, Results
from emotalk.server.answers.stream import OUTAGE_SECONDS, Stream, decode_part, say_away

REMEMBERED_ANSWERS = 10_000
POLL_SECONDS = 0.5

News = tuple[str, Cursor, Part | EmoTalkError]


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
        self, request_id: str, digest: str, stored: asyncio.Future[Receipt], ended: Callable[[], None] = lambda: None
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
            ours = [(each, decode_part(each)) for each in batch if each.request_id in self._answers]
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
