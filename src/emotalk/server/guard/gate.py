"""What stands before every call: the token, and a limit on how long a request may take to arrive.

An interceptor, so that no call of any contract can forget it. Probes need no token: who sends them and balancers have
none, and learn no more than "ready".
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from enum import Enum
from ipaddress import IPv4Address, ip_address, ip_network
from typing import Any
from urllib.parse import unquote

import grpc
from google.protobuf.message import DecodeError
from grpc_status import rpc_status

from emotalk.errors import DeadlineExceeded, EmoTalkError, InvalidRequest, Unauthenticated
from emotalk.server.guard.tokens import Tokens
from emotalk.wire.details import status_of

_HEADER = "authorization"

Continue = Callable[[grpc.HandlerCallDetails], Awaitable[grpc.RpcMethodHandler]]
Answering = AsyncGenerator[Any, None] | Awaitable[Any]
"""What a servicer's method returns when it is called."""


class CallKind(Enum):
    """What the gates ask of a call, whichever contract it belongs to."""

    PROBE = "probe"
    """Needs no token, and is neither counted nor traced: it comes every few seconds."""
    REQUEST = "request"
    """One message, which must arrive in time."""
    STREAM = "stream"
    """Messages with pauses of their own, which its servicer limits."""


Kinds = Mapping[str, CallKind]
"""The kind of every registered call by its path, /service/Method."""


@dataclass(frozen=True)
class Caller:
    """`connection` orders its requests; `client` is whose limits they count against."""

    connection: str
    client: str = ""


class TokenGate(grpc.aio.ServerInterceptor):  # type: ignore[misc]  # grpc has no types
    """UNAUTHENTICATED for whoever brings no token that we know, before a byte of their request is read."""

    def __init__(self, tokens: Tokens, kinds: Kinds) -> None:
        self._tokens, self._kinds = tokens, kinds

    async def intercept_service(self, continuation: Continue, details: grpc.HandlerCallDetails) -> Any:
        """See grpc.aio.ServerInterceptor."""
        header = dict(details.invocation_metadata).get(_HEADER, "")
        is_open = self._kinds.get(details.method) is CallKind.PROBE
        if is_open or self._tokens.holder(str(header)) is not None:
            return await continuation(details)
        return _refusing(_no_entry(bool(header)))


class ArrivalGate(grpc.aio.ServerInterceptor):  # type: ignore[misc]
    """DEADLINE_EXCEEDED for a request that trickles in: else a few bytes a minute hold a place for ever.

    And INVALID_ARGUMENT for one that is no message at all.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    async def intercept_service(self, continuation: Continue, details: grpc.HandlerCallDetails) -> Any:
        """See grpc.aio.ServerInterceptor."""
        handler = await continuation(details)
        if handler is None:
            return None
        return grpc.stream_stream_rpc_method_handler(
            self._timed(handler), _named(handler.request_deserializer), handler.response_serializer
        )

    def _timed(self, handler: Any) -> Any:
        # What streams in has pauses of its own, and its servicer a limit for them.
        streams = handler.stream_stream or handler.stream_unary
        answer = streams or handler.unary_stream or handler.unary_unary

        async def call(messages: object, context: grpc.aio.ServicerContext) -> None:
            try:
                # Handed on without a name here: the answer may take hours, and must not hold the request's sound.
                answering = answer(messages if streams else await self._arrived(context), context)
            except EmoTalkError as error:
                await abort(context, error)
            if (response := await run(answering, context)) is not None:
                await context.write(response)

        return call

    async def _arrived(self, context: grpc.aio.ServicerContext) -> Any:
        try:
            request = await asyncio.wait_for(context.read(), self._seconds)
        except TimeoutError as late:
            raise DeadlineExceeded(f"the request had not arrived after {self._seconds:g} s") from late
        if request is grpc.aio.EOF:
            raise _unreadable()
        return request


async def run(answering: Answering, context: grpc.aio.ServicerContext) -> Any:
    """Answer, whichever way the servicer is written: one that yields, one that writes, or one that returns."""
    if not isinstance(answering, AsyncGenerator):
        return await answering
    async with aclosing(answering):
        async for response in answering:
            await context.write(response)


def _named(deserializer: Callable[[bytes], Any] | None) -> Callable[[bytes], Any]:
    """InvalidRequest for bytes that are no message, which gRPC would call UNKNOWN; None takes them as they are."""

    def deserialize(message: bytes) -> Any:
        try:
            return deserializer(message) if deserializer else message
        except DecodeError as error:
            raise _unreadable() from error

    return deserialize


def _unreadable() -> InvalidRequest:
    return InvalidRequest("request", "it is not a message of this call", "Compile the .proto of this call again")


def caller_of(context: grpc.aio.ServicerContext, tokens: Tokens | None) -> Caller:
    """Who calls. A client is the token's holder, else the certificate's subject, else the address."""
    return Caller(context.peer(), _client_of(context, tokens))


def _client_of(context: grpc.aio.ServicerContext, tokens: Tokens | None) -> str:
    if tokens is not None:
        header = dict(context.invocation_metadata() or ()).get(_HEADER, "")
        if holder := tokens.holder(str(header)):
            return holder
    if subject := context.auth_context().get("x509_subject"):
        return str(subject[0].decode("utf-8", "replace"))
    return address_of(context.peer())


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


def _no_entry(brought: bool) -> Unauthenticated:
    problem = "the token is not known here" if brought else "no token was sent"
    return Unauthenticated(f"authorization: {problem}. Send the metadata 'authorization: Bearer TOKEN'.")


def _refusing(error: EmoTalkError) -> Any:
    # Streaming on both sides, whatever the call: such a handler is started before the request is read.
    async def refuse(_: object, context: grpc.aio.ServicerContext) -> None:
        await abort(context, error)

    return grpc.stream_stream_rpc_method_handler(refuse)
