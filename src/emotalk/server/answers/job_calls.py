"""Where a job stands, its answer from any frame on, and its end before its time: for whoever knows the id."""

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import TypeVar

from emotalk.errors import EmoTalkError, JobCancelled, NewerRecord, QueueUnavailable
from emotalk.jobs.actions import cancel, get_row, to_given_up
from emotalk.jobs.codec import part_of
from emotalk.jobs.intake import check_id
from emotalk.queues.base import JobRow, Ledger, Producer, Receipt, Results
from emotalk.queues.strangers import MOST, number, whole
from emotalk.server.answers.dispatch import Accepted
from emotalk.server.answers.switchboard import Switchboard

log = logging.getLogger(__name__)

T = TypeVar("T")


@dataclass(frozen=True)
class Standing:
    """A job as it stands: `position` unfinished requests are before it, if it waits and the log says."""

    row: JobRow
    position: int | None
    frames_done: int
    frames_total: int


class JobCalls:
    """Reads and writes the ledger off the event loop; everything may raise QueueUnavailable."""

    def __init__(
        self, ledger: Ledger, producer: Producer, results: Results, switchboard: Switchboard, executor: Executor
    ) -> None:
        self._ledger, self._producer, self._results = ledger, producer, results
        self._switchboard, self._executor = switchboard, executor

    async def find(self, request_id: str) -> Standing:
        """Where a job stands. Raises UnknownJob, InvalidRequest."""
        check_id("request_id", request_id)
        return await self._run(lambda: self._make_standing(get_row(self._ledger, request_id)))

    async def cancel(self, request_id: str) -> Standing:
        """Take it away unless it is over, then say where it stands. Raises UnknownJob, InvalidRequest."""
        check_id("request_id", request_id)
        return await self._run(lambda: self._make_standing(cancel(self._ledger, get_row(self._ledger, request_id))))

    async def follow(self, request_id: str) -> Accepted:
        """Its answer from its first frame on. Raises UnknownJob, InvalidRequest, and what ended it unanswered."""
        check_id("request_id", request_id)
        row = await self._run(lambda: get_row(self._ledger, request_id))
        if (error := error_of(row)) is not None:
            raise error
        log.info("follow", extra={"request_id": request_id, "state": row.state})
        if row.state == "done":
            return Accepted(request_id, None, self._switchboard.replay(row))
        return await self._listen(row)

    async def _listen(self, row: JobRow) -> Accepted:
        answer = self._switchboard.expect(row)
        accepted = Accepted(row.request_id, None, self._switchboard.listen(row.request_id, answer, None), answer)
        try:
            # Again, now that whatever comes is heard: what came before has by now been noted.
            row = await self._run(lambda: get_row(self._ledger, row.request_id))
            if (error := error_of(row)) is not None:
                raise error
            accepted.stream.follow(row)
            position = (await self._run(lambda: self._make_standing(row))).position
        except BaseException:
            accepted.leave()
            raise
        return Accepted(row.request_id, position, accepted.stream, answer)

    def _make_standing(self, row: JobRow) -> Standing:
        total = whole(row.headers.get("frames"))
        if row.state == "done" and total:
            return Standing(row, None, total, total)
        if row.state not in ("running", "done"):
            return Standing(row, self._find_position(row) if row.state == "queued" else None, 0, total)
        done, told = self._measure_progress(row)
        return Standing(row, None, done, total or told)

    def _find_position(self, row: JobRow) -> int | None:
        try:
            return min(self._producer.ahead(Receipt(row.partition, row.offset)), MOST)
        except QueueUnavailable:
            return None

    def _measure_progress(self, row: JobRow) -> tuple[int, int]:
        """Frames up to the newest result, and of the whole answer."""
        newest = self._results.read(row.request_id, row.last, 1, row.last) if row.last else []
        try:
            part = part_of(newest[-1]) if newest else None
        except NewerRecord:
            part = None
        if part is None:
            return 0, 0
        return min(part.first_frame + len(part.frames), MOST), min(part.total_frames, MOST)

    async def _run(self, call: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._executor, call)


def error_of(row: JobRow) -> EmoTalkError | None:
    """Why there will be no (more) frames of it."""
    if row.state == "cancelled":
        return JobCancelled(f"{row.request_id} was cancelled")
    if row.state in ("dead", "failed"):
        return to_given_up(row.error)
    return None


def number_of(row: JobRow, header: str) -> float:
    """A header as a number; 0 where it is none, for other programs write to the log as well."""
    return number(row.headers.get(header))
