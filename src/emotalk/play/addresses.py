"""vmc://HOST:PORT, livelink://HOST:PORT, ws://… → a receiver. Each kind's library is imported only where it is used."""

import socket
from fractions import Fraction
from urllib.parse import SplitResult, parse_qsl, urlsplit

from emotalk.errors import ConfigurationError
from emotalk.face import ARKIT_NAMES
from emotalk.play.base import Receiver
from emotalk.timebase import FPS

SCHEMES = (
    "vmc://HOST:39539",
    "livelink://HOST:11111",
    "ifacialmocap://HOST:49983",
    "ws://HOST:PORT/PATH",
    "wss://HOST/PATH",
)


def connect(address: str, fps: Fraction = Fraction(FPS), names: tuple[str, ...] = ARKIT_NAMES) -> Receiver:
    """Open a receiver of `names` at `fps`. Raises ConfigurationError naming what is wrong, ReceiverGone where a
    WebSocket is closed.

    Options stand behind a question mark: vmc://…?names=camel, livelink://…?subject=NAME.
    """
    parts = urlsplit(address)
    if parts.scheme in ("ws", "wss"):
        from emotalk.play.websocket import WebSocket

        return WebSocket(address, names)
    if parts.scheme == "vmc":
        from emotalk.play import vmc

        host, port = _resolve_place(parts, vmc.DEFAULT_PORT)
        return vmc.Vmc(host, port, **_read_options(parts, names=vmc.NAMES), shapes=names)
    if parts.scheme in ("livelink", "ifacialmocap"):
        return _make_phone_receiver(parts, fps, names)
    raise ConfigurationError(f"to: '{address}' is not an address of a receiver. Use {', '.join(SCHEMES)}.")


def _make_phone_receiver(parts: SplitResult, fps: Fraction, names: tuple[str, ...]) -> Receiver:
    """What phones send, which is the 52 shapes alone."""
    if names != ARKIT_NAMES:
        raise ConfigurationError(f"shapes: {parts.scheme} carries the 52 ARKit shapes alone. Use --shapes arkit.")
    if parts.scheme == "livelink":
        from emotalk.play import livelink

        host, port = _resolve_place(parts, livelink.DEFAULT_PORT)
        return livelink.LiveLink(host, port, **_read_options(parts, subject=None), fps=fps)
    from emotalk.play import ifacialmocap

    _read_options(parts)
    return ifacialmocap.IFacialMocap(*_resolve_place(parts, ifacialmocap.DEFAULT_PORT))


def _resolve_place(parts: SplitResult, default_port: int) -> tuple[str, int]:
    """Host and port, resolved once so that a wrong name is heard of before the first frame."""
    try:
        host, port = parts.hostname or "127.0.0.1", parts.port or default_port
        socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)
    except (ValueError, OSError) as error:
        raise ConfigurationError(f"to: '{parts.geturl()}': {error}. Give {parts.scheme}://HOST:PORT.") from error
    return host, port


def _read_options(parts: SplitResult, **known: tuple[str, ...] | None) -> dict[str, str]:
    given = dict(parse_qsl(parts.query, keep_blank_values=True))
    for name, value in given.items():
        if name not in known:
            has = ", ".join(known) or "none"
            raise ConfigurationError(f"to: '{name}' is not an option of {parts.scheme}. Its options: {has}.")
        allowed = known[name]
        if not value or (allowed and value not in allowed):
            raise ConfigurationError(f"to: {name}: '{value}' is unknown. Use {' or '.join(allowed or ('a name',))}.")
    return given
