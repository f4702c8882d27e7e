"""Where a server listens: on its port, and on the web gateway's socket, there again whenever a cleaner removed it."""

import asyncio
import errno
from collections.abc import Awaitable, Callable
from typing import TypeVar

import grpc

from emotalk.address import Address
from emotalk.errors import ConfigurationError
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


def check_free(address: Address, setting: str) -> None:
    """Before anything is loaded: a second server must not get as far as taking the first one's worker name."""
    if not address.host:
        raise ConfigurationError("host: it is empty. Use 127.0.0.1, or 0.0.0.0 for every interface.")
    try:
        address.bind().close()
    except OSError as error:
        raise _make_bind_error(address, setting, error) from error


def _make_bind_error(address: Address, setting: str, reason: OSError | None = None) -> ConfigurationError:
    flag = "--" + setting.replace("_", "-")
    if reason is None or reason.errno == errno.EADDRINUSE:
        return ConfigurationError(
            f"{setting}: {address} cannot be bound; is another server running? Choose another with {flag}."
        )
    return ConfigurationError(
        f"host: {address} cannot be bound ({reason.strerror}). Choose an address of this machine with --host, "
        f"and a port that this user may open with {flag}."
    )


def bind(server: grpc.aio.Server, address: Address, credentials: grpc.ServerCredentials | None, setting: str) -> int:
    """Give a server this address, which `setting` names; the port. Raises ConfigurationError."""
    try:
        secure = credentials is not None
        port = server.add_secure_port(str(address), credentials) if secure else server.add_insecure_port(str(address))
    except RuntimeError as error:
        raise _make_bind_error(address, setting) from error
    if not port:
        raise _make_bind_error(address, setting)
    return int(port)
