"""The server's certificate, read again when its file changes: renewing one needs no restart."""

import logging
import ssl
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc

from emotalk.errors import ConfigurationError

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Tls:
    """Paths of PEM files: the certificate with its chain, its key, and the authority of clients (None: any client)."""

    certificate: Path
    key: Path
    client_ca: Path | None = None

    def credentials(self) -> grpc.ServerCredentials:
        """For a secure port. Raises ConfigurationError naming the file."""
        certificates = _Certificates(self)
        return grpc.dynamic_ssl_server_credentials(
            certificates.current, certificates.if_changed, require_client_authentication=self.client_ca is not None
        )

    def check(self) -> None:
        """Raise ConfigurationError where a file is missing, is no PEM, or the key does not fit the certificate."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        for flag, path in (("tls_cert", self.certificate), ("tls_key", self.key), ("tls_client_ca", self.client_ca)):
            if path is not None:
                _check_readable(flag, path)
        try:
            context.load_cert_chain(self.certificate, self.key, password=_answer_no_password)
        except (ssl.SSLError, OSError) as error:
            raise ConfigurationError(
                f"tls_cert: {self.certificate} and {self.key} are not a PEM certificate and its key "
                f"({getattr(error, 'reason', None) or error}). Give both of one pair, the key without a password."
            ) from error
        try:
            if self.client_ca is not None:
                context.load_verify_locations(self.client_ca)
        except (ssl.SSLError, OSError) as error:
            raise ConfigurationError(f"tls_client_ca: {self.client_ca} holds no PEM certificates.") from error

    def expires_at(self) -> float:
        """When the certificate ends, in seconds since 1970. Raises ConfigurationError where it has, or is too new."""
        near, far = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        near.check_hostname = False
        near.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN  # it is its own authority here: only its dates are asked
        try:
            near.load_verify_locations(self.certificate)
            far.load_cert_chain(self.certificate, self.key, password=_answer_no_password)
            return ssl.cert_time_to_seconds(str(_see_certificate(near, far)["notAfter"]))
        except ssl.SSLCertVerificationError as refused:
            raise ConfigurationError(f"tls_cert: {self.certificate}: {refused.verify_message}. Renew it.") from refused

    def stamp(self) -> tuple[tuple[int, int], ...]:
        """Changes whenever one of the files does. Raises OSError."""
        paths = (self.certificate, self.key, *([self.client_ca] if self.client_ca else []))
        return tuple((stat.st_mtime_ns, stat.st_ino) for stat in (path.stat() for path in paths))

    def read(self) -> grpc.ServerCertificateConfiguration:
        """As gRPC takes it."""
        authority = self.client_ca.read_bytes() if self.client_ca else None
        pair = (self.key.read_bytes(), self.certificate.read_bytes())
        return grpc.ssl_server_certificate_configuration([pair], authority)


class _Certificates:
    """What is in use, and whether the files have changed since; gRPC asks at every new connection, from any thread."""

    def __init__(self, tls: Tls) -> None:
        tls.check()
        self._tls, self._stamp, self.current = tls, tls.stamp(), tls.read()

    def if_changed(self) -> grpc.ServerCertificateConfiguration | None:
        try:
            if (stamp := self._tls.stamp()) == self._stamp:
                return None
            self._stamp = stamp
            self._tls.check()
            changed = self._tls.read()
        except (ConfigurationError, OSError) as error:
            # Half of a renewal: the pair fits again when the other file is there.
            log.warning("certificate not read", extra={"error": str(error), "fix": "none needed: the old one is used"})
            return None
        log.info("certificate renewed", extra={"file": str(self._tls.certificate)})
        return changed


def _check_readable(flag: str, path: Path) -> None:
    try:
        path.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"{flag}: {path} cannot be read ({error.strerror}).") from error


def _answer_no_password() -> str:
    """Else OpenSSL asks the terminal for the password of a key that has one."""
    return ""


def _see_certificate(near: ssl.SSLContext, far: ssl.SSLContext) -> dict[str, Any]:
    """What a client sees of a server's certificate: a handshake between two ends in memory."""
    upward, downward = ssl.MemoryBIO(), ssl.MemoryBIO()
    client, server = near.wrap_bio(downward, upward), far.wrap_bio(upward, downward, server_side=True)
    for end in (client, server, client):
        with suppress(ssl.SSLWantReadError):
            end.do_handshake()
    return client.getpeercert() or {}
