"""An address of TCP: what a person may write for it, whom it lets in, and whether they speak TLS there."""

import errno
import socket
import ssl
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import ip_address

PROBE_SECONDS = 3.0
_UNIX = "unix:"


@dataclass(frozen=True)
class Address:
    """A host, of IPv6 with or without brackets, and a port (0: any free one); or unix:PATH, which has none."""

    host: str
    port: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "host", self.host.strip("[]"))

    def __str__(self) -> str:
        if self.is_unix:
            return self.host
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @classmethod
    def parse(cls, text: str) -> "Address":
        """HOST:PORT or unix:PATH. Raises ValueError."""
        if text.startswith(_UNIX):
            return cls(text)
        host, _, port = text.rpartition(":")
        if not host or "/" in host or not (port.isascii() and port.isdigit() and int(port) < 2**16):
            raise ValueError(f"'{text}' is not HOST:PORT")
        return cls(host, int(port))

    @property
    def is_unix(self) -> bool:
        """A socket of this machine, in a file?"""
        return self.host.startswith(_UNIX)

    @property
    def is_everywhere(self) -> bool:
        """Every interface of this machine?"""
        return not self.host or self._has("is_unspecified")

    @property
    def is_loopback(self) -> bool:
        """Can only this machine reach it?"""
        return self.is_unix or self.host == "localhost" or self._has("is_loopback")

    @property
    def family(self) -> socket.AddressFamily:
        """IPv6 where the host is an address of it."""
        return socket.AF_INET6 if ":" in self.host else socket.AF_INET

    @property
    def from_here(self) -> "Address":
        """Where a program on this machine finds what listens on this address."""
        loopback = "::1" if self.family is socket.AF_INET6 else "127.0.0.1"
        return Address(loopback, self.port) if self.is_everywhere else self

    def bind(self) -> socket.socket:
        """A socket that is bound to it. Raises OSError."""
        bound = socket.socket(self.family, socket.SOCK_STREAM)
        try:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            bound.bind((self.host, self.port))
        except OSError:
            bound.close()
            raise
        except TypeError as error:  # Python's word for a name with bytes that no text has
            bound.close()
            raise OSError(errno.EINVAL, "it is not the name of a host") from error
        return bound

    def has_listener(self) -> bool:
        """Does anybody listen there? Blocks for a few seconds at most."""
        with suppress(OSError), socket.create_connection((self.host, self.port), PROBE_SECONDS):
            return True
        return False

    def speaks_tls(self) -> bool:
        """True where a handshake succeeds, whoever's the certificate is.

        To be asked after a connection that failed without a word. Blocks for a few seconds at most.
        """
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # nothing is sent, nothing is believed
        context.set_alpn_protocols(["h2"])
        with (
            suppress(OSError),
            socket.create_connection((self.host, self.port), PROBE_SECONDS) as plain,
            context.wrap_socket(plain),
        ):
            return True
        return False

    @property
    def is_ip(self) -> bool:
        """Numbers, and not a name?"""
        return self._has("version")

    def _has(self, property_of_ip: str) -> bool:
        with suppress(ValueError):
            return bool(getattr(ip_address(self.host), property_of_ip))
        return False
