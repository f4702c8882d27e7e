"""Run the browser's window alone, in front of a server: HTTP, WebSocket and the page.

`serve` runs one by itself.
"""

import argparse
import socket
from collections.abc import Sequence
from dataclasses import replace

from emotalk import metrics
from emotalk.address import Address
from emotalk.cli import flags
from emotalk.cli.settings_from_flags import settle
from emotalk.client import AsyncEmoTalkClient
from emotalk.errors import ConfigurationError
from emotalk.processes import observed
from emotalk.settings import Settings
from emotalk.supervision.leash import say_ready
from emotalk.web.listening import bound

PATIENCE = 10.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """In front of whom, and where."""
    server = "the gRPC server behind it; `unix:PATH` is a socket of this machine"
    flags.add(parser, "--server", default="localhost:50051", metavar="HOST:PORT", help=server)
    flags.add(parser, "--supervised", action="store_true", help=argparse.SUPPRESS)
    flags.add(parser, "--socket", type=int, metavar="N", help=argparse.SUPPRESS)
    token = "sent for callers that bring no token of their own: whoever reaches the window then comes in"
    flags.add_credentials(parser, token)
    flags.add_settings(parser, "web_host", "web_port", "web_hosts", "web_origins", "metrics", "log")


def run(parsed: argparse.Namespace) -> None:
    """Serve until SIGTERM, Ctrl-C, or the end of the server that started us."""
    # Here and not above: no other command, and no worker, is to load a web framework.
    from emotalk.web.app import Allowed, application
    from emotalk.web.run import server
    from emotalk.web.upstream import Upstream

    settings = settle(parsed)
    listening = socket.socket(fileno=parsed.socket) if parsed.socket is not None else _bound(settings)
    credentials = flags.credentials(parsed)
    address = _address(parsed.server)

    def connect(token: str) -> AsyncEmoTalkClient:
        own = replace(credentials, token=token, token_file=None) if token else credentials
        return AsyncEmoTalkClient(address.host, address.port, credentials=own, patience=PATIENCE)

    app = application(Upstream(connect), Allowed(names(settings.web_hosts), names(settings.web_origins)))
    with observed.process(settings, "web", metrics.WEB, parsed.supervised) as page:
        window = server(app, listening, lambda: say_ready(window.stop, f"{page}") if parsed.supervised else None)
        window.run()


def _bound(settings: Settings) -> socket.socket:
    return bound(Address(settings.web_host, settings.web_port))


def _address(text: str) -> Address:
    try:
        return Address.parse(text)
    except ValueError as error:
        raise ConfigurationError(f"server: {error}, e.g. localhost:50051.") from error


def names(text: str) -> Sequence[str]:
    """'a,b' → a and b."""
    return [name.strip() for name in text.split(",") if name.strip()]
