"""vmc://HOST:PORT, livelink://HOST:PORT, ws://… → a receiver. Each kind's library is imported only where it is used."""

import socket
from urllib.parse import SplitResult, parse_qsl, urlsplit

from emotalk.errors import ConfigurationError
from emotalk.play.base import Receiver

SCHEMES = ("vmc://HOST:39539", "livelink://HOST:11111", "ws://HOST:PORT/PATH", "wss://HOST/PATH")


def connect(address: str) -> Receiver:
    """Open the receiver. Raises ConfigurationError naming what is wrong, ReceiverGone where a WebSocket is closed.

    Options stand behind a question mark: vmc://…?names=camel, livelink://…?subject=NAME.
    """
    parts = urlsplit(address)
    if parts.scheme in ("ws", "wss"):
        from emotalk.play.websocket import WebSocket

        return WebSocket(address)
    if parts.scheme == "vmc":
        from emotalk.play import vmc

        host, port = _place(parts, vmc.DEFAULT_PORT)
        return vmc.Vmc(host, port, **_options(parts, names=vmc.NAMES))
    if parts.scheme == "livelink":
        from emotalk.play import livelink

        host, port = _place(parts, livelink.DEFAULT_PORT)
        return livelink.LiveLink(host, port, **_options(parts, subject=None))
    raise ConfigurationError(f"to: '{address}' is not an address of a receiver. Use {', '.join(SCHEMES)}.")


def _place(parts: SplitResult, default_port: int) -> tuple[str, int]:
    """Host and port, resolved once so that a wrong name is heard of before the first frame."""
    try:
        host, port = parts.hostname or "127.0.0.1", parts.port or default_port
        socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)
    except (ValueError, OSError) as error:
        raise ConfigurationError(f"to: '{parts.geturl()}': {error}. Give {parts.scheme}://HOST:PORT.") from error
    return host, port


def _options(parts: SplitResult, **known: tuple[str, ...] | None) -> dict[str, str]:
    given = dict(parse_qsl(parts.query, keep_blank_values=True))
    for name, value in given.items():
        if name not in known:
            raise ConfigurationError(f"to: '{name}' is not an option of {parts.scheme}. It has {', '.join(known)}.")
        allowed = known[name]
        if not value or (allowed and value not in allowed):
            raise ConfigurationError(f"to: {name}: '{value}' is unknown. Use {' or '.join(allowed or ('a name',))}.")
    return given
