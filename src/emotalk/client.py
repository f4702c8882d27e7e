"""The client: speech in, frames out, over gRPC.

    with EmoTalkClient("localhost", 50051) as client:
        for chunk in client.process_audio_file("speech.wav"):
            print(chunk["chunk_index"], len(chunk["frames"]))

A request that the server cannot take now (UNAVAILABLE) is sent again, with growing pauses, under the same request id:
the server joins what is already running, and frames that were seen are not handed out twice. Nothing else is repeated.
"""

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

import grpc
import numpy as np
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from emotalk import errors
from emotalk.audio.limits import DEFAULT_LIMITS, check_size
from emotalk.chunking import DEFAULT_DURATION, DEFAULT_OVERLAP
from emotalk.errors import DeadlineExceeded, EmoTalkError, JobFailed, ServerUnavailable
from emotalk.face import Frames
from emotalk.queues.base import MAX_MESSAGE_BYTES
from emotalk.timebase import timecode
from emotalk.wire import emotalk_pb2, emotalk_pb2_grpc

DEFAULT_TIMEOUT = 3600.0
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 10.0
DEFAULT_PATIENCE = 30.0
_OPTIONS = (
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_send_message_length", MAX_MESSAGE_BYTES + 2**20),
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
)


@dataclass(frozen=True)
class Chunk:
    """A piece of the answer: float32 [n, 52] from absolute frame `first_frame`; the last one `is_final`."""

    request_id: str
    index: int
    first_frame: int
    frames: Frames
    is_final: bool

    def as_dict(self) -> dict[str, Any]:
        """The shape that the first version's client returned."""
        rows = enumerate(self.frames.tolist(), self.first_frame)
        frames = [{"timecode": timecode(n), "frame_number": n, "blendshapes": row} for n, row in rows]
        return {"chunk_index": self.index, "frames": frames}


@dataclass(frozen=True)
class Request:
    """What to ask for; durations in seconds. `audio` is the contents of a WAV, FLAC, OGG or MP3 file."""

    audio: bytes
    emotion_level: int = 1
    person_id: int = 0
    post_processing: bool = True
    chunk_duration: float = DEFAULT_DURATION
    chunk_overlap: float = DEFAULT_OVERLAP
    session_id: str = ""
    request_id: str = field(default_factory=lambda: uuid.uuid4().hex)

    def message(self) -> emotalk_pb2.AudioRequest:
        """As the wire has it."""
        return emotalk_pb2.AudioRequest(
            request_id=self.request_id,
            audio_data=self.audio,
            emotion_level=self.emotion_level,
            person_id=self.person_id,
            post_processing=self.post_processing,
            chunk_duration=self.chunk_duration,
            chunk_overlap=self.chunk_overlap,
            session_id=self.session_id,
        )


class _Answer:
    """What has been handed out of one answer, and whether a broken call is worth another."""

    def __init__(self, timeout: float, patience: float) -> None:
        self._until = time.monotonic() + timeout
        self._patience = patience
        self._waited = 0.0
        self._pause = FIRST_PAUSE
        self._next = 0
        self.complete = False

    @property
    def left(self) -> float:
        """Seconds until the deadline."""
        return max(0.001, self._until - time.monotonic())

    def take(self, response: emotalk_pb2.BlendshapeResponse) -> Chunk | None:
        """A response → the chunk of its new frames; None where it has none."""
        self._waited, self._pause = 0.0, FIRST_PAUSE
        fresh = [frame for frame in response.frames if frame.frame_number >= self._next]
        self.complete = response.is_final
        if not fresh:
            return None
        first, self._next = fresh[0].frame_number, fresh[-1].frame_number + 1
        frames = np.array([frame.blendshapes for frame in fresh], np.float32)
        return Chunk(response.request_id, response.chunk_index, first, frames, response.is_final)

    def check(self) -> None:
        """Raise JobFailed where a call ended well but the answer did not: a server that is none of ours."""
        if not self.complete:
            raise JobFailed("the answer ended before its last frame")

    def pause_after(self, error: grpc.RpcError) -> float:
        """Seconds to wait before asking again. Raises the named error where that would not help."""
        pause, self._pause = self._pause, min(LONGEST_PAUSE, 2 * self._pause)
        self._waited += pause
        hopeless = error.code() is not grpc.StatusCode.UNAVAILABLE
        if hopeless or self._waited > self._patience or pause >= self.left:
            raise named(error) from error
        return pause


