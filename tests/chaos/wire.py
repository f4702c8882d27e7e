"""The way to the servers: one address before all of them, whose connections can be cut while answers pass."""

import asyncio
import random
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from itertools import cycle
from threading import Thread

from emotalk.address import Address
from tests.chaos.relay import Connection, relay

_BYTES = 2**16
_REACH_SECONDS = 3.0


class Wire:
    """A balancer that knows no protocol: each connection goes to the next server that takes it."""

    def __init__(self, addresses: Sequence[Address], inside: Callable[[], AbstractContextManager[None]]) -> None:
        """`inside`: where the servers can be reached from; the clients are here."""
        self._addresses, self._turn, self._inside = addresses, cycle(range(len(addresses))), inside
        self._loop = asyncio.new_event_loop()
        self._clients: set[asyncio.StreamWriter] = set()
        self._ear = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port: int = self._ear.getsockname()[1]

    @contextmanager
    def running(self) -> Iterator["Wire"]:
        """Connected until the end of the block."""
        thread = Thread(target=self._run, name="wire")
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

    def _run(self) -> None:
        with self._inside():
            self._loop.run_forever()

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
        try:
            await relay((reader, writer), self._reach(), _copy)
        finally:
            self._clients.discard(writer)

    async def _reach(self) -> Connection:
        first = next(self._turn)
        for server in (*self._addresses[first:], *self._addresses[:first]):
            with suppress(OSError, TimeoutError):
                async with asyncio.timeout(_REACH_SECONDS):
                    return await asyncio.open_connection(server.host, server.port)
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
