"""The places of those who speak live, and the way of their sound to the process that draws them and back.

It knows no contract: each contract's servicer makes an `Opening` and blocks of sound of its own messages.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import aclosing, asynccontextmanager, suppress
from typing import Any, TypeVar

import grpc
from grpc_status import rpc_status

from emotalk import metrics, tracing
from emotalk.client.connection import NO_PROXY
from emotalk.errors import DeadlineExceeded, EmoTalkError, QueueFull, ServerUnavailable
from emotalk.live.conversation import (
    METHOD,
    SERVICE,
    UNBOUNDED,
    LiveChunk,
    Opening,
    SoundBlock,
    pack_block,
    pack_opening,
    unpack_chunk,
)
from emotalk.supervision.keeper import Keeper
from emotalk.supervision.leash import Child
from emotalk.supervision.sockets import LOOK_SECONDS, PrivateSocket
from emotalk.wire import live_pb2
from emotalk.wire.details import error_of

T = TypeVar("T")

IDLE_SECONDS = 60.0
"""Whoever says nothing for so long gives the place to somebody else."""
CLIP_PATIENCE = 30.0
"""A clip is drawn many times faster than it is spoken, so a place is soon free again."""
LEAST_SOUND = 1 / 60
"""Seconds of sound that come in each second, or the speaker is silent."""
SOCKET_SECONDS = 5 * LOOK_SECONDS
LIVE = "live"
"""How its process's series say whose they are."""


class LivePool:
    """`places`: how many may speak at once, 0 for nobody; `died` is called each time that the engine's process dies."""

    def __init__(
        self,
        environment: Mapping[str, str],
        places: int,
        idle_seconds: float = IDLE_SECONDS,
        died: Callable[[], None] = lambda: None,
    ) -> None:
        self._socket = PrivateSocket.made(LIVE)
        child = Child(("live", "--address", self._socket.address), environment)
        self._engine = Keeper(LIVE, "live engine", child, on_demand=True, died=died)
        self._places, self._free, self._idle_seconds = places, asyncio.Semaphore(places), idle_seconds

    async def converse(self, opening: Opening, sound: AsyncIterator[SoundBlock]) -> AsyncGenerator[LiveChunk, None]:
        """Frames while `sound` is still coming; what it raises comes out here.

        Raises InvalidRequest, EngineError, QueueFull (no place), DeadlineExceeded (silence), ServerUnavailable. Close
        the iterator (contextlib.aclosing) to hang up.
        """
        patience = CLIP_PATIENCE if opening.as_clip else 0.0
        async with (
            self._place(patience),
            grpc.aio.insecure_channel(await self._address(), (NO_PROXY, *UNBOUNDED)) as channel,
        ):
            converse = channel.stream_stream(
                f"/{SERVICE}/{METHOD}", live_pb2.Spoken.SerializeToString, live_pb2.Drawn.FromString
            )
            call = converse(metadata=tuple(tracing.headers().items()))
            async with aclosing(self._exchange(call, opening, sound)) as chunks:
                async for chunk in chunks:
                    yield chunk

    async def next_of(self, messages: AsyncIterator[T], patience: float | None = None) -> T | None:
        """The next message, None at their end; for a servicer whose opening is in them. Raises DeadlineExceeded."""
        try:
            async with asyncio.timeout(self._idle_seconds if patience is None else patience):
                return await anext(messages, None)
        except TimeoutError:
            raise DeadlineExceeded(f"no sound came for {self._idle_seconds:g} s, and nobody ended the stream") from None

    async def _sounding(self, opening: Opening, sound: AsyncIterator[SoundBlock]) -> AsyncGenerator[SoundBlock, None]:
        """Its blocks. Who sends empty ones, or a sample now and then, is as silent as who sends none."""
        least, clock = opening.bytes_per_second * self._idle_seconds * LEAST_SOUND, asyncio.get_running_loop().time
        patience, heard = self._idle_seconds, 0
        while True:
            since = clock()
            if (block := await self.next_of(sound, patience)) is None:
                return
            patience, heard = patience - (clock() - since), heard + len(block.audio)
            if heard >= least:
                patience, heard = self._idle_seconds, 0
            yield block

    def pages(self) -> Mapping[str, int]:
        """Its process by name, and the loopback port on which it shows its metrics."""
        return self._engine.pages()

    async def close(self) -> None:
        """End the process."""
        await self._engine.stop()
        self._socket.close()

    @asynccontextmanager
    async def _place(self, patience: float) -> AsyncIterator[None]:
        """A place, for which a clip waits in its turn; a speaker cannot."""
        try:
            if self._free.locked() and not (patience and self._places):
                raise TimeoutError
            async with asyncio.timeout(patience or None):
                await self._free.acquire()
        except TimeoutError:
            problem = f"all {self._places} live places are taken"
            raise QueueFull(f"{problem}; try again later, or see --live-sessions") from None
        try:
            with metrics.LIVE_STREAMS.track_inprogress():
                yield
        finally:
            self._free.release()

    async def _address(self) -> str:
        """Where the engine listens, once it does."""
        if not await self._engine.ready():
            raise ServerUnavailable("the live engine could not start; the server's log says why")
        try:
            async with asyncio.timeout(SOCKET_SECONDS):
                while not self._socket.present():
                    await asyncio.sleep(LOOK_SECONDS / 10)
        except TimeoutError:
            raise ServerUnavailable("the live engine's socket is gone; the server's log says why") from None
        return self._socket.address

    async def _exchange(
        self, call: Any, opening: Opening, sound: AsyncIterator[SoundBlock]
    ) -> AsyncGenerator[LiveChunk, None]:
        speaking = asyncio.create_task(self._speak(call, opening, sound))
        try:
            async for message in call:
                yield unpack_chunk(message)
        except grpc.aio.AioRpcError as error:
            ours = _error_of(error)
            if isinstance(ours, ServerUnavailable):
                await self._engine.seems_dead()
            raise ours from error
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
                async with aclosing(self._sounding(opening, sound)) as blocks:
                    async for block in blocks:
                        await call.write(pack_block(block))
                await call.done_writing()
            except EmoTalkError:
                call.cancel()
                raise


def _error_of(error: grpc.aio.AioRpcError) -> EmoTalkError:
    """The engine's own error; a process that died is an outage, and nothing that was spoken is kept."""
    status = rpc_status.from_call(error)
    if status is None and error.code() is grpc.StatusCode.UNAVAILABLE:
        return ServerUnavailable("the live engine died; open a new stream")
    return error_of(error.code().name, error.details() or "", status.details if status else ())
