"""The way to the servers: one address before all of them, whose connections can be cut while answers pass."""

import asyncio
import random
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import cycle
from threading import Thread

_BYTES = 2**16


class Wire:
    """A balancer that knows no protocol: each connection goes to the next server that takes it."""

    def __init__(self, ports: Sequence[int]) -> None:
        self._ports, self._turn = ports, cycle(range(len(ports)))
        self._loop = asyncio.new_event_loop()
        self._clients: set[asyncio.StreamWriter] = set()
        self._ear = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port: int = self._ear.getsockname()[1]

    @contextmanager
    def running(self) -> Iterator["Wire"]:
        """Connected until the end of the block."""
        thread = Thread(target=self._loop.run_forever, name="wire")
        thread.start()
        server = asyncio.run_coroutine_threadsafe(
            asyncio.start_server(self._carry, sock=self._ear), self._loop
        ).result()
        try:
            yield self
        finally:
            asyncio.run_coroutine_threadsafe(self._end(server), self._loop).result()
            self._loop.call_soon_threadsafe(self._loop.stop)
            thread.join()
            self._loop.close()

    def cut(self, draw: random.Random, share: float) -> None:
        """Cut so many of the connections, with all that is on its way in them."""
        self._loop.call_soon_threadsafe(self._cut, draw.random(), share)

    def _cut(self, seed: float, share: float) -> None:
        draw = random.Random(seed)
        for each in list(self._clients):
            if draw.random() < share:
                each.transport.abort()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._clients.add(writer)
        there = None
        try:
            there_reader, there = await self._reach()
            ways = _copy(reader, there), _copy(there_reader, writer)
            await asyncio.wait([asyncio.create_task(way) for way in ways], return_when=asyncio.FIRST_COMPLETED)
        except OSError:  # no server takes it
            pass
        finally:
            self._clients.discard(writer)
            for each in (writer, there):
                if each is not None:
                    each.transport.abort()

    async def _reach(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        first = next(self._turn)
        for port in (*self._ports[first:], *self._ports[:first]):
            with suppress(OSError):
                return await asyncio.open_connection("127.0.0.1", port)
        raise ConnectionRefusedError("no server")

    async def _end(self, server: asyncio.Server) -> None:
        server.close()
        self._cut(0.0, 1.1)
        for _ in range(100):
            if len(asyncio.all_tasks()) == 1:
                break
            await asyncio.sleep(0.02)


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(_BYTES):
            writer.write(data)
            await writer.drain()
