"""EmoTalkService: the contract's calls."""

import asyncio
import logging
import string
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager
from urllib.parse import quote

import grpc

from emotalk import metrics, tracing
from emotalk.errors import EmoTalkError, InvalidRequest, QueueUnavailable, UnknownJob
from emotalk.jobs.assembly import Assembly
from emotalk.jobs.intake import Order, new_id
from emotalk.live.pool import LivePool
from emotalk.server.answers.dispatch import Accepted, Dispatch
from emotalk.server.answers.job_calls import JobCalls, Standing, number_of
from emotalk.server.guard.gate import abort, caller_of
from emotalk.server.guard.tokens import Tokens
from emotalk.server.health import SERVICES, Readiness
from emotalk.wire import emotalk_pb2, emotalk_pb2_grpc
from emotalk.wire.convert import read_performance, to_failure, to_job, to_response

log = logging.getLogger(__name__)

_PLAIN = string.ascii_letters + string.digits + "!#$&'()*+,/:;=?@[]^`{|}"


class EmoTalkService(emotalk_pb2_grpc.EmoTalkServiceServicer):
    """Speaks protobuf; everything it knows comes from `dispatch`, `desk`, `readiness` and `relay`."""

    def __init__(
        self,
        dispatch: Dispatch,
        desk: JobCalls,
        readiness: Readiness,
        relay: LivePool | None = None,
        tokens: Tokens | None = None,
    ) -> None:
        self._dispatch, self._desk, self._readiness, self._relay = dispatch, desk, readiness, relay
        self._tokens = tokens
        self._calls = 0
        self._idle = asyncio.Event()
        self._idle.set()

    async def idle(self) -> None:
        """Return once no answer is in hand; who merely watches the health does not count."""
        await self._idle.wait()

    async def ProcessAudio(  # noqa: N802 - the contract's name
        self, request: emotalk_pb2.AudioRequest, context: grpc.aio.ServicerContext
    ) -> None:
        """Accept, then stream each chunk as soon as it is whole."""
        call = metrics.Call()
        processing = self._process(request, context, call)
        del request  # its sound as well: nobody else holds it, and the wait for the answer may be long
        with self._in_hand(), call:
            await processing

    async def StreamAudio(  # noqa: N802
        self, messages: object, context: grpc.aio.ServicerContext
    ) -> None:
        """A live microphone: no job of the queue, and nothing is kept of it."""
        if self._relay is None:
            await context.abort(grpc.StatusCode.UNIMPLEMENTED, "this server takes no live sound")
            return
        try:
            with self._in_hand(), metrics.LIVE_STREAMS.track_inprogress():
                await self._relay.converse(context)
        except EmoTalkError as error:
            await context.write(to_failure("", str(error)))
            await abort(context, error)

    async def SubmitAudio(  # noqa: N802
        self, request: emotalk_pb2.AudioRequest, context: grpc.aio.ServicerContext
    ) -> emotalk_pb2.Job:
        """Accept, and say where it stands."""
        request.request_id = request_id = request.request_id or new_id()
        submitting = self._submitted(request, context)
        del request
        with self._in_hand():
            return await _refusing(request_id, submitting, context)

    async def StreamResults(  # noqa: N802
        self, request: emotalk_pb2.StreamResultsRequest, context: grpc.aio.ServicerContext
    ) -> None:
        """The frames that the caller is missing."""
        call = metrics.Call()
        with self._in_hand(), call:
            await self._resume(request, context, call)

    async def GetJob(  # noqa: N802
        self, request: emotalk_pb2.GetJobRequest, context: grpc.aio.ServicerContext
    ) -> emotalk_pb2.Job:
        """Where it stands."""
        with self._in_hand():
            return await _refusing(request.request_id, _said(self._desk.find(request.request_id)), context)

    async def CancelJob(  # noqa: N802
        self, request: emotalk_pb2.CancelJobRequest, context: grpc.aio.ServicerContext
    ) -> emotalk_pb2.Job:
        """Take it away, unless it is over."""
        with self._in_hand():
            return await _refusing(request.request_id, _said(self._desk.cancel(request.request_id)), context)

    async def _submitted(self, request: emotalk_pb2.AudioRequest, context: grpc.aio.ServicerContext) -> emotalk_pb2.Job:
        accepting = self._dispatch.accept(to_order(request), caller_of(context, self._tokens))
        del request
        accepted = await accepting
        accepted.leave()
        try:
            return to_message(await self._desk.find(accepted.request_id))
        except (UnknownJob, QueueUnavailable):  # accepted all the same
            return to_job(accepted.request_id, "queued", queue_position=accepted.position)

    async def _resume(
        self, request: emotalk_pb2.StreamResultsRequest, context: grpc.aio.ServicerContext, call: metrics.Call
    ) -> None:
        try:
            if request.from_frame < 0:
                raise InvalidRequest("from_frame", f"{request.from_frame} is negative", "Send 0 for all frames")
            accepted = await self._desk.follow(request.request_id)
            call.accepted()
            await self._answer(accepted, context, call, request.from_frame)
        except EmoTalkError as error:
            await self._fail(request.request_id, error, context, call)

    @contextmanager
    def _in_hand(self) -> Iterator[None]:
        self._calls += 1
        self._idle.clear()
        try:
            yield
        finally:
            self._calls -= 1
            if not self._calls:
                self._idle.set()

    async def _process(
        self, request: emotalk_pb2.AudioRequest, context: grpc.aio.ServicerContext, call: metrics.Call
    ) -> None:
        request.request_id = request_id = request.request_id or new_id()
        try:
            accepting = self._dispatch.accept(to_order(request), caller_of(context, self._tokens))
            del request  # neither the wait nor a refusal may hold its sound: what is raised keeps this frame
            accepted = await accepting
            call.accepted()
            # Written, not yielded: a client that hangs up ends this coroutine here and now, not a generator later.
            await self._answer(accepted, context, call)
        except EmoTalkError as error:
            await self._fail(request_id, error, context, call)

    async def _fail(
        self, request_id: str, error: EmoTalkError, context: grpc.aio.ServicerContext, call: metrics.Call
    ) -> None:
        call.failed(error)
        await context.write(to_failure(request_id, str(error)))
        _say_refused(request_id, error)
        await abort(context, error)

    async def HealthCheck(  # noqa: N802
        self, request: emotalk_pb2.HealthCheckRequest, context: grpc.aio.ServicerContext
    ) -> emotalk_pb2.HealthCheckResponse:
        """SERVING once ready; UNKNOWN for a service that is not ours."""
        answer = emotalk_pb2.HealthCheckResponse
        if request.service not in SERVICES:
            return answer(status=answer.UNKNOWN)
        return answer(status=answer.SERVING if self._readiness.ready else answer.NOT_SERVING)

    async def _answer(
        self, accepted: Accepted, context: grpc.aio.ServicerContext, call: metrics.Call, from_frame: int = 0
    ) -> None:
        try:
            await context.send_initial_metadata(_metadata(accepted))
            assembly = Assembly(from_frame)
            async for part in accepted.stream.parts():
                response = assembly.add(part)
                if response:
                    chunk = (response.chunk_index, response.first_frame, response.frames, response.is_final)
                    with tracing.span("send", chunk=response.chunk_index, final=response.is_final):
                        await context.write(to_response(accepted.request_id, *chunk))
                    call.sent(response.is_final)
                if assembly.complete:
                    return
            raise UnknownJob(f"request_id: the results of '{accepted.request_id}' are no longer kept")
        finally:
            accepted.leave()


