"""The places of those who speak live, and the way of their sound to the process that draws them and back.

It knows no contract: each contract's servicer makes an `Opening` and blocks of sound of its own messages. What comes
back is passed on as it is, where the contract's answer is what the engine has packed.

Why so: docs/decisions/0037.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing
from typing import Literal, TypeVar

from google.rpc import status_pb2

from emotalk import tracing
from emotalk.errors import DeadlineExceeded, EmoTalkError, ServerUnavailable
from emotalk.live.conversation import LiveChunk, Opening, SoundBlock, pack_feelings, pack_opening, unpack_chunk
from emotalk.live.cost import Cost
from emotalk.live.engines import Connection, Deaths, LiveEngine, LiveEngines
from emotalk.live.framing import Kind, frame, receive
from emotalk.live.places import LivePlaces
from emotalk.wire.details import error_from

T = TypeVar("T")

IDLE_SECONDS = 60.0
"""Whoever says nothing for so long gives the place to somebody else."""
CLIP_PATIENCE = 30.0
"""A clip is drawn many times faster than it is spoken, so a place is soon free again."""
LEAST_SOUND = 1 / 60
"""Seconds of sound that come in each second, or the speaker is silent."""


class LivePool:
    """`places`: how many may speak at once, 0 for nobody, auto for as many as the machine is measured to hold.

    `processes`: engines that they are spread over; `ahead`: they start with the server, and again after a death, not
    when somebody speaks. `died`: see Deaths.
    """

    def __init__(
        self,
        environment: Mapping[str, str],
        places: int | Literal["auto"],
        idle_seconds: float = IDLE_SECONDS,
        died: Deaths = lambda name: lambda: None,
        processes: int = 1,
        ahead: bool = False,
    ) -> None:
        self._processes = processes if places == "auto" else max(1, min(processes, places))
        self._ahead, self._idle_seconds = ahead and places != 0, idle_seconds
        self._engines = LiveEngines.of(self._processes, environment, died, self._ahead)
        self._places = None if places == "auto" else LivePlaces(places)
        self._measuring: asyncio.Task[None] | None = None
        self._starting: asyncio.Task[None] | None = None
        self._is_awaited = False

    def open(self) -> None:
        """The server serves: measure how many it holds, where that is not given, and start what is started ahead."""
        if self._places is None and (self._measuring is None or self._measuring.done()):
            self._measuring = asyncio.create_task(self._measure())
            self._measuring.add_done_callback(lambda task: task.cancelled() or task.exception())
        if self._ahead and self._starting is None:
            self._starting = asyncio.create_task(self._start())

    @property
    def places(self) -> int | None:
        """How many may speak at once; None while that is measured."""
        return None if self._places is None else self._places.number

    async def converse(self, opening: Opening, sound: AsyncIterator[SoundBlock]) -> AsyncGenerator[LiveChunk, None]:
        """Frames while `sound` is still coming; see `answers`."""
        async with aclosing(self.answers(opening, sound)) as answers:
            async for answer in answers:
                yield unpack_chunk(answer)

    async def answers(self, opening: Opening, sound: AsyncIterator[SoundBlock]) -> AsyncGenerator[bytes, None]:
        """What the engine has packed while `sound` is still coming; what that raises comes out here.

        Raises InvalidRequest, EngineError, QueueFull (no place), DeadlineExceeded (silence), ServerUnavailable. Close
        the iterator (contextlib.aclosing) to hang up.
        """
        places = await self._await_places()
        async with (
            places.place(CLIP_PATIENCE if opening.as_clip else 0.0, opening.is_near),
            self._engines.connection(places.share(self._processes)) as (engine, connection),
            aclosing(self._exchange(engine, connection, opening, sound)) as answers,
        ):
            async for answer in answers:
                yield answer

    async def next_of(self, messages: AsyncIterator[T], patience: float | None = None) -> T | None:
        """The next message, None at their end; for a servicer whose opening is in them. Raises DeadlineExceeded."""
        try:
            async with asyncio.timeout(self._idle_seconds if patience is None else patience):
                return await anext(messages, None)
        except TimeoutError:
            raise DeadlineExceeded(
                f"no sound came for {self._idle_seconds:g} s, and the stream was not ended"
            ) from None

    async def _end_at_silence(
        self, opening: Opening, sound: AsyncIterator[SoundBlock]
    ) -> AsyncGenerator[SoundBlock, None]:
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
        """Its processes by name, and the loopback port on which each shows its metrics."""
        return self._engines.pages()

    async def close(self) -> None:
        """End the processes."""
        for task in (self._measuring, self._starting):
            if task:
                task.cancel()
        await self._engines.stop()

    async def _await_places(self) -> LivePlaces:
        """Once they are known. Raises ServerUnavailable where no engine can say."""
        while self._places is None:
            self.open()
            assert self._measuring is not None
            self._is_awaited = True
            await asyncio.shield(self._measuring)
        return self._places

    async def _start(self) -> None:
        """All engines, once the first has been measured alone."""
        if self._measuring:
            await asyncio.wait([self._measuring])
        await self._engines.start()

    async def _measure(self) -> None:
        """The process ends again, unless it is kept or somebody waits to speak: many a server never hears anybody."""
        async with self._engines.connection() as (engine, (reader, writer)):
            writer.write(frame(Kind.MEASURE))
            answer = await receive(reader)
            if answer is None:
                raise ServerUnavailable("the live engine died while it was measured; open a new stream")
            if not (self._ahead or self._is_awaited):
                await engine.keeper.stop()
        self._places = LivePlaces.of(Cost.unpack(answer[1]), self._processes)

    async def _exchange(
        self, engine: LiveEngine, connection: Connection, opening: Opening, sound: AsyncIterator[SoundBlock]
    ) -> AsyncGenerator[bytes, None]:
        reader, writer = connection
        speaking = asyncio.create_task(self._speak(writer, opening, sound))
        try:
            while (message := await receive(reader)) and message[0] is Kind.CHUNK:
                yield message[1]
            if message is None:
                await self._fail(engine, speaking)
            elif message[0] is Kind.FAILURE:
                raise error_from(status_pb2.Status.FromString(message[1]))
        finally:
            speaking.cancel()

    async def _fail(self, engine: LiveEngine, speaking: asyncio.Task[None]) -> None:
        """The connection has ended before its last word: by us, since the sound could not be used, or by the engine."""
        if speaking.done() and not speaking.cancelled() and (own := speaking.exception()):
            raise own from None
        await engine.keeper.seems_dead()
        raise ServerUnavailable("the live engine died; open a new stream")

    async def _speak(self, writer: asyncio.StreamWriter, opening: Opening, sound: AsyncIterator[SoundBlock]) -> None:
        try:
            writer.write(frame(Kind.OPENING, pack_opening(opening, tracing.make_headers())))
            async with aclosing(self._end_at_silence(opening, sound)) as blocks:
                async for block in blocks:
                    if block.emotions is not None:
                        writer.write(frame(Kind.FELT, pack_feelings(block.emotions)))
                    writer.write(frame(Kind.SOUND, block.audio))
                    await writer.drain()
            writer.write(frame(Kind.END))
        except ConnectionError:  # its end comes out where it is read
            pass
        except EmoTalkError:
            writer.transport.abort()
            raise
