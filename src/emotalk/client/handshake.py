"""What is wrong between two ends that cannot agree on TLS, in words that say what to do.

gRPC says "Socket closed" for half of these. So after a call that nobody answered the same handshake is tried once more
by Python's ssl, which knows why it failed.
"""

import socket
import ssl
from contextlib import suppress

import grpc
from grpc_status import rpc_status

from emotalk.address import PROBE_SECONDS, Address
from emotalk.client.credentials import Credentials
from emotalk.errors import TlsFailed

_EXPIRED, _NOT_YET, _NAME, _ADDRESS = 10, 9, 62, 64
_STRANGERS = (18, 19, 20, 21)
"""OpenSSL's X509_V_ERR_… of certificates that lead to no authority that is trusted."""


def check(address: Address, credentials: Credentials, error: grpc.RpcError) -> None:
    """Raise TlsFailed if that is why a call failed; return where it is not."""
    if address.is_unix:
        return
    nobody_answered = error.code() is grpc.StatusCode.UNAVAILABLE and rpc_status.from_call(error) is None
    if nobody_answered and (problem := problem_of(address, credentials)):
        raise TlsFailed(f"{address}: {problem}.") from error


def problem_of(address: Address, credentials: Credentials) -> str:
    """What keeps the two ends apart; empty where the handshake succeeds, or nobody listens at all."""
    if not credentials.secure:
        return "the server speaks TLS. Give --tls-ca PEM, or --tls" if address.speaks_tls() else ""
    try:
        return _shake(address, _make_context(credentials), credentials.server_name or address.host)
    except ssl.SSLCertVerificationError as refused:
        return _word_certificate(refused)
    except ssl.SSLError as broken:
        plain = broken.reason in ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE")
        return "the server does not speak TLS. Remove the TLS flags" if plain else f"TLS fails: {broken.reason}"
    except OSError:
        return ""


def _shake(address: Address, context: ssl.SSLContext, name: str) -> str:
    with (
        suppress(ConnectionResetError),
        socket.create_connection((address.host, address.port), PROBE_SECONDS) as plain,
        context.wrap_socket(plain, server_hostname=name.strip("[]")) as secure,
    ):
        # A server of TLS 1.3 refuses our certificate, or the lack of one, only after the handshake.
        if secure.recv(1):
            return ""
    return "the server ended the handshake. It wants another client certificate: --tls-cert PEM --tls-key PEM"


def _make_context(credentials: Credentials) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=credentials.ca)
    context.set_alpn_protocols(["h2"])
    if credentials.certificate:
        context.load_cert_chain(credentials.certificate, credentials.key)
    return context


def _word_certificate(refused: ssl.SSLCertVerificationError) -> str:
    code = refused.verify_code
    if code == _EXPIRED:
        return "the server's certificate has expired. Renew it there"
    if code == _NOT_YET:
        return "the server's certificate is not yet valid. Compare the clocks"
    if code in (_NAME, _ADDRESS):
        return f"the server's certificate is for another name ({refused.verify_message}). See --tls-server-name"
    if code in _STRANGERS:
        return "the server's certificate is of an authority that is not trusted here. Give the right one: --tls-ca PEM"
    return f"the server's certificate is refused: {refused.verify_message}"
