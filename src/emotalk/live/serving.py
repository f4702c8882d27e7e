"""The room's socket: connections in, frames out, and the loop that draws between them; all in one thread.

While the engine computes, sound gathers in the sockets. So a batch is what came during the one before, and nobody
waits for a batch to fill.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from itertools import count

from emotalk import tracing
from emotalk.errors import EmoTalkError
from emotalk.live.capacity import measure_cost
from emotalk.live.conversation import LiveChunk, Opening, SoundBlock, pack_chunk, unpack_feelings, unpack_opening
from emotalk.live.framing import READ_AHEAD, Kind, frame, receive
from emotalk.live.room import LiveRoom
from emotalk.live.speaker import Speaker
from emotalk.supervision.sockets import LOOK_SECONDS, PrivateSocket
from emotalk.wire.details import status_of

MOST_WAITING = 2.0
"""Seconds of sound that may wait to be drawn before no more of that stream is read."""
MOST_UNREAD = 2**20
"""Bytes of answers that may wait to be read before that stream is drawn no further."""
GOODBYE_SECONDS = 1.0
TURN = 64
"""Messages of one stream that are read before the others have their turn."""
_LOOK_SECONDS = 0.02
"""How often a flood is looked after."""


class _Caller:
    """The other end of one stream: see Listener."""

    def __init__(self, opening: Opening, writer: asyncio.StreamWriter, wake: Callable[[], None]) -> None:
        self._opening, self._writer, self._wake = opening, writer, wake
        self._draining: asyncio.Task[None] | None = None
        self.over: asyncio.Future[EmoTalkError | None] = asyncio.get_running_loop().create_future()

    @property
    def is_blocked(self) -> bool:
        return self._draining is not None

    def hear(self, chunk: LiveChunk) -> None:
        self._writer.write(frame(Kind.CHUNK, pack_chunk(chunk, self._opening)))
        if self._writer.transport.get_write_buffer_size() > MOST_UNREAD and not self._draining:
            self._draining = asyncio.create_task(self._drain())

    def end(self, error: EmoTalkError | None) -> None:
        if not self.over.done():
            self.over.set_result(error)

    def close(self) -> None:
        if self._draining:
            self._draining.cancel()

    async def _drain(self) -> None:
        with suppress(ConnectionError):
            await self._writer.drain()
        self._draining = None
        self._wake()


class Serving:
    """Serves a room at a socket until told to stop."""

    def __init__(self, room: LiveRoom) -> None:
        self._room, self._due, self._stop = room, asyncio.Event(), asyncio.Event()
        self._connections: set[asyncio.Task[None]] = set()

    async def run(self, socket: PrivateSocket, ready: Callable[[], None]) -> None:
        """Return after `stop`, once the streams in hand have ended, or a second later."""
        drawing = asyncio.create_task(self._draw())
        servers = [await self._listen(socket)]
        ready()
        while not self._stop.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stop.wait(), LOOK_SECONDS)
            if socket.is_missing():
                servers.append(await self._listen(socket))
        for server in servers:
            server.close()
        if self._connections:
            await asyncio.wait(self._connections, timeout=GOODBYE_SECONDS)
        for task in (*self._connections, drawing):
            task.cancel()

    def stop(self) -> None:
        """End; from the loop's own thread."""
        self._stop.set()

    async def _listen(self, socket: PrivateSocket) -> asyncio.Server:
        socket.make_room()
        return await asyncio.start_unix_server(self._accept, socket.path, limit=READ_AHEAD)

    async def _draw(self) -> None:
        while True:
            await self._due.wait()
            self._due.clear()
            while self._room.step():
                await asyncio.sleep(0)  # sound that has come meanwhile is of the next batch

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        try:
            await self._answer(reader, writer)
        finally:
            self._connections.discard(task)
            await _hang_up(reader, writer)

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        first = await receive(reader)
        if first is None:
            return
        kind, body = first
        if kind is Kind.MEASURE:
            answer = frame(Kind.MEASURED, measure_cost(self._room.pipeline).pack())
        else:
            try:
                await self._converse(body, reader, writer)
                answer = frame(Kind.DONE)
            except EmoTalkError as error:
                answer = frame(Kind.FAILURE, status_of(error).SerializeToString())
        with suppress(ConnectionError, TimeoutError):
            writer.write(answer)
            # A socket that is closed with sound unread takes the answer along.
            async with asyncio.timeout(GOODBYE_SECONDS):
                while await reader.read(READ_AHEAD):
                    pass

    async def _converse(self, body: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        opening, trace = unpack_opening(body)
        with tracing.open_apart("converse", parent=trace, request_id=opening.request_id):
            caller = _Caller(opening, writer, self._due.set)
            stream = self._room.open(opening, caller)
            listening = asyncio.create_task(self._listen_to(stream, reader))
            listening.add_done_callback(lambda _: caller.end(None))  # has hung up
            try:
                if error := await caller.over:
                    raise error
            finally:
                listening.cancel()
                await asyncio.wait([listening])  # nobody else may read meanwhile
                caller.close()
                self._room.leave(stream)

    async def _listen_to(self, stream: Speaker, reader: asyncio.StreamReader) -> None:
        """Return when the caller has hung up."""
        felt = None
        for turn in count(1):
            if (message := await receive(reader)) is None:
                return
            if turn % TURN == 0:
                await asyncio.sleep(0)  # what has come already is received without waiting
            kind, body = message
            if kind is Kind.FELT:
                felt = unpack_feelings(body)
                continue
            if kind is Kind.END:
                stream.end()
            else:
                stream.hear(SoundBlock(body, felt))
                felt = None
            self._due.set()
            while stream.waiting > MOST_WAITING and not stream.is_over:
                await asyncio.sleep(_LOOK_SECONDS)


async def _hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Close. The error of a caller who hung up leads through its frames to a whole batch: it is not to lie here."""
    writer.close()
    with suppress(ConnectionError):
        await writer.wait_closed()
    if hung_up := reader.exception():
        hung_up.__traceback__ = None
