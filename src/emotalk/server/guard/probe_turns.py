"""The turns of those who need no token, one message at a time: whatever they send, it takes the memory of one message.

Connections take turns, and one that had nothing to say before comes first: a probe does not stand behind calls that
never send anything. Who does not finish while others wait is sent away.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from emotalk.errors import QueueFull

T = TypeVar("T")
Ticket = asyncio.Future[None]

MOST_WAITING = 256
GRACE_SECONDS = 0.05
"""A message that is already here takes a thousandth of a second."""


class ProbeTurns:
    """`grace`: seconds that a reader has while others wait; `most`: how many may wait, the longest line gives way."""

    def __init__(self, grace: float = GRACE_SECONDS, most: int = MOST_WAITING) -> None:
        self._grace, self._most = grace, most
        self._lines: dict[str, deque[Ticket]] = {}
        self._order: deque[str] = deque()
        self._busy = False
        self._wanted = asyncio.Event()

    async def read(self, connection: str, message: Callable[[], Awaitable[T]]) -> T:
        """What `message` returns, once it is our turn. Raises QueueFull where others wait too long for it."""
        if self._busy:
            await self._wait(connection)
        self._busy = True
        reading = asyncio.ensure_future(message())
        try:
            await self._read_while_free(reading)
            if not reading.done():
                raise QueueFull("others wait, and this call has not sent its request. Try again")
            return reading.result()
        finally:
            reading.cancel()
            self._pass_on()

    async def _wait(self, connection: str) -> None:
        if sum(map(len, self._lines.values())) >= self._most:
            self._send_one_away()
        if connection not in self._lines:
            self._lines[connection] = deque()
            self._order.appendleft(connection)
        ticket: Ticket = asyncio.get_running_loop().create_future()
        self._lines[connection].append(ticket)
        self._wanted.set()
        try:
            await ticket
        except asyncio.CancelledError:
            if ticket.done() and not ticket.cancelled() and ticket.exception() is None:
                self._pass_on()
            raise

    def _send_one_away(self) -> None:
        ticket = max(self._lines.values(), key=len).popleft()
        if not ticket.done():
            ticket.set_exception(QueueFull("too many calls without a token wait to be read. Try again"))

    async def _read_while_free(self, reading: "asyncio.Future[T]") -> None:
        """Until it is read, or until somebody has waited for `grace`."""
        wanted = asyncio.ensure_future(self._wanted.wait())
        either: set[asyncio.Future[Any]] = {reading, wanted}
        try:
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        finally:
            wanted.cancel()
        if not reading.done():
            await asyncio.wait({reading}, timeout=self._grace)

    def _pass_on(self) -> None:
        """To the next connection's oldest call that is still there."""
        self._busy = False
        while self._order and not self._busy:
            connection = self._order.popleft()
            line = self._lines[connection]
            ticket = line.popleft() if line else None
            if line:
                self._order.append(connection)
            else:
                del self._lines[connection]
            if ticket is not None and not ticket.done():
                self._busy = True
                ticket.set_result(None)
        if not self._order:
            self._wanted.clear()
