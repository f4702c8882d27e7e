"""How the port is guarded: who may come in, how much they may bring, and what of it the world can see.

Why so: docs/decisions/0031.
"""

import logging
from dataclasses import dataclass, field
from pathlib import Path

import grpc

from emotalk.address import Address
from emotalk.limits import MAX_MESSAGE_BYTES
from emotalk.server.guard.arrival import ArrivalGate
from emotalk.server.guard.certificates import Tls
from emotalk.server.guard.descriptors import make_room
from emotalk.server.guard.doorway import Doorway
from emotalk.server.guard.gate import Kinds, TokenGate
from emotalk.server.guard.observe import CallObserver
from emotalk.server.guard.quota import Allowances, Quota
from emotalk.server.guard.tokens import Tokens

log = logging.getLogger(__name__)

MESSAGE_MARGIN = 2**20
"""The message holds the audio and a little more."""
HANDSHAKE_MS = 20_000
STREAMS_OF_CONNECTION = 100
CONNECTIONS_A_CALL = 4
"""Idle connections that are let in besides those with a call."""


@dataclass(frozen=True)
class Guard:
    """`receive_seconds`: how long one request may take to arrive; `quota`: what one client may have in the queue.

    The defaults are for a loopback address.
    """

    tls: Tls | None = None
    token_file: Path | None = None
    max_receive_bytes: int = MAX_MESSAGE_BYTES + MESSAGE_MARGIN
    max_concurrent_rpcs: int = 1_000
    max_connection_age: float = 0.0
    receive_seconds: float = 300.0
    quota: Quota = field(default_factory=Quota)
    reflection: bool = True

    def tokens(self) -> Tokens | None:
        """The tokens, read. Raises ConfigurationError."""
        return Tokens(self.token_file) if self.token_file else None

    def credentials(self) -> grpc.ServerCredentials | None:
        """The certificate, read; None where there is no TLS. Raises ConfigurationError."""
        return self.tls.credentials() if self.tls else None

    def doorway(self) -> Doorway:
        """The places of one server."""
        return Doorway(self.max_concurrent_rpcs, Allowances(self.quota))

    def interceptors(self, tokens: Tokens | None, kinds: Kinds, doorway: Doorway) -> list[grpc.aio.ServerInterceptor]:
        """What stands around every call of these contracts, the outermost first."""
        gates = [TokenGate(tokens, kinds)] if tokens is not None else []
        return [CallObserver(kinds), *gates, ArrivalGate(self.receive_seconds, kinds, doorway, tokens)]

    def options(self) -> tuple[tuple[str, int], ...]:
        """gRPC's own limits."""
        return (
            ("grpc.max_receive_message_length", self.max_receive_bytes),
            ("grpc.server_handshake_timeout_ms", HANDSHAKE_MS),
            ("grpc.max_concurrent_streams", max(STREAMS_OF_CONNECTION, self.max_concurrent_rpcs)),
            ("grpc.max_allowed_incoming_connections", make_room(CONNECTIONS_A_CALL * self.max_concurrent_rpcs)),
            *((("grpc.max_connection_age_ms", age),) if (age := round(1_000 * self.max_connection_age)) else ()),
        )

    def warn(self, address: Address) -> None:
        """Say what stands open, where others than this machine can knock."""
        if address.is_loopback:
            return
        missing = [flag for flag, given in (("--tls-cert", self.tls), ("--token-file", self.token_file)) if not given]
        if self.tls and self.tls.client_ca:
            missing = []
        if missing:
            where = "every interface" if address.is_everywhere else address.host
            what = {2: "in the clear and to anyone", 1: "in the clear" if not self.tls else "to anyone"}[len(missing)]
            fix = f"give {' and '.join(missing)}, or --host 127.0.0.1; SECURITY.md says more"
            log.warning("listening on %s, %s", where, what, extra={"fix": fix})
