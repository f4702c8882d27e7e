"""Is it TLS that they speak there? Asked after a call or a connection that failed without saying why."""

import socket
import ssl
from contextlib import suppress

PROBE_SECONDS = 3.0


def speaks_tls(host: str, port: int) -> bool:
    """True where a handshake succeeds, whoever's the certificate is. Blocks for a few seconds at most."""
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
