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

    def __init__(self, places: int, why: str = "", near: int = 1) -> None:
        """`why` there are no more, for whoever finds none; `near`: how many one takes who may wait for their frames."""
        self.number, self._why, self._free = places, why, asyncio.Semaphore(places)
        self._near, self._taken = min(near, max(1, places)), 0
        metrics.LIVE_PLACES.set(places)

    @classmethod
    def of(cls, cost: Cost, cores: int) -> "LivePlaces":
        """As many as so many cores hold."""
        places, each = cost.places(cores), round(1000 * cost.least)
        log.info("live places", extra={"places": places, "cores": cores, "speaker_ms": each})
        why = f": each costs {each} ms of a core a second here, and {SHARE:.0%} of {cores} cores are theirs"
        return cls(places, why, cost.places_near)

    def share(self, processes: int) -> int:
        """How many of them are each process's."""
        return -(-self.number // processes)

    @asynccontextmanager
    async def place(self, patience: float, near: bool = False) -> AsyncIterator[None]:
        """One of them, or as many as one takes who may wait for their frames (`near`).

        Whoever has patience waits in turn, `patience` seconds at most. Raises QueueFull.
        """
        count = self._near if near else 1
        try:
            if self._lacks(count) and not (patience and self.number):
                raise TimeoutError
            async with asyncio.timeout(patience or None):
                for _ in range(count):  # several are free, or this would wait with some of them in hand
                    await self._free.acquire()
        except TimeoutError:
            raise self._make_refusal(count) from None
        self._taken += count
        try:
            with metrics.LIVE_STREAMS.track_inprogress():
                yield
        finally:
            self._taken -= count
            for _ in range(count):
                self._free.release()

    def _make_refusal(self, count: int) -> QueueFull:
        problem, fix = f"all {self.number} live places are taken{self._why}", "Try again later"
        free = self.number - self._taken
        if free and count > 1:
            problem = f"a stream that may wait takes {count} live places, and of {self.number} only {free} are free"
            fix = "Say no latency, or less than 0.5 s, for a stream that takes one; try again later"
        return QueueFull(f"{problem}. {fix}, or start the server with another --live-sessions")

    def _lacks(self, count: int) -> bool:
        """Is somebody waiting, or are there fewer?"""
        return self._free.locked() or self.number - self._taken < count
