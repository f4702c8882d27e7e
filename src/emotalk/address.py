"""Is it TLS that they speak there, and does it matter? For both ends, and before anything else of theirs."""

import socket
import ssl
from contextlib import suppress
from ipaddress import ip_address

PROBE_SECONDS = 3.0


def speaks_tls(host: str, port: int) -> bool:
    """True where a handshake succeeds, whoever's the certificate is.

    To be asked after a connection that failed without a word. Blocks for a few seconds at most.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # nothing is sent, nothing is believed
    context.set_alpn_protocols(["h2"])
    with (
        suppress(OSError),
        socket.create_connection((host.strip("[]"), port), PROBE_SECONDS) as plain,
        context.wrap_socket(plain),
    ):
        return True
    return False


def is_loopback(host: str) -> bool:
    """Can only this machine reach that address?"""
    if host.startswith("unix:"):
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"
