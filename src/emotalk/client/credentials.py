"""How a client shows who it is, and whom it trusts."""

from dataclasses import dataclass
from pathlib import Path

import grpc

from emotalk.errors import ConfigurationError


@dataclass(frozen=True)
class Credentials:
    """TLS and a bearer token; without any of them a connection is in the clear.

    `ca`: PEM of the only authority to trust; `tls` alone trusts those of this machine. `certificate` and `key`: PEM,
    for a server that wants to know its clients. `server_name`: what stands in the server's certificate, if not the
    host. `token`, or `token_file`, whose first line is read anew at each call.
    """

    tls: bool = False
    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None
    server_name: str = ""
    token: str = ""
    token_file: Path | None = None

    def __post_init__(self) -> None:
        if bool(self.certificate) != bool(self.key):
            missing = "tls_key" if self.certificate else "tls_cert"
            raise ConfigurationError(f"{missing}: a certificate and its key go together. Give both.")
        if self.token and self.token_file:
            raise ConfigurationError("token_file: a token and a file of tokens were both given. Give one of them.")
        self.metadata()

    def __repr__(self) -> str:
        return f"Credentials(secure={self.secure})"  # never the token

    @property
    def secure(self) -> bool:
        """Is the connection encrypted?"""
        return bool(self.tls or self.ca or self.certificate)

    def channel_credentials(self) -> grpc.ChannelCredentials:
        """For a secure channel. Raises ConfigurationError."""
        root = _read("tls_ca", self.ca) if self.ca else None
        key = _read("tls_key", self.key) if self.key else None
        certificate = _read("tls_cert", self.certificate) if self.certificate else None
        return grpc.ssl_channel_credentials(root, key, certificate)

    def options(self) -> tuple[tuple[str, str], ...]:
        """What the channel must know of the server's name."""
        return (("grpc.ssl_target_name_override", self.server_name),) if self.server_name else ()

    def metadata(self) -> tuple[tuple[str, str], ...]:
        """What goes with every call. Raises ConfigurationError."""
        token = _read_first_token(self.token_file) if self.token_file else self.token
        if not token.isascii() or not token.isprintable():
            raise ConfigurationError(
                "token: it has characters that are not printable ASCII, and a header cannot carry them."
            )
        return (("authorization", f"Bearer {token}"),) if token else ()


def _read(flag: str, path: Path) -> bytes:
    try:
        pem = path.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"{flag}: {path} cannot be read ({error.strerror}).") from error
    if b"-----BEGIN " not in pem:
        raise ConfigurationError(f"{flag}: {path} is not a PEM file.")
    return pem


def _read_first_token(path: Path) -> str:
    """The last word of the first line that has one: a server's file of tokens will do, too."""
    lines = _read_text(path).splitlines()
    words = [line.split() for line in lines if line.strip() and not line.lstrip().startswith("#")]
    if not words:
        raise ConfigurationError(f"token_file: {path} holds no token.")
    return words[0][-1]


def _read_text(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"token_file: {path} cannot be read ({error}).") from error
