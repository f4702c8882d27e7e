"""Who has the port: a server of ours, or a stranger."""

import ssl
from contextlib import suppress
from pathlib import Path

from emotalk.address import Address
from emotalk.client import EmoTalkClient
from emotalk.errors import EmoTalkError, TlsFailed
from emotalk.settings import Settings

PATIENCE = 2.0


def find_own_server(settings: Settings) -> str:
    """What a server of ours says that answers at `settings`' address; empty where none does.

    Behind TLS that is one that holds the key of `settings`' certificate: it may want a certificate of ours to say more.
    """
    address = Address(settings.host, settings.port).from_here
    try:
        with EmoTalkClient(address.host, address.port) as client:
            ready = client.health(PATIENCE)
    except TlsFailed:
        return "our own server runs there, behind TLS" if _shows_our_certificate(address, settings) else ""
    except EmoTalkError:
        return ""
    return f"our own server runs there, {'ready' if ready else 'but it is not ready: its log says why'}"


def _shows_our_certificate(address: Address, settings: Settings) -> bool:
    with suppress(OSError):
        ours = _strip_pem(Path(settings.tls_cert).read_text("ascii", "replace")) if settings.tls_cert else ""
        return _strip_pem(ssl.get_server_certificate((address.host, address.port), timeout=PATIENCE)) in ours
    return False


def _strip_pem(pem: str) -> str:
    return "".join(pem.split())
