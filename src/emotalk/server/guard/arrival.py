"""What stands around every call of any contract while its request arrives: its place, its size, its time.

Places are counted here and not by gRPC, which would refuse probes and clients alike, and not say when to come back.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import AbstractContextManager, aclosing, suppress
from typing import Any

import grpc
from google.protobuf.message import DecodeError

from emotalk.errors import DeadlineExceeded, EmoTalkError, InvalidRequest
from emotalk.server.guard.doorway import Doorway
from emotalk.server.guard.gate import Answering, Caller, CallKind, Continue, Kinds, abort, find_caller, find_holder, run
from emotalk.server.guard.tokens import Tokens

SMALL_BYTES = 64 * 2**10
"""What a request without sound may have."""
HEAR_OUT_SECONDS, PAUSE_SECONDS = 1.0, 0.1
"""Who is refused has sent all after such a pause; a microphone never pauses."""

Call = Callable[[Any, grpc.aio.ServicerContext], Awaitable[None]]
_END = object()


class ArrivalGate(grpc.aio.ServerInterceptor):  # type: ignore[misc]  # grpc has no types
    """RESOURCE_EXHAUSTED where there is no place, DEADLINE_EXCEEDED for a request that trickles in.

    And INVALID_ARGUMENT for one that is not a message, or that has no sound and is larger than 64 KiB.
    """

    def __init__(self, seconds: float, kinds: Kinds, doorway: Doorway, tokens: Tokens | None = None) -> None:
        self._seconds, self._kinds, self._doorway, self._tokens = seconds, kinds, doorway, tokens

    async def intercept_service(self, continuation: Continue, details: grpc.HandlerCallDetails) -> Any:
        """See grpc.aio.ServerInterceptor."""
        handler = await continuation(details)
        if handler is None:
            return None
        kind = self._kinds.get(details.method, CallKind.REQUEST)
        call = _wrap_call(self._call(handler, kind))
        deserialize = _wrap_deserializer(handler.request_deserializer, kind)
        return grpc.stream_stream_rpc_method_handler(call, deserialize, _wrap_serializer(handler.response_serializer))

    def _call(self, handler: Any, kind: CallKind) -> Call:
        if streams := handler.stream_stream or handler.stream_unary:
            return lambda messages, context: self._answer_stream(streams, messages, context)
        answer = handler.unary_stream or handler.unary_unary
        if kind is not CallKind.PROBE:
            return lambda _, context: self._answer_single(answer, kind, context)
        lasts = handler.unary_stream is not None
        return lambda _, context: self._probe(answer, lasts, context)

    async def _answer_single(self, answer: Callable[..., Answering], kind: CallKind, context: Any) -> None:
        client = find_caller(context, self._tokens).client
        with self._doorway.inside.of(client):
            with self._doorway.arrival(client, kind):
                # Handed on without a name here: the answer may take hours, and must not hold the request's sound.
                answering = answer(await self._receive(context), context)
            await _answer(answering, context)

    async def _answer_stream(self, answer: Callable[..., Answering], messages: Any, context: Any) -> None:
        client = find_caller(context, self._tokens).client
        with self._doorway.inside.of(client), self._doorway.streaming(client):
            async with aclosing(self._read_in_time(messages, self._doorway.arriving.of(client))) as timely:
                try:
                    await _answer(answer(timely, context), context)
                except EmoTalkError:
                    await hear_out(timely)
                    raise

    async def _probe(self, answer: Callable[..., Answering], lasts: bool, context: Any) -> None:
        """Who needs no token has places of their own, and takes none of anybody else's."""
        caller = find_caller(context, self._tokens)
        if find_holder(context, self._tokens):
            request = await self._receive(context)
        else:
            request = await self._doorway.turns.read(caller.connection, lambda: self._receive(context))
        with self._take_place(caller, lasts):
            await _answer(answer(request, context), context)

    def _take_place(self, caller: Caller, lasts: bool) -> AbstractContextManager[None]:
        return self._doorway.watching.of(caller.client) if lasts else self._doorway.asking.of(caller.connection)

    async def _read_in_time(
        self, messages: AsyncIterator[Any], arriving: AbstractContextManager[None]
    ) -> AsyncGenerator[Any, None]:
        with arriving:
            message = await self._read_next(messages)
        while message is not _END:
            yield message
            message = await self._read_next(messages)

    async def _read_next(self, messages: AsyncIterator[Any]) -> Any:
        try:
            async with asyncio.timeout(self._seconds):  # wait_for would make a task for every message
                return await anext(messages, _END)
        except TimeoutError as late:
            raise DeadlineExceeded(f"nothing came for {self._seconds:g} s, and the stream was not ended") from late

    async def _receive(self, context: grpc.aio.ServicerContext) -> Any:
        try:
            request = await asyncio.wait_for(context.read(), self._seconds)
        except TimeoutError as late:
            raise DeadlineExceeded(f"the request had not arrived after {self._seconds:g} s") from late
        if request is grpc.aio.EOF:
            raise _make_unreadable_error()
        return request


async def hear_out(messages: AsyncIterator[Any]) -> None:
    """Before a stream is refused: to whoever still sends when it ends, grpc.aio says INTERNAL, and not why."""
    with suppress(TimeoutError, EmoTalkError):
        async with asyncio.timeout(HEAR_OUT_SECONDS):
            while await _before_a_pause(messages) is not _END:
                pass


async def _before_a_pause(messages: AsyncIterator[Any]) -> Any:
    async with asyncio.timeout(PAUSE_SECONDS):  # wait_for may lose the cancellation of the timeout around it
        return await anext(messages, _END)


async def _answer(answering: Answering, context: grpc.aio.ServicerContext) -> None:
    if (response := await run(answering, context)) is not None:
        await context.write(response)


def _wrap_call(call: Call) -> Call:
    async def answer_saying_why(messages: Any, context: grpc.aio.ServicerContext) -> None:
        try:
            await call(messages, context)
        except EmoTalkError as error:
            await abort(context, error)

    return answer_saying_why


def _wrap_deserializer(deserializer: Callable[[bytes], Any] | None, kind: CallKind) -> Callable[[bytes], Any]:
    """InvalidRequest for bytes that gRPC would call UNKNOWN, and for more of them than the call can need."""

    def deserialize(message: bytes) -> Any:
        if len(message) > SMALL_BYTES and not kind.brings_sound:
            problem = f"it has {len(message)} bytes, and a call without sound may have {SMALL_BYTES}"
            del message  # else the error holds it
            raise InvalidRequest("request", problem, "Send shorter names")
        try:
            return deserializer(message) if deserializer else message
        except DecodeError as error:
            raise _make_unreadable_error() from error

    return deserialize


def _wrap_serializer(serializer: Callable[[Any], bytes] | None) -> Callable[[Any], bytes]:
    """What another process of ours has packed goes on as it is."""
    return lambda message: message if isinstance(message, bytes) or serializer is None else serializer(message)


def _make_unreadable_error() -> InvalidRequest:
    return InvalidRequest("request", "it is not a message of this call", "Compile the .proto of this call again")
