"""The life of a server: prepare the log, warm the worker, open the port; on SIGTERM the same, backwards."""

import asyncio
import logging
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from typing import Any, TypeVar

import grpc

from emotalk import metrics
from emotalk.address import Address
from emotalk.jobs.intake import Intake
from emotalk.limits import MAX_MESSAGE_BYTES
from emotalk.live.pool import LivePool
from emotalk.queues.base import Queue
from emotalk.server.answers.dispatch import Dispatch
from emotalk.server.answers.job_calls import JobCalls
from emotalk.server.answers.switchboard import Switchboard
from emotalk.server.contracts import CONTRACTS
from emotalk.server.contracts.base import CallsInHand, Contract, Resources, kinds_of, names_of
from emotalk.server.contracts.standard import HEALTH, reflection_of
from emotalk.server.guard.guard import MESSAGE_MARGIN, Guard
from emotalk.server.health import Readiness, probe_forever
from emotalk.server.listeners import Listeners, bind, check_free
from emotalk.supervision.gateway import Gateway
from emotalk.supervision.workforce import Workforce

log = logging.getLogger(__name__)

T = TypeVar("T")

THREADS = 8
DECODING_THREADS = 2
GOODBYE_SECONDS = 0.5
ECHO_SECONDS = 0.1
"""Wrappers such as `timeout` send one signal twice; a person is slower."""
_OPTIONS = (
    ("grpc.max_send_message_length", MAX_MESSAGE_BYTES + MESSAGE_MARGIN),
    # A waiting stream is silent for as long as the queue is long: pings keep middleboxes from dropping it.
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
    ("grpc.http2.max_pings_without_data", 0),
    # A second server on the same port must fail, not share it silently.
    ("grpc.so_reuseport", 0),
)


