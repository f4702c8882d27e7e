"""A link that can be slow: connections to one address are carried to another, late and narrow for as long as wished.

It runs in a thread; what it opens belongs to the network namespace in which it was made.
"""

import asyncio
import socket
from contextlib import suppress
from threading import Thread

from tests.chaos.relay import relay

_BYTES = 2**14
_HELD = 64


class Link:
    """`here` is bound at once, `there` reached when somebody calls. Not slow to begin with."""

    def __init__(self, here: tuple[str, int], there: tuple[str, int]) -> None:
        self.port = here[1]
        self._there, self._delay, self._bytes_a_second = there, 0.0, 0.0
        self._loop = asyncio.new_event_loop()
        self._open: set[asyncio.StreamWriter] = set()
        ear = socket.create_server(here, backlog=256)
        self._thread = Thread(target=self._run, args=(ear,), name="link")
        self._thread.start()

    def slow(self, delay: float, bytes_a_second: float) -> None:
        """From now on everything takes `delay` seconds longer each way, and each connection carries only so much."""
        self._delay, self._bytes_a_second = delay, bytes_a_second

    def heal(self) -> None:
        """As fast as it goes."""
        self.slow(0.0, 0.0)

    def close(self) -> None:
        """Cut all connections and end."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def _run(self, ear: socket.socket) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(asyncio.start_server(self._carry, sock=ear))
        self._loop.run_forever()
        self._loop.run_until_complete(self._end(server))
        self._loop.close()

    async def _end(self, server: asyncio.Server) -> None:
        server.close()
        for each in self._open:
            each.transport.abort()
        self.heal()
        while len(asyncio.all_tasks()) > 1:
            await asyncio.sleep(0.02)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            await relay((reader, writer), asyncio.open_connection(*self._there), self._copy)
        finally:
            self._open.discard(writer)

    async def _copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        held: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(_HELD)
        delivering = asyncio.ensure_future(self._deliver(held, writer))
        try:
            while data := await reader.read(_BYTES):
                await held.put((self._loop.time() + self._delay, data))
            await held.put((0.0, b""))
            await delivering
        except OSError:
            pass
        finally:
            delivering.cancel()

    async def _deliver(self, held: "asyncio.Queue[tuple[float, bytes]]", writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while (due := await held.get())[1]:
                await asyncio.sleep(max(0.0, due[0] - self._loop.time()))
                if self._bytes_a_second:
                    await asyncio.sleep(len(due[1]) / self._bytes_a_second)
                writer.write(due[1])
                await writer.drain()
