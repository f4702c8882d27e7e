"""What stands before every call: the token, and a limit on how long a request may take to arrive.

An interceptor, so that no call of the contract can forget it. Health checks need no token: probes and balancers have
none, and learn no more than "ready".
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from ipaddress import IPv4Address, ip_address, ip_network
from typing import Any
from urllib.parse import unquote

import grpc
from google.protobuf.message import DecodeError
from grpc_health.v1 import health_pb2
from grpc_status import rpc_status

from emotalk.errors import DeadlineExceeded, EmoTalkError, InvalidRequest, Unauthenticated
from emotalk.server.guard.tokens import Tokens
from emotalk.wire import emotalk_pb2
from emotalk.wire.status import status_of

OURS = emotalk_pb2.DESCRIPTOR.services_by_name["EmoTalkService"].full_name
_HEALTH = health_pb2.DESCRIPTOR.services_by_name["Health"].full_name
_OPEN = (f"/{_HEALTH}/", f"/{OURS}/HealthCheck")
_HEADER = "authorization"

Continue = Callable[[grpc.HandlerCallDetails], Awaitable[grpc.RpcMethodHandler]]


@dataclass(frozen=True)
class Caller:
    """`connection` orders its requests; `client` is whose limits they count against."""

    connection: str
    client: str = ""


class TokenGate(grpc.aio.ServerInterceptor):  # type: ignore[misc]  # grpc has no types
    """UNAUTHENTICATED for whoever brings no token that we know, before a byte of their request is read."""

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens

    async def intercept_service(self, continuation: Continue, details: grpc.HandlerCallDetails) -> Any:
        """See grpc.aio.ServerInterceptor."""
        header = dict(details.invocation_metadata).get(_HEADER, "")
        if details.method.startswith(_OPEN) or self._tokens.holder(str(header)) is not None:
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
        if handler is None or not details.method.startswith(f"/{OURS}/"):
            return handler
        # What streams in has pauses of its own, and its call a limit for them.
        answer = handler.stream_stream or self._timed(handler.unary_stream or handler.unary_unary)
        return grpc.stream_stream_rpc_method_handler(
            answer, _named(handler.request_deserializer), handler.response_serializer
        )

    def _timed(self, answer: Callable[[Any, grpc.aio.ServicerContext], Any]) -> Any:
        async def call(_: object, context: grpc.aio.ServicerContext) -> None:
            try:
                # Handed on without a name here: the answer may take hours, and must not hold the request's sound.
                answering = answer(await self._arrived(context), context)
            except EmoTalkError as error:
                await abort(context, error)
            if isinstance(answering, AsyncIterator):
                async for response in answering:
                    await context.write(response)
            elif (response := await answering) is not None:
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


def _named(deserializer: Callable[[bytes], Any]) -> Callable[[bytes], Any]:
    """InvalidRequest for bytes that are no message, which gRPC would call UNKNOWN."""

    def deserialize(message: bytes) -> Any:
        try:
            return deserializer(message)
        except DecodeError as error:
            raise _unreadable() from error

    return deserialize


def _unreadable() -> InvalidRequest:
    return InvalidRequest("request", "it is no message of this call", "Compile proto/emotalk.proto anew")


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