class Server:
    """Everything that runs between the first and the last line of the log."""

    def __init__(
        self,
        queue: Queue,
        intake: Intake,
        workforce: Workforce,
        address: Address,
        drain_seconds: float,
        guard: Guard | None = None,
        relay: LivePool | None = None,
        gateway: Gateway | None = None,
        contracts: Sequence[Contract] = CONTRACTS,
        more: Mapping[str, Address] | None = None,
    ) -> None:
        """`more`: further addresses for the same, by the setting that each is of."""
        self._queue, self._intake, self._workforce = queue, intake, workforce
        self._address, self._more, self._drain_seconds = address, more or {}, drain_seconds
        self._guard = guard or Guard()
        self._doorway = self._guard.doorway()
        self._relay, self._gateway = relay, gateway
        self._executor = ThreadPoolExecutor(THREADS, thread_name_prefix="server")
        self._decoding = ThreadPoolExecutor(DECODING_THREADS, thread_name_prefix="decoding")
        # Of its own: appends that wait for a dead broker must not keep the probe from saying so.
        self._probing = ThreadPoolExecutor(1, thread_name_prefix="probing")
        self._readiness = Readiness(names_of(contracts))
        standard = (*contracts, HEALTH)
        self._contracts = (*standard, reflection_of(standard)) if self._guard.reflection else standard
        self._patience = drain_seconds
        self._stop, self._hurry = asyncio.Event(), asyncio.Event()
        self._signalled_at = 0.0
        self.port = 0

    async def run(self) -> None:
        """Serve until told to stop. Before the port opens: QueueUnavailable, ConfigurationError, ProcessRefused."""
        self._hear_signals()
        for setting, each in {"port": self._address, **self._more}.items():
            check_free(each, setting)
        self._tokens = self._guard.tokens()
        self._guard.credentials()  # a certificate that cannot be read is said before anything is loaded
        await self._run(self._queue.prepare)
        producer, results = await self._run(self._queue.producer), await self._run(self._queue.results)
        ledger = await self._run(self._queue.ledger)
        switchboard = Switchboard(results, self._executor)
        try:
            await self._run_unless_stopped(self._workforce.start())
            if self._stop.is_set():
                return
            dispatch = Dispatch(
                self._intake,
                producer,
                switchboard,
                self._executor,
                self._decoding,
                allowances=self._doorway.allowances,
                ledger=ledger,
            )
            desk = JobCalls(ledger, producer, results, switchboard, self._executor)
            probing = asyncio.create_task(
                probe_forever(self._readiness, producer, self._workforce.warm, switchboard.alive, self._probing)
            )
            with metrics.watch_log(self._queue.meter, results.behind):
                await self._serve(
                    Resources(dispatch, desk, self._readiness, self._relay, self._tokens, self._intake.limits)
                )
            probing.cancel()
            with suppress(asyncio.CancelledError):
                await probing
        finally:
            for companion in (self._gateway, self._relay):
                if companion:
                    await companion.close()
            await self._run_until_hurried(self._workforce.stop(self._patience), lambda: self._workforce.stop(0))
            await self._run(switchboard.stop)
            await self._run(producer.close)
            await self._run(results.close)
            await self._run(ledger.close)
            await self._run(self._queue.close)
            for executor in (self._executor, self._decoding, self._probing):
                executor.shutdown(wait=False)

    async def _serve(self, resources: Resources) -> None:
        listeners = Listeners(lambda: self._build(resources))
        self.port = await self._listen(listeners, self._address, "port")
        for setting, address in self._more.items():
            await self._listen(listeners, address, setting)
        async with self._listen_for_gateway(listeners):
            await self._readiness.set(True)
            where = str(Address(self._address.host, self.port))
            more = {setting: str(address) for setting, address in self._more.items()}
            log.info("serving", extra={"address": where, "queue": self._queue.url, **more})
            for companion in (self._gateway, self._relay):
                if companion:
                    companion.open()
            await self._stop.wait()
        await self._drain(listeners, resources.in_hand)  # which takes the gateway's socket away: nobody looks any more

    async def _listen(self, listeners: Listeners, address: Address, setting: str) -> int:
        # Of its own: gRPC asks each port's credentials whether the certificate has changed, and tells no other port.
        return await listeners.listen(lambda server: bind(server, address, self._guard.credentials(), setting))

    def _build(self, resources: Resources) -> grpc.aio.Server:
        server = grpc.aio.server(
            interceptors=self._guard.interceptors(self._tokens, kinds_of(self._contracts), self._doorway),
            options=(*_OPTIONS, *self._guard.options()),
        )
        for contract in self._contracts:
            contract.register(server, resources)
        return server

    @asynccontextmanager
    async def _listen_for_gateway(self, listeners: Listeners) -> AsyncIterator[None]:
        """Listen for the web gateway, if there is one."""
        if not self._gateway:
            yield
            return
        upstream = self._gateway.upstream
        await listeners.listen(lambda server: server.add_insecure_port(upstream.address))
        looking = asyncio.create_task(listeners.look_after(upstream))
        try:
            yield
        finally:
            looking.cancel()

    async def _drain(self, listeners: Listeners, in_hand: CallsInHand) -> None:
        # NOT_SERVING first, so that balancers look elsewhere while the streams in hand are finished.
        await self._readiness.drain()
        log.info("draining", extra={"seconds": self._drain_seconds})
        since = time.monotonic()
        ended = asyncio.create_task(_end_when_idle(listeners, in_hand))
        await self._run_until_hurried(listeners.stop(self._drain_seconds), lambda: listeners.stop(None))
        ended.cancel()
        taken = time.monotonic() - since
        self._patience = 0.0 if self._hurry.is_set() else max(0.0, self._drain_seconds - taken)
        log.info("drained", extra={"seconds": round(taken, 1)})

    def stop(self) -> None:
        """Ask the server to drain and end."""
        self._stop.set()

    def _hear_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            with suppress(NotImplementedError, RuntimeError):  # no signals outside the main thread, nor on Windows
                loop.add_signal_handler(number, self._handle_signal)

    def _handle_signal(self) -> None:
        now = time.monotonic()
        if not self._stop.is_set():
            self._signalled_at = now
            self._stop.set()
        elif now - self._signalled_at > ECHO_SECONDS:
            log.warning("second signal: ending at once")
            self._patience = 0.0
            self._hurry.set()

    async def _run_unless_stopped(self, work: Coroutine[Any, Any, None]) -> None:
        """Whoever is told to stop while it loads gigabytes need not load them to the end."""
        task, stopped = asyncio.create_task(work), asyncio.create_task(self._stop.wait())
        await asyncio.wait((task, stopped), return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
        if not task.done():
            task.cancel()
        else:
            task.result()

    async def _run_until_hurried(self, work: Coroutine[Any, Any, None], faster: Callable[[], Awaitable[None]]) -> None:
        task, hurried = asyncio.create_task(work), asyncio.create_task(self._hurry.wait())
        await asyncio.wait((task, hurried), return_when=asyncio.FIRST_COMPLETED)
        hurried.cancel()
        if not task.done():
            await faster()
        await task

    async def _run(self, call: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._executor, call)


async def _end_when_idle(listeners: Listeners, in_hand: CallsInHand) -> None:
    # A balancer that watches the health holds a call open for ever; nobody waits for that one.
    await in_hand.idle()
    await listeners.stop(GOODBYE_SECONDS)
