"""The browser's window as a child of the server: `emotalk web`, started again when it dies.

It reaches the server through a socket that only this user sees, where TLS is not needed; tokens hold there as well. The
port is bound here, so that a busy one is heard of before anything else begins, and stays ours while the child restarts.
"""

import asyncio
import logging
import socket
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from emotalk.supervision.leash import Child

log = logging.getLogger(__name__)

PAUSE = 1.0


class Gateway:
    """`upstream` is the address on which the server must listen for it."""

    def __init__(self, environment: Mapping[str, str], listening: socket.socket) -> None:
        self._folder = TemporaryDirectory(prefix="emotalk-window-")
        self.upstream = f"unix:{Path(self._folder.name) / 'server.sock'}"
        self._listening = listening
        arguments = ("web", "--server", self.upstream, "--socket", str(listening.fileno()))
        self._child = Child(arguments, environment, (listening.fileno(),))
        self._keeping: asyncio.Task[None] | None = None
        self._page = 0

    def open(self) -> None:
        """Start it, and start it again whenever it ends."""
        self._keeping = asyncio.create_task(self._keep())

    def pages(self) -> Mapping[str, int]:
        """Its process by name, and the loopback port on which it shows its metrics."""
        return {"web": self._page} if self._child.alive and self._page else {}

    async def close(self) -> None:
        """End it."""
        if self._keeping:
            self._keeping.cancel()
        await self._child.stop()
        self._listening.close()
        self._folder.cleanup()

    async def _keep(self) -> None:
        while True:
            self._page = int(await self._child.start() or 0)
            code = await self._child.ended()
            log.error("window died", extra={"exit_code": code, "fix": f"none needed: started again in {PAUSE:g} s"})
            await asyncio.sleep(PAUSE)
