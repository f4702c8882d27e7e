"""The gateway's own process: bind, say so, serve until told to stop."""

import logging
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import uvicorn
from fastapi import FastAPI

from emotalk.web.connections import Connections
from emotalk.web.listening import url

log = logging.getLogger(__name__)

WEBSOCKET_BYTES = 2**20
GOODBYE_SECONDS = 2


def make_server(
    app: FastAPI,
    listening: socket.socket,
    ready: Callable[[], None] = lambda: None,
    connections: Connections | None = None,
) -> "WebServer":
    """A server on this socket; `ready` is called once requests are answered. Run it with `run`."""
    # At each malformed request it would say so: a stranger's to write as many lines as they like.
    logging.getLogger("uvicorn").setLevel(logging.ERROR)
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        ws_max_size=WEBSOCKET_BYTES,
        timeout_graceful_shutdown=GOODBYE_SECONDS,
        server_header=False,
        lifespan="on",
        **(connections or Connections()).protocols(),
    )
    return WebServer(config, listening, ready)


class WebServer(uvicorn.Server):
    """uvicorn's, on a socket that is bound already; `ready` is called once requests are answered."""

    def __init__(self, config: uvicorn.Config, listening: socket.socket, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._listening, self.ready = listening, ready

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """See uvicorn, which dies of a signal when all is done; whoever runs us hears them and calls `stop`."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """See uvicorn; says that it is ready."""
        await super().startup(sockets)
        if self.started:
            log.info("window open", extra={"url": url(self._listening)})
            self.ready()

    def run(self, sockets: list[socket.socket] | None = None) -> None:
        """Serve until told to stop."""
        super().run(sockets or [self._listening])

    def stop(self) -> None:
        """Ask it to end; from any thread."""
        self.should_exit = True

    def hurry(self) -> None:
        """Ask it to end without waiting for what it has in hand."""
        self.force_exit = True
