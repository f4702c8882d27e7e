"""The window's port. Apart from the rest, so that a server need not load a web framework to bind it."""

import socket

from emotalk.errors import ConfigurationError

BACKLOG = 128


def bound(host: str, port: int) -> socket.socket:
    """A listening socket. Raises ConfigurationError where the port is taken or the host is not ours."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
        listening.listen(BACKLOG)
    except OSError as error:
        listening.close()
        fix = "Choose another with --web-port, or --no-web"
        raise ConfigurationError(f"web_port: {host}:{port} cannot be bound ({error.strerror}). {fix}.") from error
    return listening


def url(listening: socket.socket) -> str:
    """Where a browser finds it."""
    host, port = listening.getsockname()[:2]
    name = {"0.0.0.0": "localhost", "::": "localhost"}.get(host, host)
    return f"http://[{name}]:{port}/" if ":" in name else f"http://{name}:{port}/"
