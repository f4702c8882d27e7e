"""The places of a live pool: as many as were given, or as the machine was measured to hold."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from emotalk import metrics
from emotalk.errors import QueueFull
from emotalk.live.cost import SHARE, Cost

log = logging.getLogger(__name__)


class LivePlaces:
    """So many at once, 0 for nobody."""

    def __init__(self, places: int, why: str = "") -> None:
        """`why` there are no more, for whoever finds none."""
        self.number, self._why, self._free = places, why, asyncio.Semaphore(places)
        metrics.LIVE_PLACES.set(places)

    @classmethod
    def of(cls, cost: Cost, cores: int) -> "LivePlaces":
        """As many as so many cores hold."""
        places, each = cost.places(cores), round(1000 * cost.least)
        log.info("live places", extra={"places": places, "cores": cores, "speaker_ms": each})
        why = f": each costs {each} ms of a core a second here, and {SHARE:.0%} of {cores} cores are theirs"
        return cls(places, why)

    def share(self, processes: int) -> int:
        """How many of them are each process's."""
        return -(-self.number // processes)

    @asynccontextmanager
    async def place(self, patience: float) -> AsyncIterator[None]:
        """One of them. Whoever has patience waits in turn, `patience` seconds at most. Raises QueueFull."""
        try:
            if self._free.locked() and not (patience and self.number):
                raise TimeoutError
            async with asyncio.timeout(patience or None):
                await self._free.acquire()
        except TimeoutError:
            problem = f"all {self.number} live places are taken{self._why}"
            raise QueueFull(f"{problem}. Try again later, or start the server with another --live-sessions") from None
        try:
            with metrics.LIVE_STREAMS.track_inprogress():
                yield
        finally:
            self._free.release()
