"""Run the web gateway alone, in front of a server: HTTP, WebSocket and the page.

`serve` runs one by itself.
"""

import argparse

from emotalk.address import Address
from emotalk.cli import flags
from emotalk.cli.settings_from_flags import load_settings
from emotalk.errors import ConfigurationError
from emotalk.processes.web import serve_web


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """In front of whom, and where."""
    server = "the gRPC server behind it; `unix:PATH` is a socket of this machine"
    flags.add(parser, "--server", default="localhost:50051", metavar="HOST:PORT", help=server)
    flags.add(parser, "--supervised", action="store_true", help=argparse.SUPPRESS)
    flags.add(parser, "--socket", type=int, metavar="N", help=argparse.SUPPRESS)
    sent_for_whom = "sent for callers without a token of their own: everybody who reaches the gateway is then let in"
    flags.add_credentials(parser, sent_for_whom)
    flags.add_settings(
        parser, "web_host", "web_port", "web_hosts", "web_origins", "receive_seconds", "reflection", "metrics", "log"
    )


def run(parsed: argparse.Namespace) -> None:
    """Serve until SIGTERM, Ctrl-C, or the end of the server that started us."""
    serve_web(
        load_settings(parsed),
        _read_address(parsed.server),
        flags.read_credentials(parsed),
        parsed.socket,
        parsed.supervised,
    )


def _read_address(text: str) -> Address:
    try:
        return Address.parse(text)
    except ValueError as error:
        raise ConfigurationError(f"server: {error}, e.g. localhost:50051.") from error
