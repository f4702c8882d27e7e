"""How much the gateway does at once, whoever asks for it: what others ask for meanwhile waits, and is not read."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from starlette.requests import HTTPConnection

from emotalk.errors import QueueFull
from emotalk.limits import MAX_MESSAGE_BYTES

UPLOADS, UPLOADS_OF_ONE = 8, 4
"""Each lies on disk beyond a megabyte: half a gigabyte in all."""
SOUND_BYTES = 2 * MAX_MESSAGE_BYTES
"""Sound in memory on its way to the server, which on that way is copied three times."""
FILES = 2
"""Half an hour as USD takes a hundred megabytes while it is written."""


class Load:
    """`seconds`: how long anything that a visitor sends may take to arrive."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.files = asyncio.Semaphore(FILES)
        self._uploads: Counter[str] = Counter()
        self._bytes = 0
        self._changed = asyncio.Event()

    @asynccontextmanager
    async def upload(self, visitor: str) -> AsyncIterator[None]:
        """A place for a body on its way in. Raises QueueFull where none is free in time."""
        await self._wait_until(lambda: self._uploads[visitor] < UPLOADS_OF_ONE and self._uploads.total() < UPLOADS)
        self._uploads[visitor] += 1
        try:
            yield
        finally:
            self._uploads -= Counter([visitor])
            self._say_changed()

    @asynccontextmanager
    async def sound(self, size: int) -> AsyncIterator[None]:
        """Room in memory for so many bytes of sound. Raises QueueFull where none is free in time."""
        await self._wait_until(lambda: not self._bytes or self._bytes + size <= SOUND_BYTES)
        self._bytes += size
        try:
            yield
        finally:
            self._bytes -= size
            self._say_changed()

    async def _wait_until(self, has_room: Callable[[], bool]) -> None:
        try:
            async with asyncio.timeout(self.seconds):
                while not has_room():
                    await self._changed.wait()
        except TimeoutError:
            raise QueueFull("too many uploads are on their way. Try again") from None

    def _say_changed(self) -> None:
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()


def load_of(connection: HTTPConnection) -> Load:
    """The one of this gateway."""
    load: Load = connection.app.state.load
    return load
