"""The engine processes of a server's live pool: one a core, each with a socket and streams of its own."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress

from emotalk.errors import ServerUnavailable
from emotalk.live.framing import READ_AHEAD
from emotalk.supervision.keeper import Keeper
from emotalk.supervision.leash import Child
from emotalk.supervision.sockets import LOOK_SECONDS, PrivateSocket

SOCKET_SECONDS = 5 * LOOK_SECONDS
LIVE = "live"
"""How the series of the first say whose they are; those of the others: live-2, live-3, …"""

Deaths = Callable[[str], Callable[[], None]]
"""The name of a process → what is called each time that it dies."""
Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class LiveEngine:
    """One process, which starts when somebody is to be drawn in it, and the number of its `streams`."""

    def __init__(self, name: str, socket: PrivateSocket, environment: Mapping[str, str], died: Deaths) -> None:
        self.socket, self.streams = socket, 0
        child = Child(("live", "--address", socket.address), environment)
        self.keeper = Keeper(name, "live engine", child, on_demand=True, died=died(name))

    @property
    def load(self) -> int:
        """Its streams; one that does not run counts one more, since its first speaker has to wait."""
        return self.streams + (not self.keeper.wanted)

    async def connect(self) -> Connection | None:
        """A new connection; None where the process could not start. Raises ServerUnavailable."""
        if not await self.keeper.ready():
            return None
        with suppress(TimeoutError):
            async with asyncio.timeout(SOCKET_SECONDS):
                while True:
                    with suppress(OSError):  # a cleaner took it away: it is made again
                        return await asyncio.open_unix_connection(self.socket.path, limit=READ_AHEAD)
                    await asyncio.sleep(LOOK_SECONDS / 10)
        raise ServerUnavailable("the live engine's socket is gone; the server's log says why")


class LiveEngines:
    """All of them. A new stream goes to the emptiest; one that has just died waits until nobody else is there."""

    def __init__(self, engines: Sequence[LiveEngine], close: Callable[[], None] = lambda: None) -> None:
        """`close` is called once all have ended."""
        self._engines, self._close = engines, close

    @classmethod
    def of(cls, number: int, environment: Mapping[str, str], died: Deaths) -> "LiveEngines":
        """So many, whose sockets lie in one folder."""
        first = PrivateSocket.made(LIVE)
        others = (LiveEngine(f"{LIVE}-{n}", first.beside(n), environment, died) for n in range(2, number + 1))
        return cls([LiveEngine(LIVE, first, environment, died), *others], first.close)

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[tuple[LiveEngine, Connection]]:
        """A connection to the emptiest, as long as a stream lasts. Raises ServerUnavailable."""
        for engine in sorted(self._engines, key=lambda each: (each.keeper.resting, each.load)):
            engine.streams += 1
            try:
                if connection := await engine.connect():
                    try:
                        yield engine, connection
                    finally:
                        connection[1].close()
                    return
            finally:
                engine.streams -= 1
        raise ServerUnavailable("the live engine could not start; the server's log says why")

    def start_ahead(self) -> None:
        """Nobody should wait for a process to start: where all that run have two streams, the next one starts now."""
        running = [each for each in self._engines if each.keeper.wanted]
        if running and all(each.streams > 1 for each in running):
            for engine in self._engines:
                if not engine.keeper.wanted:
                    return engine.keeper.want()

    def pages(self) -> Mapping[str, int]:
        """Each process by name, and the loopback port on which it shows its metrics."""
        return {name: page for each in self._engines for name, page in each.keeper.pages().items()}

    async def stop(self) -> None:
        """End them all."""
        await asyncio.gather(*(each.keeper.stop() for each in self._engines))
        self._close()
