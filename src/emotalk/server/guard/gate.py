"""What stands before every call: the token; and who calls.

An interceptor, so that no call of any contract can forget it. Probes need no token: who sends them and balancers have
none, and learn no more than "ready".
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from enum import Enum
from ipaddress import IPv4Address, ip_address, ip_network
from typing import Any
from urllib.parse import unquote

import grpc
from grpc_status import rpc_status

from emotalk.errors import EmoTalkError, Unauthenticated
from emotalk.server.guard.tokens import Tokens
from emotalk.sparing import Sparing
from emotalk.wire.details import VISITOR, status_of

log = logging.getLogger(__name__)

_HEADER = "authorization"
_PRIVATE = "unix:"
LONGEST_PEER = 100
REFUSED_SECONDS = 10.0
MOMENT_SECONDS, MOMENTS = 0.1, 4
"""How long a stranger's stream is left open, and of how many at once: what they send waits in the network."""

Continue = Callable[[grpc.HandlerCallDetails], Awaitable[grpc.RpcMethodHandler]]
Answering = AsyncGenerator[Any, None] | Awaitable[Any]
"""What a servicer's method returns when it is called."""


class CallKind(Enum):
    """What the gates ask of a call, whichever contract it belongs to."""

    PROBE = "probe"
    """Needs no token, and is neither counted nor traced: it comes every few seconds."""
    REQUEST = "request"
    """One small message, which must arrive in time."""
    UPLOAD = "upload"
    """One message with sound, which must arrive in time."""
    STREAM = "stream"
    """Messages with pauses of their own."""

    @property
    def brings_sound(self) -> bool:
        """May its messages be large?"""
        return self in (CallKind.UPLOAD, CallKind.STREAM)


Kinds = Mapping[str, CallKind]
"""The kind of every registered call by its path, /service/Method."""


@dataclass(frozen=True)
class Caller:
    """`connection` orders its requests; `client` is whose limits they count against."""

    connection: str
    client: str = ""


class TokenGate(grpc.aio.ServerInterceptor):  # type: ignore[misc]  # grpc has no types
    """UNAUTHENTICATED for whoever brings no token that we know, before a byte of their request is read.

    A stream ends a moment later: to a client that is still sending then, grpc.aio does not say why.
    The log says so once in ten seconds: how many there were, and where the last came from.
    """

    def __init__(self, tokens: Tokens, kinds: Kinds) -> None:
        self._tokens, self._kinds, self._sparing = tokens, kinds, Sparing(REFUSED_SECONDS)
        self._moments = asyncio.Semaphore(MOMENTS)

    async def intercept_service(self, continuation: Continue, details: grpc.HandlerCallDetails) -> Any:
        """See grpc.aio.ServerInterceptor."""
        header = dict(details.invocation_metadata).get(_HEADER, "")
        kind = self._kinds.get(details.method)
        if kind is CallKind.PROBE or self._tokens.holder(str(header)) is not None:
            return await continuation(details)
        return self._refuse_with(_make_entry_error(bool(header)), kind is CallKind.STREAM)

    def _refuse_with(self, error: EmoTalkError, is_stream: bool) -> Any:
        # Streaming on both sides, whatever the call: such a handler is started before the request is read.
        async def refuse(_: object, context: grpc.aio.ServicerContext) -> None:
            if times := self._sparing.times():
                facts = {"client": address_of(context.peer()), "times": times, "error": str(error)}
                log.warning("no entry", extra=facts)
            if is_stream and not self._moments.locked():
                async with self._moments:
                    await asyncio.sleep(MOMENT_SECONDS)
            await abort(context, error)

        return grpc.stream_stream_rpc_method_handler(refuse)


async def run(answering: Answering, context: grpc.aio.ServicerContext) -> Any:
    """Answer, whichever way the servicer is written: one that yields, one that writes, or one that returns."""
    if not isinstance(answering, AsyncGenerator):
        return await answering
    async with aclosing(answering):
        async for response in answering:
            await context.write(response)


def find_caller(context: grpc.aio.ServicerContext, tokens: Tokens | None) -> Caller:
    """Who calls. A client is the token's holder, else the certificate's subject, else the address.

    Through our own gateway's private socket it is the visitor's address, which the gateway says.
    """
    peer, visitor = context.peer(), _find_visitor(context)
    own = visitor if peer.startswith(_PRIVATE) and visitor else peer
    subject = context.auth_context().get("x509_subject")
    client = find_holder(context, tokens) or (subject and str(subject[0].decode("utf-8", "replace"))) or address_of(own)
    return Caller(f"{peer} {visitor}".strip(), client)


def find_holder(context: grpc.aio.ServicerContext, tokens: Tokens | None) -> str | None:
    """Whose token came with a call."""
    if tokens is None:
        return None
    return tokens.holder(str(dict(context.invocation_metadata() or ()).get(_HEADER, "")))


def _find_visitor(context: grpc.aio.ServicerContext) -> str:
    """For a gateway's visitor: their connection, as `peer` would say it. Else it orders a client's own requests."""
    return str(dict(context.invocation_metadata() or ()).get(VISITOR, ""))[:LONGEST_PEER]


def address_of(peer: str) -> str:
    """Of "ipv4:10.0.0.7:5123" the address; of IPv6 the network, since one machine has as many addresses as it likes."""
    kind, _, place = unquote(peer).partition(":")
    try:
        address = ip_address(place.rpartition(":")[0].strip("[]").partition("%")[0])
    except ValueError:
        return kind
    if isinstance(address, IPv4Address) or address.is_loopback:
        return str(address)
    return str(address.ipv4_mapped or ip_network((address, 64), strict=False))


async def abort(context: grpc.aio.ServicerContext, error: EmoTalkError) -> None:
    """End a call with the error's status and details; always raises."""
    _let_go(error)
    status = rpc_status.to_status(status_of(error))
    await context.abort(status.code, status.details, status.trailing_metadata)
    raise AssertionError("abort always raises")


def _let_go(error: BaseException | None) -> None:
    """The frames an error came through hold the request's sound, in circles that are collected when nobody knows."""
    while error is not None:
        error.__traceback__ = None
        error = error.__cause__ or error.__context__


def _make_entry_error(brought: bool) -> Unauthenticated:
    problem = "the token is not known here" if brought else "no token was sent"
    return Unauthenticated(f"authorization: {problem}. Send the metadata 'authorization: Bearer TOKEN'.")
