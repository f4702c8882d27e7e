"""Keeps one process of ours alive: it is started at once or on demand, and again after a growing pause when it ends."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress

from emotalk.errors import ConfigurationError
from emotalk.supervision.leash import ENDING_SECONDS, Child

log = logging.getLogger(__name__)

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0
"""Small steps: a job that kills its worker does so five times, and those behind it wait for that long."""
STEADY_SECONDS = 60.0
"""Who has lived for so long dies of something new: the pauses begin again."""

REAPING_SECONDS = 2.0


class ProcessRefused(ConfigurationError):
    """A process could not start, and starting it again would not help. It has said why; `exit_code` is its own."""

    def __init__(self, title: str, exit_code: int) -> None:
        super().__init__(f"the {title} could not start; its own message is above")
        self.exit_code = exit_code


class Keeper:
    """`process` is its name in the metrics, `title` in the log; `died` is called each time that it ends unasked.

    On demand, it is started by `ready`, and not before somebody asks again when it has ended.
    """

    def __init__(
        self,
        process: str,
        title: str,
        child: Child,
        *,
        on_demand: bool = False,
        died: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._process, self._title, self._child, self._on_demand = process, title, child, on_demand
        self._died, self._clock, self._sleep = died, clock, sleep
        self._page: int | None = None
        self._pause = self._since = 0.0
        self._starts, self._running, self._failing = 0, False, False
        self._is_resting = False
        self._wanted, self._started = asyncio.Event(), asyncio.Condition()
        self._keeping: asyncio.Task[None] | None = None

    @property
    def resting(self) -> bool:
        """Did it end unasked a moment ago, so that it is not to be started yet?"""
        return self._is_resting

    def warm(self) -> bool:
        """True between its ready line and its end."""
        return self._page is not None and self._child.alive

    def pages(self) -> Mapping[str, int]:
        """Its name and the loopback port on which it shows its metrics, while it does."""
        return {self._process: self._page} if self.warm() and self._page else {}

    async def start(self) -> None:
        """Start it, return once it is warm, and keep it so. Raises ProcessRefused."""
        await self._start()
        if self._failing:
            raise ProcessRefused(self._title, await self._child.wait_for_end())
        self.open()

    def open(self) -> None:
        """Keep it from now on, without waiting for it."""
        if not self._on_demand:
            self._wanted.set()
        self._keeping = self._keeping or asyncio.create_task(self._keep())

    async def ready(self) -> bool:
        """Have it started where it does not run; False where it could not start, also for the pause after that."""
        if self.warm() or self._failing:
            return self.warm()
        self.open()
        self._wanted.set()
        async with self._started:
            starts = self._starts
            await self._started.wait_for(lambda: self.warm() or self._starts > starts)
        return self.warm()

    async def seems_dead(self) -> None:
        """Return once its end is known, so that the next who asks does not take it for alive; or soon."""
        with suppress(TimeoutError):
            async with asyncio.timeout(REAPING_SECONDS):
                await self._child.wait_for_end()

    async def stop(self, seconds: float = ENDING_SECONDS) -> None:
        """End it, and do not start it again unless it is asked for; see Child.stop."""
        if self._keeping:
            self._keeping.cancel()
            with suppress(asyncio.CancelledError):
                await self._keeping
        await self._child.stop(seconds)
        self._keeping, self._page, self._running = None, None, False
        self._wanted.clear()

    async def _keep(self) -> None:
        while True:
            if not self._running:
                await self._wanted.wait()
                await self._start()
            await self._outlive()

    async def _start(self) -> None:
        self._since = self._clock()
        page = await self._child.start()
        async with self._started:
            self._page, self._failing = None if page is None else int(page or 0), page is None
            self._starts, self._running = self._starts + 1, True
            if self._on_demand:
                self._wanted.clear()
            self._started.notify_all()
        said = "failed to start" if self._failing else "warm"
        log.info("%s %s", self._title, said, extra={"pid": self._child.pid})

    async def _outlive(self) -> None:
        code = await self._child.wait_for_end()
        self._page, self._running = None, False
        self._died()
        lived = self._clock() - self._since
        self._pause = FIRST_PAUSE if lived > STEADY_SECONDS else min(LONGEST_PAUSE, self._pause + FIRST_PAUSE)
        when = f"after {self._pause:g} s, when it is asked for" if self._on_demand else f"in {self._pause:g} s"
        fix = f"none needed: started again {when}"
        log.error("%s died", self._title, extra={"exit_code": code, "fix": fix})
        self._is_resting = True
        await self._sleep(self._pause)
        self._failing = self._is_resting = False
