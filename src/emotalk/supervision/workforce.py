"""The server's own worker: a child process that is started again when it dies, or a thread for memory://.

A child, because a segfault or the out-of-memory killer must not take the server and its streams along.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from threading import Event, Thread
from typing import Protocol

from emotalk import metrics
from emotalk.errors import ConfigurationError
from emotalk.supervision.leash import ENDING_SECONDS, Child

log = logging.getLogger(__name__)

WORKER = "worker-1"
"""How the child's series say whose they are."""
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0
STEADY_SECONDS = 60.0


class WorkerRefused(ConfigurationError):
    """The worker could not start, and starting it again would not help. It has said why; `exit_code` is its own."""

    def __init__(self, exit_code: int) -> None:
        super().__init__("the worker could not start; its own message stands above")
        self.exit_code = exit_code


class Runs(Protocol):
    """What a thread of ours does until its event is set: a worker, of which this floor knows no more."""

    def run(self) -> None:
        """Work until told to stop."""
        ...


class Workforce(Protocol):
    """Whoever works on the log for this server."""

    def warm(self) -> bool:
        """Is a worker ready for the next request?"""
        ...

    def pages(self) -> Mapping[str, int]:
        """Its processes by name, and the loopback ports on which they show their metrics."""
        ...

    async def start(self) -> None:
        """Return once it is warm. Raises WorkerRefused."""
        ...

    async def stop(self, seconds: float) -> None:
        """Let it end what it holds within `seconds`, or give it back."""
        ...


class Nobody:
    """--no-worker: others work."""

    def warm(self) -> bool:
        """Not ours to know."""
        return True

    def pages(self) -> Mapping[str, int]:
        """None that is ours."""
        return {}

    async def start(self) -> None:
        """Nothing to start."""

    async def stop(self, seconds: float) -> None:
        """Nothing to stop."""


class ChildWorker:
    """`emotalk work` under supervision."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._child = Child(("work",), environment)
        self._warm = False
        self._page = 0
        self._stopping = False
        self._watch: asyncio.Task[None] | None = None

    def warm(self) -> bool:
        """True between its ready line and its death."""
        return self._warm

    def pages(self) -> Mapping[str, int]:
        """Where it said so in its ready line."""
        return {WORKER: self._page} if self._warm and self._page else {}

    async def start(self) -> None:
        """Return once it is warm. Raises WorkerRefused."""
        metrics.WORKERS.set(1)
        await self._spawn()
        if not self._warm:
            raise WorkerRefused(await self._child.ended())
        self._watch = asyncio.create_task(self._restart_forever())

    async def stop(self, seconds: float) -> None:
        """See Child.stop; a job that it must give up is done again."""
        self._stopping = True
        await self._child.stop(seconds)
        if self._watch:
            self._watch.cancel()

    async def _spawn(self) -> None:
        page = await self._child.start()
        self._warm, self._page = page is not None, int(page or 0)
        metrics.WORKERS_WARM.set(self._warm)
        log.info("worker warm" if self._warm else "worker failed to start", extra={"pid": self._child.pid})

    async def _restart_forever(self) -> None:
        loop = asyncio.get_running_loop()
        pause = 0.0
        while not self._stopping:
            since = loop.time()
            code = await self._child.ended()
            self._warm = False
            metrics.WORKERS_WARM.set(0)
            if self._stopping:
                return
            metrics.WORKER_DEATHS.inc()
            # In small steps: a job that kills its worker does so five times, and those behind it wait for that long.
            pause = FIRST_PAUSE if loop.time() - since > STEADY_SECONDS else min(LONGEST_PAUSE, pause + FIRST_PAUSE)
            log.error("worker died", extra={"exit_code": code, "fix": f"none needed: started again in {pause:g} s"})
            await asyncio.sleep(pause)
            if not self._stopping:
                await self._spawn()


class ThreadWorker:
    """For memory://, whose log no other process can see."""

    def __init__(self, build: Callable[[Event], Runs]) -> None:
        self._build = build
        self._stop = Event()
        self._thread: Thread | None = None

    def warm(self) -> bool:
        """True while it runs."""
        return self._thread is not None and self._thread.is_alive()

    def pages(self) -> Mapping[str, int]:
        """None but the server's own, which shows its instruments as well."""
        return {}

    async def start(self) -> None:
        """Return once it is warm; the engine's own errors pass through."""
        worker = await asyncio.get_running_loop().run_in_executor(None, self._build, self._stop)
        self._thread = Thread(target=worker.run, name="worker", daemon=True)
        self._thread.start()

    async def stop(self, seconds: float) -> None:
        """Ask it to end and wait."""
        self._stop.set()
        if self._thread:
            await asyncio.get_running_loop().run_in_executor(None, self._thread.join, seconds + ENDING_SECONDS)
