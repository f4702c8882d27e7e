"""From an order to a durable request with a listening stream, in the order of arrival.

Why so: docs/decisions/0001.
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Hashable
from concurrent.futures import Executor
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar

from emotalk import metrics, tracing
from emotalk.errors import QueueUnavailable, RequestConflict
from emotalk.jobs.intake import Intake, Order, as_request
from emotalk.jobs.job import Job
from emotalk.queues.base import ENDED, Ledger, Producer, Receipt, Record
from emotalk.queues.strangers import MOST
from emotalk.server.answers.stream import Stream
from emotalk.server.answers.switchboard import Channel, Switchboard
from emotalk.server.guard.gate import Caller
from emotalk.server.guard.quota import Allowances, Place

log = logging.getLogger(__name__)

T = TypeVar("T")


class Turns:
    """One lock per key, first come first served: a short clip must not overtake a long one that decodes slower."""

    def __init__(self) -> None:
        self._locks: dict[Hashable, tuple[asyncio.Lock, int]] = {}

    @asynccontextmanager
    async def take(self, key: Hashable) -> AsyncIterator[None]:
        """Wait for everyone of the same key who came before."""
        lock, waiting = self._locks.get(key, (asyncio.Lock(), 0))
        self._locks[key] = lock, waiting + 1
        try:
            async with lock:
                yield
        finally:
            lock, waiting = self._locks[key]
            if waiting == 1:
                del self._locks[key]
            else:
                self._locks[key] = lock, waiting - 1


@dataclass(frozen=True)
class Arrival:
    """An order at the door, from whom, and the last outage that was known when it came."""

    order: Order
    caller: Caller
    outage: QueueUnavailable | None


@dataclass(frozen=True)
class Accepted:
    """A durable request: `position` requests stand before it, if the log says; `stream` carries its answer.

    `answer`: among whose listeners the stream is, if more is to come.
    """

    request_id: str
    position: int | None
    stream: Stream
    answer: Channel | None = None

    def leave(self) -> None:
        """The client has gone, or has everything."""
        if self.answer:
            self.answer.streams.remove(self.stream)


class Dispatch:
    """The server's way into the request log. `decoding` has few threads: half an hour of sound takes 240 MB."""

    def __init__(
        self,
        intake: Intake,
        producer: Producer,
        switchboard: Switchboard,
        executor: Executor,
        decoding: Executor,
        clock: Callable[[], float] = time.time,
        allowances: Allowances | None = None,
        ledger: Ledger | None = None,
    ) -> None:
        self._ledger = ledger
        self._intake, self._producer, self._switchboard = intake, producer, switchboard
        self._allowances = allowances or Allowances()
        self._executor, self._decoding, self._clock = executor, decoding, clock
        self._turns = Turns()
        self._outage: QueueUnavailable | None = None

    async def accept(self, order: Order, caller: Caller) -> Accepted:
        """Return once the request is durable.

        Raises InvalidRequest, RequestConflict, QueueUnavailable, QueueFull, ClientLimit.

        A client that hangs up meanwhile cancels nothing: storing is a task of its own.
        """
        with metrics.count_refusal():
            self._intake.check(order)
        with metrics.count_refusal(), tracing.span("accept", request_id=order.request_id):
            accepting = asyncio.create_task(self._accept_in_turn(Arrival(order, caller, self._outage)))
            try:
                return await asyncio.shield(accepting)
            except asyncio.CancelledError:
                accepting.add_done_callback(self._leave_accepted)
                raise

    def _leave_accepted(self, accepting: asyncio.Task[Accepted]) -> None:
        if not accepting.cancelled() and accepting.exception() is None:
            accepting.result().leave()

    async def _accept_in_turn(self, arrival: Arrival) -> Accepted:
        """Join the answer that this server knows, or begin it: listen, store, then read what was there before."""
        order = arrival.order
        # A session's name is its client's own: whoever else uses it does not wait in this line.
        caller = arrival.caller
        async with self._turns.take((caller.client, order.session_id) if order.session_id else (caller.connection, "")):
            self._share_outage(arrival)
            digest = await self._run(order.digest)
            answer = self._switchboard.find(order.request_id)
            if answer is not None and await self._run(self._is_current, order.request_id, digest, answer):
                return await self._join(order.request_id, digest, answer)
            # Listening starts before the append, so that not even the quickest worker's first part is missed.
            answer, stream = self._listen(arrival, digest)
            receipt = await answer.stored
            answer.epoch, answer.failed = receipt.epoch, receipt.failure is not None
            stream.repeat(receipt)
            return await self._wait_accepted(order.request_id, answer, stream)

    def _is_current(self, request_id: str, digest: str, answer: Channel) -> bool:
        """Has nobody taken its job away meanwhile? The word of it may still be on its way.

        One that was given up is still this answer to those who repeat it: its failure is on its way.
        """
        if self._ledger is None or not answer.epoch:
            return True
        row = self._ledger.find(request_id)
        if row is None or row.epoch != answer.epoch:
            return False
        return row.state not in ENDED or row.state == "done" or (row.state == "dead" and digest == answer.digest)

    def _listen(self, arrival: Arrival, digest: str) -> tuple[Channel, Stream]:
        """Begin to store the request, in a task of its own, and to listen for its answer."""
        name, place = arrival.order.request_id, self._allowances.take(arrival.caller.client)
        storing = asyncio.create_task(self._store(arrival, place))
        storing.add_done_callback(partial(self._settle_storing, name, place))
        answer = self._switchboard.begin(name, digest, storing, partial(self._allowances.leave, place))
        return answer, self._switchboard.listen(name, answer, None)

    async def _join(self, request_id: str, digest: str, answer: Channel) -> Accepted:
        if answer.digest != digest:
            raise RequestConflict(
                f"request_id: '{request_id}' is taken by other audio or other parameters. Use a new id, or none."
            )
        receipt = await asyncio.shield(answer.stored)
        stream = self._switchboard.listen(request_id, answer, answer.began)
        stream.repeat(receipt)
        metrics.JOINED.inc()
        log.info("request joined", extra={"request_id": request_id})
        return await self._wait_accepted(request_id, answer, stream)

    async def _wait_accepted(self, request_id: str, answer: Channel, stream: Stream) -> Accepted:
        return Accepted(request_id, await self._run(self._find_position, answer.stored.result()), stream, answer)

    def _find_position(self, receipt: Receipt) -> int | None:
        try:
            return min(self._producer.ahead(receipt), MOST)
        except QueueUnavailable:  # accepted all the same, and the client has no use for an error about a courtesy
            return None

    async def _store(self, arrival: Arrival, share: Place) -> Receipt:
        prepare = asyncio.get_running_loop().run_in_executor(self._decoding, self._prepare, arrival)
        with tracing.span("decode"):
            job, request = await prepare
        self._allowances.grow(share, job.seconds)
        with tracing.span("append", kind="producer", seconds=job.seconds):
            # From here on the record says whose it is: its worker may be another process, and the second to try.
            request = replace(request, headers={**request.headers, **tracing.make_headers()})
            receipt = await self._run(self._append, arrival, request)
        place = {"partition": receipt.partition, "offset": receipt.offset, "repeated": receipt.repeated}
        metrics.count_stored(job.seconds, receipt.repeated)
        log.info("accept", extra={"request_id": job.request_id, "seconds": round(job.seconds, 3), **place})
        return receipt

    def _append(self, arrival: Arrival, request: Record) -> Receipt:
        self._share_outage(arrival)  # there are fewer threads than clients
        try:
            with metrics.APPEND_SECONDS.time():
                return self._producer.append(request, fresh=arrival.order.fresh)
        except QueueUnavailable as outage:
            self._outage = outage
            raise

    def _share_outage(self, arrival: Arrival) -> None:
        """Fail requests that were already waiting when the outage began, instead of letting each wait ten seconds."""
        if self._outage is not arrival.outage:
            raise QueueUnavailable(str(self._outage))

    def _prepare(self, arrival: Arrival) -> tuple[Job, Record]:
        with metrics.DECODE_SECONDS.time():
            job = self._intake.accept(arrival.order, self._clock)
            return job, as_request(job, arrival.caller.connection)

    def _settle_storing(self, request_id: str, place: Place, storing: asyncio.Task[Receipt]) -> None:
        failed = storing.cancelled() or storing.exception() is not None
        if failed:
            self._switchboard.forget(request_id, storing)
        if failed or storing.result().repeated:  # where it was there already, it has its place, or needs none any more
            self._allowances.leave(place)

    async def _run(self, call: Callable[..., T], *args: object) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._executor, call, *args)
