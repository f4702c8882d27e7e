"""One client's reading of one answer: what comes from now on, and before it what stands in the log already.

Its buffer is bounded: a client that reads slowly, or not at all, costs a few megabytes and nobody else's time. What
the buffer cannot hold is read from the log again.
"""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator
from concurrent.futures import Executor
from functools import partial

from emotalk.errors import EmoTalkError, QueueLost, QueueUnavailable
from emotalk.jobs import Part
from emotalk.jobs.actions import to_given_up
from emotalk.jobs.codec import part_of
from emotalk.queues.base import Cursor, JobRow, Receipt, Result, Results

log = logging.getLogger(__name__)

BUFFERED_PARTS = 64
OUTAGE_SECONDS = 1.0


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
        self._buffer.extend(part for part in map(decode_part, again) if part is not None)
        if again:
            partition, offset = self._read_to = again[-1].cursor
            self._behind = (partition, offset + 1)
        elif not self._missed:
            # Nothing came in while the log was read to its end: from here on the thread's parts are in order.
            self._behind = None

    def _has_read(self, cursor: Cursor) -> bool:
        """Has the log given us this part already? The thread may be far behind it."""
        return self._read_to is not None and self._read_to[0] == cursor[0] and cursor[1] <= self._read_to[1]


def say_away(outage: EmoTalkError) -> None:
    """One line for each look at a result log that cannot be read."""
    fix = "clients are told to send again" if isinstance(outage, QueueLost) else "waiting; nothing is lost"
    log.warning("results unavailable", extra={"error": str(outage), "fix": fix})


def decode_part(result: Result) -> Part | EmoTalkError | None:
    """The part that a result brings, or why it brings none; None where it does not belong to its answer."""
    try:
        return part_of(result)
    except EmoTalkError as error:
        return error
