"""The web gateway, wired: a port, the application, and the server behind it."""

import socket
from collections.abc import Callable, Sequence
from dataclasses import replace

from emotalk import metrics
from emotalk.address import Address
from emotalk.client import AsyncEmoTalkClient
from emotalk.client.credentials import Credentials
from emotalk.processes import observed
from emotalk.server.guard.descriptors import make_room
from emotalk.settings import Settings
from emotalk.supervision.leash import run_supervised
from emotalk.web.listening import bind

PATIENCE = 10.0


def serve_web(
    settings: Settings, upstream: Address, credentials: Credentials, descriptor: int | None, supervised: bool
) -> None:
    """Answer HTTP in front of the server at `upstream` until told to stop, or until that server ends.

    `descriptor` is a listening socket that this process has inherited.
    """
    # Here and not above: no other command, and no worker, is to load a web framework.
    from emotalk.web.app import Allowed, make_application
    from emotalk.web.connections import CONNECTIONS, Connections
    from emotalk.web.run import make_server
    from emotalk.web.upstream import Upstream

    def connect(token: str) -> AsyncEmoTalkClient:
        own = replace(credentials, token=token, token_file=None) if token else credentials
        return AsyncEmoTalkClient(upstream.host, upstream.port, credentials=own, patience=PATIENCE)

    where = Address(settings.web_host, settings.web_port)
    listening = bind(where) if descriptor is None else socket.socket(fileno=descriptor)
    seconds = settings.receive_seconds
    allowed = Allowed(
        _split_names(settings.web_hosts), _split_names(settings.web_origins), seconds, settings.reflection
    )
    connections = Connections(make_room(CONNECTIONS), seconds)
    gateway = make_server(make_application(Upstream(connect), allowed), listening, connections=connections)

    def run(ready: Callable[[], None]) -> None:
        gateway.ready = ready
        gateway.run()

    with observed.show_process(settings, "web", metrics.WEB, supervised) as page:
        run_supervised(run, gateway.stop, gateway.hurry, page if supervised else None)


def _split_names(text: str) -> Sequence[str]:
    """'a,b' → a and b."""
    return [name.strip() for name in text.split(",") if name.strip()]
