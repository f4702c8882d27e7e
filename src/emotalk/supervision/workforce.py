"""Who works for a server: a child process that is kept alive (a Keeper), nobody, or a thread for memory://.

A child, because a segfault or the out-of-memory killer must not take the server and its streams along.
"""

import asyncio
from collections.abc import Callable, Mapping
from threading import Event, Thread
from typing import Protocol

from emotalk.supervision.leash import ENDING_SECONDS

WORKER = "worker-1"
"""How the child's series say whose they are."""


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
        """Return once it is warm. Raises ProcessRefused."""
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