def to_order(request: emotalk_pb2.AudioRequest) -> Order:
    """Message → order. Raises InvalidRequest for a parameter that cannot be read."""
    return Order(request.audio_data, request.request_id, request.session_id, read_performance(request))


def _metadata(accepted: Accepted) -> tuple[tuple[str, str], ...]:
    """Percent-encoded, since a header is plain ASCII and an id need not be."""
    request_id = ("request-id", quote(accepted.request_id, safe=_PLAIN))
    return (request_id,) if accepted.position is None else (request_id, ("queue-position", str(accepted.position)))


def to_message(standing: Standing) -> emotalk_pb2.Job:
    """Where a job stands, as the wire has it."""
    row = standing.row
    return to_job(
        row.request_id,
        row.state,
        queue_position=standing.position,
        frames_done=standing.frames_done,
        frames_total=standing.frames_total,
        audio_seconds=number_of(row, "seconds"),
        attempts=row.attempts,
        epoch=row.epoch,
        error_message=row.error,
        submitted_at=number_of(row, "submitted_at"),
        started_at=row.started_at,
        finished_at=row.finished_at,
    )


async def _said(standing: Awaitable[Standing]) -> emotalk_pb2.Job:
    return to_message(await standing)


async def _refusing(
    request_id: str, answer: Awaitable[emotalk_pb2.Job], context: grpc.aio.ServicerContext
) -> emotalk_pb2.Job:
    try:
        return await answer
    except EmoTalkError as error:
        _say_refused(request_id, error)
        await abort(context, error)
        raise


def _say_refused(request_id: str, error: EmoTalkError) -> None:
    log.info("refused", extra={"request_id": request_id, "error": str(error), "kind": type(error).__name__})