class EmoTalkClient:
    """A blocking client; threads may share it. Give `channel` to bring credentials of your own.

    `timeout`: seconds for a whole answer, the wait in the queue included. `patience`: seconds of an unavailable server.
    """

    def __init__(
        self,
        host: str = "localhost",
        port: int = 50051,
        *,
        timeout: float = DEFAULT_TIMEOUT,
        patience: float = DEFAULT_PATIENCE,
        channel: grpc.Channel | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._channel = channel or grpc.insecure_channel(_target(host, port), _OPTIONS)
        self._stub = emotalk_pb2_grpc.EmoTalkServiceStub(self._channel)
        self._timeout, self._patience, self._sleep = timeout, patience, sleep

    def process_audio_file(
        self,
        audio_path: str | Path,
        emotion_level: int = 1,
        person_id: int = 0,
        post_processing: bool = True,
        chunk_duration: float = DEFAULT_DURATION,
        chunk_overlap: float = DEFAULT_OVERLAP,
    ) -> list[dict[str, Any]]:
        """Animate a file; returns [{'chunk_index', 'frames': [{'timecode', 'frame_number', 'blendshapes'}]}].

        Raises FileNotFoundError and the errors of `stream`.
        """
        request = Request(
            Path(audio_path).read_bytes(), emotion_level, person_id, post_processing, chunk_duration, chunk_overlap
        )
        return [chunk.as_dict() for chunk in self.stream(request)]

    def stream(self, request: Request, accepted: Callable[[int], None] | None = None) -> Iterator[Chunk]:
        """Each chunk as soon as it is done; `accepted` hears the position in the queue once the request is durable.

        Raises InvalidRequest, RequestConflict, QueueFull, JobFailed, ResultsDiffer, ServerUnavailable and
        DeadlineExceeded.
        """
        check_size(len(request.audio), DEFAULT_LIMITS)
        answer = _Answer(self._timeout, self._patience)
        while not answer.complete:
            try:
                yield from self._call(request, answer, accepted)
                answer.check()
            except grpc.RpcError as error:
                if not answer.complete:  # the last frame may arrive and the good-bye after it be lost
                    self._sleep(answer.pause_after(error))

    def health(self, timeout: float = 5.0) -> bool:
        """True if the service is ready. Raises ServerUnavailable where nobody answers."""
        try:
            response = self._stub.HealthCheck(emotalk_pb2.HealthCheckRequest(service="emotalk"), timeout=timeout)
        except grpc.RpcError as error:
            raise named(error) from error
        return bool(response.status == emotalk_pb2.HealthCheckResponse.SERVING)

    def close(self) -> None:
        """Close the connection."""
        self._channel.close()

    def __enter__(self) -> "EmoTalkClient":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _call(self, request: Request, answer: _Answer, accepted: Callable[[int], None] | None) -> Iterator[Chunk]:
        call = self._stub.ProcessAudio(request.message(), timeout=answer.left)
        try:
            if accepted and (position := _position(call.initial_metadata())) is not None:
                accepted(position)
            for response in call:
                chunk = answer.take(response)
                if chunk:
                    yield chunk
        finally:
            call.cancel()


class AsyncEmoTalkClient:
    """The same, for asyncio."""

    def __init__(
        self,
        host: str = "localhost",
        port: int = 50051,
        *,
        timeout: float = DEFAULT_TIMEOUT,
        patience: float = DEFAULT_PATIENCE,
        channel: grpc.aio.Channel | None = None,
    ) -> None:
        self._channel = channel or grpc.aio.insecure_channel(_target(host, port), _OPTIONS)
        self._stub = emotalk_pb2_grpc.EmoTalkServiceStub(self._channel)
        self._timeout, self._patience = timeout, patience

    async def stream(self, request: Request, accepted: Callable[[int], None] | None = None) -> AsyncIterator[Chunk]:
        """See EmoTalkClient.stream."""
        check_size(len(request.audio), DEFAULT_LIMITS)
        answer = _Answer(self._timeout, self._patience)
        while not answer.complete:
            try:
                async for chunk in self._call(request, answer, accepted):
                    yield chunk
                answer.check()
            except grpc.aio.AioRpcError as error:
                if not answer.complete:
                    await asyncio.sleep(answer.pause_after(error))

    async def health(self, timeout: float = 5.0) -> bool:
        """See EmoTalkClient.health."""
        try:
            response = await self._stub.HealthCheck(emotalk_pb2.HealthCheckRequest(service="emotalk"), timeout=timeout)
        except grpc.aio.AioRpcError as error:
            raise named(error) from error
        return bool(response.status == emotalk_pb2.HealthCheckResponse.SERVING)

    async def close(self) -> None:
        """Close the connection."""
        await self._channel.close()

    async def __aenter__(self) -> "AsyncEmoTalkClient":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def _call(
        self, request: Request, answer: _Answer, accepted: Callable[[int], None] | None
    ) -> AsyncIterator[Chunk]:
        call = self._stub.ProcessAudio(request.message(), timeout=answer.left)
        try:
            if accepted and (position := _position(await call.initial_metadata())) is not None:
                accepted(position)
            async for response in call:
                chunk = answer.take(response)
                if chunk:
                    yield chunk
        finally:
            call.cancel()


def named(error: grpc.RpcError) -> EmoTalkError:
    """A gRPC status → the error of ours that it stands for."""
    code, message = error.code(), error.details() or error.code().name
    if code is grpc.StatusCode.INVALID_ARGUMENT and (violation := _violation(error)):
        problem, _, fix = violation.description.rstrip(".").partition(". ")
        return errors.InvalidRequest(violation.field, problem, fix)
    by_code: dict[grpc.StatusCode, type[EmoTalkError]] = {
        grpc.StatusCode.ALREADY_EXISTS: errors.RequestConflict,
        grpc.StatusCode.RESOURCE_EXHAUSTED: errors.QueueFull,
        grpc.StatusCode.UNAVAILABLE: ServerUnavailable,
        grpc.StatusCode.DEADLINE_EXCEEDED: DeadlineExceeded,
        grpc.StatusCode.ABORTED: errors.ResultsDiffer,
    }
    if code is grpc.StatusCode.UNAVAILABLE and rpc_status.from_call(error) is None:
        message = f"{message}. Is a server running there? Start one with: emotalk serve"  # nobody has answered
    if code is grpc.StatusCode.DEADLINE_EXCEEDED:
        message = f"{message}. Allow more time; what was accepted is done all the same"
    return by_code.get(code, JobFailed)(message)


def _target(host: str, port: int) -> str:
    bare_ipv6 = ":" in host and not host.startswith("[")
    return f"[{host}]:{port}" if bare_ipv6 else f"{host}:{port}"


def _violation(error: grpc.RpcError) -> "error_details_pb2.BadRequest.FieldViolation | None":
    status = rpc_status.from_call(error)
    bad = error_details_pb2.BadRequest()
    for detail in status.details if status else ():
        if detail.Unpack(bad) and bad.field_violations:
            return bad.field_violations[0]
    return None


def _position(metadata: Any) -> int | None:
    for name, value in metadata or ():
        if name == "queue-position":
            return int(value)
    return None
