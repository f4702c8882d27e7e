"""The gateway's port. Apart from the rest, so that a server need not load a web framework to bind it."""

import socket

from emotalk.address import Address
from emotalk.errors import ConfigurationError

BACKLOG = 128


def bind(address: Address) -> socket.socket:
    """A listening socket. Raises ConfigurationError where the port is taken or the host is not ours."""
    try:
        listening = address.bind()
        listening.listen(BACKLOG)
    except OSError as error:
        fix = "Choose another with --web-port, or --no-web"
        raise ConfigurationError(f"web_port: {address} cannot be bound ({error.strerror}). {fix}.") from error
    return listening


def url(listening: socket.socket) -> str:
    """Where a browser finds it."""
    address = Address(*listening.getsockname()[:2])
    return f"http://{Address('localhost', address.port) if address.is_everywhere else address}/"
