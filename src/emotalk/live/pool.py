"""Passes live sound on to the process that animates it, and starts that process when somebody first speaks."""

import asyncio
import logging
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import grpc
from grpc_status import rpc_status

from emotalk import tracing
from emotalk.errors import DeadlineExceeded, EmoTalkError, QueueFull, ServerUnavailable
from emotalk.supervision.leash import Child
from emotalk.wire import emotalk_pb2, emotalk_pb2_grpc

log = logging.getLogger(__name__)

IDLE_SECONDS = 60.0
"""Whoever says nothing for so long gives the place to somebody else."""
REAPING_SECONDS = 2.0


class LivePool:
    """StreamAudio of this server; `places`: how many may speak at once, 0 for nobody."""

    def __init__(self, environment: Mapping[str, str], places: int, idle_seconds: float = IDLE_SECONDS) -> None:
        self._folder = TemporaryDirectory(prefix="emotalk-live-")
        self._address = f"unix:{Path(self._folder.name) / 'live.sock'}"
        self._child = Child(("live", "--address", self._address), environment)
        self._page = 0
        self._starting = asyncio.Lock()
        self._places, self._taken, self._idle_seconds = places, 0, idle_seconds

    async def converse(self, context: grpc.aio.ServicerContext) -> None:
        """One stream from its first message to its last. Raises EmoTalkError; other errors end the call themselves."""
        if self._taken >= self._places:
            raise QueueFull(f"all {self._places} live places are taken; try again later, or see --live-sessions")
        self._taken += 1
        try:
            await self._ready()
            async with grpc.aio.insecure_channel(self._address) as channel:
                trace = tuple(tracing.headers().items())
                await self._pass(context, emotalk_pb2_grpc.EmoTalkServiceStub(channel).StreamAudio(metadata=trace))
        finally:
            self._taken -= 1

    def pages(self) -> Mapping[str, int]:
        """Its process by name, and the loopback port on which it shows its metrics."""
        return {"live": self._page} if self._child.alive and self._page else {}

    async def close(self) -> None:
        """End the process."""
        await self._child.stop()
        self._folder.cleanup()

    async def _ready(self) -> None:
        async with self._starting:
            if self._child.alive:
                return
            page = await self._child.start()
            if page is None:
                raise ServerUnavailable("the live engine could not start; the server's log says why")
            self._page = int(page or 0)

    async def _pass(self, context: grpc.aio.ServicerContext, call: grpc.aio.StreamStreamCall) -> None:
        hearing = asyncio.create_task(self._hear(context, call))
        try:
            async for response in call:
                await context.write(response)
        except grpc.aio.AioRpcError as error:
            await self._end_as(context, error)
        except asyncio.CancelledError:
            # Ours to say if we have hung up on the engine because the speaker fell silent.
            if hearing.done() and not hearing.cancelled() and isinstance(silence := hearing.exception(), EmoTalkError):
                raise silence from None
            raise
        finally:
            hearing.cancel()
            call.cancel()

    async def _hear(self, context: grpc.aio.ServicerContext, call: grpc.aio.StreamStreamCall) -> None:
        with suppress(grpc.aio.AioRpcError, asyncio.InvalidStateError):  # its end comes out where it is read
            while (message := await self._next(context, call)) is not grpc.aio.EOF:
                await call.write(message)
            await call.done_writing()

    async def _next(self, context: grpc.aio.ServicerContext, call: grpc.aio.StreamStreamCall) -> emotalk_pb2.AudioFrame:
        try:
            return await asyncio.wait_for(context.read(), self._idle_seconds)
        except TimeoutError:
            call.cancel()
            raise DeadlineExceeded(f"no sound came for {self._idle_seconds:g} s, and nobody ended the stream") from None

    async def _end_as(self, context: grpc.aio.ServicerContext, error: grpc.aio.AioRpcError) -> None:
        """The engine's own status; a process that died is an outage, and nothing that was spoken is kept."""
        status = rpc_status.from_call(error)
        if status is not None:
            own = rpc_status.to_status(status)
            await context.abort(own.code, own.details, own.trailing_metadata)
        if error.code() is not grpc.StatusCode.UNAVAILABLE:
            await context.abort(error.code(), error.details() or "")
        log.error("live engine died", extra={"error": error.details(), "fix": "none needed: the next stream starts it"})
        with suppress(TimeoutError):  # so that the next one does not take it for alive
            await asyncio.wait_for(self._child.ended(), REAPING_SECONDS)
        raise ServerUnavailable("the live engine died; open a new stream")
