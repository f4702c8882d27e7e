"""Where a server listens: on its port, and on the web gateway's socket, there again whenever a cleaner removed it."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import grpc

from emotalk.supervision.sockets import LOOK_SECONDS, PrivateSocket

T = TypeVar("T")


class Listeners:
    """gRPC servers of one make; gRPC opens no other port once a server runs."""

    def __init__(self, build: Callable[[], grpc.aio.Server]) -> None:
        self._build = build
        self._servers: list[grpc.aio.Server] = []

    async def listen(self, bind: Callable[[grpc.aio.Server], T]) -> T:
        """Start one that `bind` has given a port; what `bind` returned."""
        server = self._build()
        bound = bind(server)
        await server.start()
        self._servers.append(server)
        return bound

    async def look_after(
        self, socket: PrivateSocket, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    ) -> None:
        """Listen on the socket for ever. Who is connected to one that was removed stays so."""
        while True:
            if socket.is_missing():
                await self.listen(lambda server: server.add_insecure_port(socket.address))
            await sleep(LOOK_SECONDS)

    async def stop(self, seconds: float | None) -> None:
        """End them all; see grpc.aio.Server.stop."""
        await asyncio.gather(*(each.stop(seconds) for each in self._servers))
