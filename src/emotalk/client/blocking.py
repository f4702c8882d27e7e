"""The client for threads and scripts."""

import time
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

import grpc
from google.protobuf.message import Message

from emotalk import tracing
from emotalk.address import Address
from emotalk.client import handshake
from emotalk.client.connection import Home, is_accepted, open_blocking_channel, position_of, to_error
from emotalk.client.credentials import Credentials
from emotalk.client.exchange import DEFAULT_PATIENCE, DEFAULT_TIMEOUT, Chunk, Exchange, Request, whole
from emotalk.client.job import JobStatus, read_job
from emotalk.client.live import Live, Said, converse
from emotalk.export import check_place, save
from emotalk.face import FaceClip
from emotalk.limits import DEFAULT_LIMITS, check_size
from emotalk.wire import emotalk_pb2, emotalk_pb2_grpc
from emotalk.wire.convert import make_message


class EmoTalkClient:
    """A blocking client; threads may share it, processes may not: make one after each fork.

    `credentials`: TLS and a token; or bring a `channel` of your own. `timeout`: seconds for a whole answer, the wait in
    the queue included. `patience`: seconds of an unavailable server.
    """

    def __init__(
        self,
        host: str = "localhost",
        port: int = 50051,
        *,
        timeout: float = DEFAULT_TIMEOUT,
        patience: float = DEFAULT_PATIENCE,
        credentials: Credentials | None = None,
        channel: grpc.Channel | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._address = (Address(host, port), credentials or Credentials())
        self._channel, self._own = channel or open_blocking_channel(*self._address), channel is None
        self._where = str(self._address[0]) if self._own else ""
        self._home, self._calls = Home(), emotalk_pb2_grpc.EmoTalkServiceStub(self._channel)
        self._timeout, self._patience, self._sleep = timeout, patience, sleep

    @property
    def _stub(self) -> emotalk_pb2_grpc.EmoTalkServiceStub:
        """The calls, in the process that they belong to. Raises ConfigurationError in another."""
        self._home.check()
        return self._calls

    def process_audio_file(self, audio_path: str | Path, *how: Any, **named: Any) -> list[dict[str, Any]]:
        """Animate a file; returns [{'chunk_index', 'frames': [{'timecode', 'frame_number', 'blendshapes'}]}].

        `how`, `named`: emotion_level, person_id, post_processing, chunk_duration, chunk_overlap, and what else a
        Request has. Raises FileNotFoundError and the errors of `stream`.
        """
        request = Request(Path(audio_path).read_bytes(), *how, **named)
        return [chunk.as_dict() for chunk in whole(self.stream(request, may_restart=True))]

    def animate_file(self, audio_path: str | Path, output: str | Path | None = None, **how: Any) -> FaceClip:
        """Animate a file and save it, the kind chosen by the suffix of `output`; returns the whole animation.

        `how`: fields of Request besides the audio. Raises ConfigurationError for the suffix, before anything is sent,
        OSError, and the errors of `stream`.
        """
        sound, place = Path(audio_path), output and Path(output)
        request = Request(sound.read_bytes(), **how)
        if place:
            check_place(place)
        chunks = whole(self.stream(request, may_restart=True))
        clip = FaceClip.of([chunk.columns for chunk in chunks], sound, [chunk.feelings for chunk in chunks])
        if place:
            save(clip, place)
        return clip

    def stream(
        self, request: Request, accepted: Callable[[int], None] | None = None, *, may_restart: bool = False
    ) -> Iterator[Chunk]:
        """Each chunk as soon as it is done; `accepted` hears the position in the queue once the request is durable.

        A broken stream is resumed from the next missing frame, without sending the sound again. Where another engine
        takes the job over and computes other frames, ResultsDiffer ends the stream; with `may_restart`, a chunk that
        `restarted` is followed by the whole answer. Raises InvalidRequest,
        RequestConflict, QueueFull, ClientLimit, Unauthenticated, TlsFailed, JobFailed, JobCancelled, ResultsDiffer,
        ServerUnavailable and DeadlineExceeded.
        """
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
    ) -> Iterator[Chunk]:
        """The answer of a job that was submitted, from `from_frame` on; waits for it, and resumes, like `stream`.

        Raises UnknownJob, and what `stream` raises.
        """
        answer = Exchange(self._timeout, self._patience, from_frame, True, may_restart)
        return self._read_chunks(request_id, answer, None, accepted)

    def submit(self, request: Request) -> JobStatus:
        """Let the server take the request; its answer is fetched by `results`. Raises what `stream` raises."""
        check_size(len(request.audio), DEFAULT_LIMITS)
        return self._ask("submit", self._stub.SubmitAudio, request.message())

    def job(self, request_id: str) -> JobStatus:
        """Where a job stands. Raises UnknownJob, ServerUnavailable, DeadlineExceeded."""
        return self._ask("job", self._stub.GetJob, make_message(emotalk_pb2.GetJobRequest, request_id=request_id))

    def cancel(self, request_id: str) -> JobStatus:
        """Take a job away, unless it is over; where it stands then. Raises what `job` raises."""
        return self._ask(
            "cancel", self._stub.CancelJob, make_message(emotalk_pb2.CancelJobRequest, request_id=request_id)
        )

    def live(self, live: Live, blocks: Iterable[Said]) -> Generator[Chunk, None, None]:
        """See AsyncEmoTalkClient.live; `blocks` is read by another thread, and closing the answer hangs up."""
        try:
            yield from converse(self._stub.StreamAudio, live, blocks)
        except grpc.RpcError as error:
            self._check_handshake(error)
            raise to_error(error, self._where) from error

    def health(self, timeout: float = 5.0) -> bool:
        """True if the service is ready. Raises ServerUnavailable where nobody answers, TlsFailed."""
        try:
            response = self._stub.HealthCheck(emotalk_pb2.HealthCheckRequest(service="emotalk"), timeout=timeout)
        except grpc.RpcError as error:
            self._check_handshake(error)
            raise to_error(error, self._where) from error
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

    def _check_handshake(self, error: grpc.RpcError) -> None:
        if self._own:
            handshake.check(*self._address, error)

    def _ask(self, name: str, call: Callable[..., emotalk_pb2.Job], message: Message) -> JobStatus:
        answer = Exchange(self._timeout, self._patience)
        with tracing.open_apart(name, kind="client") as trace:
            while True:
                try:
                    return read_job(call(message, timeout=answer.left, metadata=tuple(trace.items())))
                except grpc.RpcError as error:
                    self._check_handshake(error)
                    self._sleep(answer.pause_after(error, self._where))

    def _read_chunks(
        self, request_id: str, answer: Exchange, request: Request | None, accepted: Callable[[int], None] | None
    ) -> Iterator[Chunk]:
        with tracing.open_apart("request", kind="client", request_id=request_id) as trace:
            while not answer.complete:
                try:
                    yield from self._call(request_id, answer, request, accepted, trace)
                    answer.check()
                except grpc.RpcError as error:
                    if not answer.complete:  # the last frame may arrive and the good-bye after it be lost
                        self._check_handshake(error)
                        if pause := answer.pause_after(error, self._where):
                            self._sleep(pause)

    def _call(
        self,
        request_id: str,
        answer: Exchange,
        request: Request | None,
        accepted: Callable[[int], None] | None,
        trace: Mapping[str, str],
    ) -> Iterator[Chunk]:
        terms: dict[str, Any] = {"timeout": answer.left, "metadata": tuple(trace.items())}
        if answer.known or request is None:
            call = self._stub.StreamResults(answer.rest(request_id), **terms)
        else:
            call = self._stub.ProcessAudio(request.message(answer.may_restart), **terms)
        try:
            metadata = call.initial_metadata()
            answer.known = answer.known or is_accepted(metadata)
            if accepted and (position := position_of(metadata)) is not None:
                accepted(position)
            for response in call:
                chunk = answer.take(response)
                if chunk:
                    yield chunk
                    self._home.check()
        finally:
            call.cancel()
