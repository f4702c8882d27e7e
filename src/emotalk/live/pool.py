"""The places of those who speak live, and the way of their sound to the process that draws them and back.

It knows no contract: each contract's servicer makes an `Opening` and blocks of sound of its own messages.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
from contextlib import aclosing, contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

import grpc
from grpc_status import rpc_status

from emotalk import metrics, tracing
from emotalk.client.connection import named
from emotalk.errors import DeadlineExceeded, EmoTalkError, QueueFull, ServerUnavailable
from emotalk.live.conversation import (
    METHOD,
    SERVICE,
    LiveChunk,
    Opening,
    SoundBlock,
    pack_block,
    pack_opening,
    unpack_chunk,
)
from emotalk.supervision.leash import Child
from emotalk.wire import live_pb2

log = logging.getLogger(__name__)

T = TypeVar("T")

IDLE_SECONDS = 60.0
"""Whoever says nothing for so long gives the place to somebody else."""
REAPING_SECONDS = 2.0


class LivePool:
    """`places`: how many may speak at once, 0 for nobody."""

    def __init__(self, environment: Mapping[str, str], places: int, idle_seconds: float = IDLE_SECONDS) -> None:
        self._folder = TemporaryDirectory(prefix="emotalk-live-")
        self._address = f"unix:{Path(self._folder.name) / 'live.sock'}"
        self._child = Child(("live", "--address", self._address), environment)
        self._page = 0
        self._starting = asyncio.Lock()
        self._places, self._taken, self._idle_seconds = places, 0, idle_seconds

    async def converse(self, opening: Opening, sound: AsyncIterator[SoundBlock]) -> AsyncGenerator[LiveChunk, None]:
        """Frames while `sound` is still coming; what it raises comes out here.

        Raises InvalidRequest, EngineError, QueueFull (no place), DeadlineExceeded (silence), ServerUnavailable. Close
        the iterator (contextlib.aclosing) to hang up.
        """
        with self._place():
            await self._ready()
            async with grpc.aio.insecure_channel(self._address) as channel:
                converse = channel.stream_stream(
                    f"/{SERVICE}/{METHOD}", live_pb2.Spoken.SerializeToString, live_pb2.Drawn.FromString
                )
                call = converse(metadata=tuple(tracing.headers().items()))
                async with aclosing(self._exchange(call, opening, sound)) as chunks:
                    async for chunk in chunks:
                        yield chunk

    async def next_of(self, messages: AsyncIterator[T]) -> T | None:
        """The next message, None at their end; for a servicer whose opening is in them. Raises DeadlineExceeded."""
        try:
            async with asyncio.timeout(self._idle_seconds):
                return await anext(messages, None)
        except TimeoutError:
            raise DeadlineExceeded(f"no sound came for {self._idle_seconds:g} s, and nobody ended the stream") from None

    def pages(self) -> Mapping[str, int]:
        """Its process by name, and the loopback port on which it shows its metrics."""
        return {"live": self._page} if self._child.alive and self._page else {}

    async def close(self) -> None:
        """End the process."""
        await self._child.stop()
        self._folder.cleanup()

    @contextmanager
    def _place(self) -> Iterator[None]:
        if self._taken >= self._places:
            raise QueueFull(f"all {self._places} live places are taken; try again later, or see --live-sessions")
        self._taken += 1
        try:
            with metrics.LIVE_STREAMS.track_inprogress():
                yield
        finally:
            self._taken -= 1

    async def _ready(self) -> None:
        async with self._starting:
            if self._child.alive:
                return
            page = await self._child.start()
            if page is None:
                raise ServerUnavailable("the live engine could not start; the server's log says why")
            self._page = int(page or 0)

    async def _exchange(
        self, call: Any, opening: Opening, sound: AsyncIterator[SoundBlock]
    ) -> AsyncGenerator[LiveChunk, None]:
        speaking = asyncio.create_task(self._speak(call, opening, sound))
        try:
            async for message in call:
                yield unpack_chunk(message)
        except grpc.aio.AioRpcError as error:
            raise await self._error_of(error) from error
        except asyncio.CancelledError:
            # Ours to say if we have hung up on the engine: the speaker fell silent, or sent what cannot be used.
            if speaking.done() and not speaking.cancelled() and isinstance(own := speaking.exception(), EmoTalkError):
                raise own from None
            raise
        finally:
            speaking.cancel()
            call.cancel()

    async def _speak(self, call: Any, opening: Opening, sound: AsyncIterator[SoundBlock]) -> None:
        with suppress(grpc.aio.AioRpcError, asyncio.InvalidStateError):  # its end comes out where it is read
            try:
                await call.write(pack_opening(opening))
                while (block := await self.next_of(sound)) is not None:
                    await call.write(pack_block(block))
                await call.done_writing()
            except EmoTalkError:
                call.cancel()
                raise

    async def _error_of(self, error: grpc.aio.AioRpcError) -> EmoTalkError:
        """The engine's own error; a process that died is an outage, and nothing that was spoken is kept."""
        if rpc_status.from_call(error) is not None or error.code() is not grpc.StatusCode.UNAVAILABLE:
            return named(error)
        log.error("live engine died", extra={"error": error.details(), "fix": "none needed: the next stream starts it"})
        with suppress(TimeoutError):  # so that the next one does not take it for alive
            await asyncio.wait_for(self._child.ended(), REAPING_SECONDS)
        return ServerUnavailable("the live engine died; open a new stream")
