"""The gateway's connections: never more than there are descriptors for, and none that stands still holds a place."""

import asyncio
import logging
from collections.abc import Callable
from functools import partial
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from emotalk.sparing import Sparing
from emotalk.web.uploads import RECEIVE_SECONDS

log = logging.getLogger(__name__)

CONNECTIONS = 1000
HEADER_SECONDS = 20.0
TOLD_SECONDS = 10.0


class Connections:
    """`most` may be open; one more closes the oldest whose request has not arrived, or is closed itself.

    `seconds`: how long a connection may be silent within a request, or leave an answer unread.
    """

    def __init__(self, most: int = CONNECTIONS, seconds: float = RECEIVE_SECONDS) -> None:
        self._most, self.seconds = most, seconds
        self._open: dict[TimedConnection, None] = {}
        self._sparing = Sparing(TOLD_SECONDS)

    def enter(self, connection: "TimedConnection") -> None:
        """At its accept."""
        self._open[connection] = None
        if len(self._open) <= self._most:
            return
        oldest = next((each for each in self._open if each.is_arriving()), connection)
        self.leave(oldest)
        oldest.abort()
        if times := self._sparing.times():
            log.warning("too many connections", extra={"limit": self._most, "closed": times})

    def leave(self, connection: "TimedConnection") -> None:
        """It is closed, or has become another."""
        self._open.pop(connection, None)

    def protocols(self) -> dict[str, Any]:
        """What uvicorn makes of each connection."""
        return {"http": partial(HttpConnection, self), "ws": partial(WebSocketConnection, self)}


class TimedConnection(asyncio.Protocol):
    """What both kinds have: a place, and a limit for an answer that nobody reads."""

    transport: asyncio.Transport
    is_arriving: Callable[[], bool]

    def __init__(self, connections: Connections, **options: Any) -> None:
        super().__init__(**options)
        self._places = connections
        self._unread: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio.Protocol."""
        super().connection_made(transport)
        self._places.enter(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio.Protocol."""
        self._places.leave(self)
        self._read_again()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """See asyncio.Protocol."""
        super().pause_writing()
        self._unread = asyncio.get_running_loop().call_later(self._places.seconds, self.abort)

    def resume_writing(self) -> None:
        """See asyncio.Protocol."""
        self._read_again()
        super().resume_writing()

    def abort(self) -> None:
        """Close it now, whatever is on its way."""
        self.transport.abort()

    def _read_again(self) -> None:
        if self._unread:
            self._unread.cancel()


class HttpConnection(TimedConnection, H11Protocol):
    """Closed where a request's head does not arrive in time."""

    _head: asyncio.TimerHandle | None = None

    def is_arriving(self) -> bool:
        """Is its head or its body still on the way?"""
        return self._is_idle() or self.cycle.more_body

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio.Protocol."""
        super().connection_made(transport)
        self._await_head()

    def data_received(self, data: bytes) -> None:
        """See asyncio.Protocol."""
        super().data_received(data)
        if not self._is_idle():
            self._note_head()

    def on_response_complete(self) -> None:
        """See uvicorn."""
        super().on_response_complete()
        self._await_head()

    def handle_websocket_upgrade(self, event: Any) -> None:
        """See uvicorn, which hands the transport on and does not tell us when it is closed."""
        self._note_head()
        self._places.leave(self)
        super().handle_websocket_upgrade(event)

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio.Protocol."""
        self._note_head()
        super().connection_lost(exc)

    def _is_idle(self) -> bool:
        return self.cycle is None or self.cycle.response_complete

    def _await_head(self) -> None:
        self._note_head()
        seconds = min(HEADER_SECONDS, self._places.seconds)
        self._head = asyncio.get_running_loop().call_later(seconds, self.abort)

    def _note_head(self) -> None:
        if self._head:
            self._head.cancel()


class WebSocketConnection(TimedConnection, WebSocketsSansIOProtocol):
    """Its deadlines are its route's."""

    def is_arriving(self) -> bool:
        """Never: who is let in has said who they are."""
        return False
