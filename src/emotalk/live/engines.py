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
    """One process, and the number of its `streams`. It starts `ahead`, or when somebody is to be drawn in it."""

    def __init__(
        self, name: str, socket: PrivateSocket, environment: Mapping[str, str], died: Deaths, ahead: bool = False
    ) -> None:
        self.socket, self.streams = socket, 0
        child = Child(("live", "--address", socket.address), environment)
        self.keeper = Keeper(name, "live engine", child, on_demand=not ahead, died=died(name))

    def order(self, share: int) -> tuple[bool, bool, bool, int]:
        """Of two, a new stream goes to the lesser: nobody waits for a start where one that runs has room."""
        return self.streams >= share, self.keeper.resting, not self.keeper.warm(), self.streams

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
    """All of them. A new stream goes to the emptiest that runs; those that start are for who finds no room there."""

    def __init__(self, engines: Sequence[LiveEngine], close: Callable[[], None] = lambda: None) -> None:
        """`close` is called once all have ended."""
        self._engines, self._close = engines, close

    @classmethod
    def of(cls, number: int, environment: Mapping[str, str], died: Deaths, ahead: bool = False) -> "LiveEngines":
        """So many, whose sockets lie in one folder."""
        first = PrivateSocket.make(LIVE)
        others = (LiveEngine(f"{LIVE}-{n}", first.beside(n), environment, died, ahead) for n in range(2, number + 1))
        return cls([LiveEngine(LIVE, first, environment, died, ahead), *others], first.close)

    @asynccontextmanager
    async def connection(self, share: int = 1) -> AsyncIterator[tuple[LiveEngine, Connection]]:
        """A connection to one of them, as long as a stream lasts. Raises ServerUnavailable.

        `share`: a process with so many streams has no room, while another one has. Streams do not move: without it,
        all who come while the others start would stay where they are.
        """
        for engine in sorted(self._engines, key=lambda each: each.order(share)):
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

    async def start(self) -> None:
        """Start them one after the other, so that whoever is served meanwhile keeps the other cores."""
        for engine in self._engines:
            await engine.keeper.ready()

    def pages(self) -> Mapping[str, int]:
        """Each process by name, and the loopback port on which it shows its metrics."""
        return {name: page for each in self._engines for name, page in each.keeper.pages().items()}

    async def stop(self) -> None:
        """End them all."""
        await asyncio.gather(*(each.keeper.stop() for each in self._engines))
        self._close()
