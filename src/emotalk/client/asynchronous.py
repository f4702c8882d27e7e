"""The client for asyncio."""

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

import grpc
from google.protobuf.message import Message

from emotalk import tracing
from emotalk.address import Address
from emotalk.client import handshake, visitor
from emotalk.client.connection import is_accepted, open_async_channel, position_of, to_error
from emotalk.client.credentials import Credentials
from emotalk.client.exchange import DEFAULT_PATIENCE, DEFAULT_TIMEOUT, Chunk, Exchange, Request, whole
from emotalk.client.job import JobStatus, read_job
from emotalk.client.live import Live, Said, converse_async
from emotalk.export import check_place, save
from emotalk.face import FaceClip
from emotalk.limits import DEFAULT_LIMITS, check_size
from emotalk.wire import emotalk_pb2, emotalk_pb2_grpc
from emotalk.wire.convert import make_message

NOWHERE = "/emotalk.EmoTalkService/Nowhere"


class AsyncEmoTalkClient:
    """The same, for asyncio."""

    def __init__(
        self,
        host: str = "localhost",
        port: int = 50051,
        *,
        timeout: float = DEFAULT_TIMEOUT,
        patience: float = DEFAULT_PATIENCE,
        credentials: Credentials | None = None,
        channel: grpc.aio.Channel | None = None,
    ) -> None:
        self._address = (Address(host, port), credentials or Credentials())
        self._channel, self._own = channel or open_async_channel(*self._address), channel is None
        self._where = str(self._address[0]) if self._own else ""
        self._stub = emotalk_pb2_grpc.EmoTalkServiceStub(self._channel)
        self._timeout, self._patience = timeout, patience

    async def animate_file(self, audio_path: str | Path, output: str | Path | None = None, **how: Any) -> FaceClip:
        """See EmoTalkClient.animate_file."""
        sound, place = Path(audio_path), output and Path(output)
        request = Request(await asyncio.to_thread(sound.read_bytes), **how)
        if place:
            await asyncio.to_thread(check_place, place)
        chunks = whole([chunk async for chunk in self.stream(request, may_restart=True)])
        clip = FaceClip.of([chunk.columns for chunk in chunks], sound, [chunk.feelings for chunk in chunks])
        if place:
            await asyncio.to_thread(save, clip, place)
        return clip

    def stream(
        self, request: Request, accepted: Callable[[int], None] | None = None, *, may_restart: bool = False
    ) -> AsyncIterator[Chunk]:
        """See EmoTalkClient.stream."""
        check_size(len(request.audio), DEFAULT_LIMITS)
        answer = Exchange(self._timeout, self._patience, may_restart=may_restart)
        return self._read_chunks(request.request_id, answer, request, accepted)

    def results(
        self,
        request_id: str,
        from_frame: int = 0,
        accepted: Callable[[int], None] | None = None,
        *,
        may_restart: bool = False,
    ) -> AsyncIterator[Chunk]:
        """See EmoTalkClient.results."""
        answer = Exchange(self._timeout, self._patience, from_frame, True, may_restart)
        return self._read_chunks(request_id, answer, None, accepted)

    async def submit(self, request: Request) -> JobStatus:
        """See EmoTalkClient.submit."""
        check_size(len(request.audio), DEFAULT_LIMITS)
        return await self._ask("submit", self._stub.SubmitAudio, request.message())

    async def job(self, request_id: str) -> JobStatus:
        """See EmoTalkClient.job."""
        return await self._ask("job", self._stub.GetJob, make_message(emotalk_pb2.GetJobRequest, request_id=request_id))

    async def cancel(self, request_id: str) -> JobStatus:
        """See EmoTalkClient.cancel."""
        return await self._ask(
            "cancel", self._stub.CancelJob, make_message(emotalk_pb2.CancelJobRequest, request_id=request_id)
        )

    async def live(self, live: Live, blocks: AsyncIterable[Said]) -> AsyncIterator[Chunk]:
        """Frames while `blocks` (see Said) are still coming; see Live. Never repeated: nothing is stored.

        Raises InvalidRequest, QueueFull where all places are taken, EngineError's kin, ServerUnavailable.
        """
        try:
            async for chunk in converse_async(self._stub.StreamAudio(metadata=visitor.metadata()), live, blocks):
                yield chunk
        except grpc.aio.AioRpcError as error:
            await self._check_handshake(error)
            raise to_error(error, self._where) from error

    async def health(self, timeout: float = 5.0) -> bool:
        """See EmoTalkClient.health."""
        asked, own = emotalk_pb2.HealthCheckRequest(service="emotalk"), visitor.metadata()
        try:
            response = await self._stub.HealthCheck(asked, timeout=timeout, metadata=own)
        except grpc.aio.AioRpcError as error:
            await self._check_handshake(error)
            raise to_error(error, self._where) from error
        return bool(response.status == emotalk_pb2.HealthCheckResponse.SERVING)

    async def check_token(self) -> None:
        """Raise Unauthenticated where the server does not know our token, and ServerUnavailable.

        It calls what no contract has: the token is asked before the call is looked for, and nothing is counted.
        """
        answer, knock = Exchange(self._timeout, self._patience), self._channel.unary_unary(NOWHERE)
        while True:
            try:
                await knock(b"", timeout=answer.left, metadata=visitor.metadata())
            except grpc.aio.AioRpcError as error:
                if error.code() is grpc.StatusCode.UNIMPLEMENTED:
                    return
                await self._check_handshake(error)
                await asyncio.sleep(answer.pause_after(error, self._where))

    async def close(self) -> None:
        """Close the connection."""
        await self._channel.close()

    async def __aenter__(self) -> "AsyncEmoTalkClient":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def _check_handshake(self, error: grpc.aio.AioRpcError) -> None:
        if self._own:
            await asyncio.to_thread(handshake.check, *self._address, error)

    async def _ask(self, name: str, call: Callable[..., Awaitable[emotalk_pb2.Job]], message: Message) -> JobStatus:
        answer = Exchange(self._timeout, self._patience)
        with tracing.open_apart(name, kind="client") as trace:
            metadata = (*trace.items(), *visitor.metadata())
            while True:
                try:
                    return read_job(await call(message, timeout=answer.left, metadata=metadata))
                except grpc.aio.AioRpcError as error:
                    await self._check_handshake(error)
                    await asyncio.sleep(answer.pause_after(error, self._where))

    async def _read_chunks(
        self, request_id: str, answer: Exchange, request: Request | None, accepted: Callable[[int], None] | None
    ) -> AsyncIterator[Chunk]:
        with tracing.open_apart("request", kind="client", request_id=request_id) as trace:
            while not answer.complete:
                try:
                    async for chunk in self._call(request_id, answer, request, accepted, trace):
                        yield chunk
                    answer.check()
                except grpc.aio.AioRpcError as error:
                    if not answer.complete:
                        await self._check_handshake(error)
                        await asyncio.sleep(answer.pause_after(error, self._where))

    async def _call(
        self,
        request_id: str,
        answer: Exchange,
        request: Request | None,
        accepted: Callable[[int], None] | None,
        trace: Mapping[str, str],
    ) -> AsyncIterator[Chunk]:
        terms: dict[str, Any] = {"timeout": answer.left, "metadata": (*trace.items(), *visitor.metadata())}
        if answer.known or request is None:
            call = self._stub.StreamResults(answer.rest(request_id), **terms)
        else:
            call = self._stub.ProcessAudio(request.message(answer.may_restart), **terms)
        try:
            metadata = await call.initial_metadata()
            answer.known = answer.known or is_accepted(metadata)
            if accepted and (position := position_of(metadata)) is not None:
                accepted(position)
            async for response in call:
                chunk = answer.take(response)
                if chunk:
                    yield chunk
        finally:
            call.cancel()
