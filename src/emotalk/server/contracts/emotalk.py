"""EmoTalkService: the contract's calls. Its messages are read and made in `emotalk_messages.py`."""

import logging
from collections.abc import AsyncIterator, Awaitable
from contextlib import aclosing

import grpc

from emotalk import metrics, tracing
from emotalk.errors import EmoTalkError, InvalidRequest, QueueUnavailable, UnknownJob
from emotalk.jobs.assembly import Assembly
from emotalk.jobs.intake import make_id
from emotalk.queues.strangers import LONGEST_ID
from emotalk.server.answers.dispatch import Accepted
from emotalk.server.answers.job_calls import Standing
from emotalk.server.contracts.base import Contract, Resources, calls_of
from emotalk.server.contracts.emotalk_messages import metadata_of, to_blocks, to_message, to_opening, to_order
from emotalk.server.guard.gate import abort, find_caller
from emotalk.wire import emotalk_pb2, emotalk_pb2_grpc
from emotalk.wire.convert import to_failure, to_job, to_response

log = logging.getLogger(__name__)


class EmoTalkService(emotalk_pb2_grpc.EmoTalkServiceServicer):
    """Speaks protobuf; everything it knows comes from the server's resources."""

    def __init__(self, resources: Resources) -> None:
        self._dispatch, self._job_calls = resources.dispatch, resources.job_calls
        self._readiness, self._live = resources.readiness, resources.live
        self._tokens, self._in_hand = resources.tokens, resources.in_hand

    async def ProcessAudio(  # noqa: N802 - the contract's name
        self, request: emotalk_pb2.AudioRequest, context: grpc.aio.ServicerContext
    ) -> None:
        """Accept, then stream each chunk as soon as it is whole."""
        call = metrics.Call()
        processing = self._process(request, context, call)
        del request  # its sound as well: nobody else holds it, and the wait for the answer may be long
        with self._in_hand, call:
            await processing

    async def StreamAudio(  # noqa: N802
        self, messages: AsyncIterator[emotalk_pb2.AudioFrame], context: grpc.aio.ServicerContext
    ) -> None:
        """A live microphone: no job of the queue, and nothing is kept of it."""
        if self._live is None:
            await context.abort(grpc.StatusCode.UNIMPLEMENTED, "this server takes no live sound")
            return
        request_id = ""
        with self._in_hand:
            try:
                opening = to_opening(await self._live.next_of(messages))
                request_id = opening.request_id
                async with aclosing(self._live.answers(opening, to_blocks(messages))) as responses:
                    async for response in responses:
                        await context.write(response)
            except EmoTalkError as error:
                await context.write(to_failure(request_id[:LONGEST_ID], str(error)))
                raise

    async def SubmitAudio(  # noqa: N802
        self, request: emotalk_pb2.AudioRequest, context: grpc.aio.ServicerContext
    ) -> emotalk_pb2.Job:
        """Accept, and say where it stands."""
        fresh, request_id = _ensure_id(request), request.request_id
        submitting = self._submit(request, fresh, context)
        del request
        with self._in_hand:
            return await _answer_or_refuse(request_id, submitting, context)

    async def StreamResults(  # noqa: N802
        self, request: emotalk_pb2.StreamResultsRequest, context: grpc.aio.ServicerContext
    ) -> None:
        """The frames that the caller is missing."""
        call = metrics.Call()
        with self._in_hand, call:
            await self._resume(request, context, call)

    async def GetJob(  # noqa: N802
        self, request: emotalk_pb2.GetJobRequest, context: grpc.aio.ServicerContext
    ) -> emotalk_pb2.Job:
        """Where it stands."""
        with self._in_hand:
            standing = _to_job_message(self._job_calls.find(request.request_id))
            return await _answer_or_refuse(request.request_id, standing, context)

    async def CancelJob(  # noqa: N802
        self, request: emotalk_pb2.CancelJobRequest, context: grpc.aio.ServicerContext
    ) -> emotalk_pb2.Job:
        """Take it away, unless it is over."""
        with self._in_hand:
            standing = _to_job_message(self._job_calls.cancel(request.request_id))
            return await _answer_or_refuse(request.request_id, standing, context)

    async def _submit(
        self, request: emotalk_pb2.AudioRequest, fresh: bool, context: grpc.aio.ServicerContext
    ) -> emotalk_pb2.Job:
        accepting = self._dispatch.accept(to_order(request, fresh), find_caller(context, self._tokens))
        del request
        accepted = await accepting
        accepted.leave()
        try:
            return to_message(await self._job_calls.find(accepted.request_id))
        except (UnknownJob, QueueUnavailable):  # accepted all the same
            return to_job(accepted.request_id, "queued", queue_position=accepted.position)

    async def _resume(
        self, request: emotalk_pb2.StreamResultsRequest, context: grpc.aio.ServicerContext, call: metrics.Call
    ) -> None:
        try:
            if request.from_frame < 0:
                raise InvalidRequest("from_frame", f"{request.from_frame} is negative", "Send 0 for all frames")
            accepted = await self._job_calls.follow(request.request_id)
            call.note_accepted()
            await self._answer(accepted, context, call, Assembly(request.from_frame, request.may_restart))
        except EmoTalkError as error:
            await self._fail(request.request_id, error, context, call)

    async def _process(
        self, request: emotalk_pb2.AudioRequest, context: grpc.aio.ServicerContext, call: metrics.Call
    ) -> None:
        fresh, request_id = _ensure_id(request), request.request_id
        assembly = Assembly(may_restart=request.may_restart)
        try:
            accepting = self._dispatch.accept(to_order(request, fresh), find_caller(context, self._tokens))
            del request  # neither the wait nor a refusal may hold its sound: what is raised keeps this frame
            accepted = await accepting
            call.note_accepted()
            # Written, not yielded: a client that hangs up ends this coroutine here and now, not a generator later.
            await self._answer(accepted, context, call, assembly)
        except EmoTalkError as error:
            await self._fail(request_id, error, context, call)

    async def _fail(
        self, request_id: str, error: EmoTalkError, context: grpc.aio.ServicerContext, call: metrics.Call
    ) -> None:
        call.note_failed(error)
        await context.write(to_failure(request_id[:LONGEST_ID], str(error)))
        _say_refused(request_id, error)
        await abort(context, error)

    async def HealthCheck(  # noqa: N802
        self, request: emotalk_pb2.HealthCheckRequest, context: grpc.aio.ServicerContext
    ) -> emotalk_pb2.HealthCheckResponse:
        """SERVING once ready; UNKNOWN for a service that is not ours."""
        answer = emotalk_pb2.HealthCheckResponse
        if request.service not in self._readiness.services:
            return answer(status=answer.UNKNOWN)
        return answer(status=answer.SERVING if self._readiness.ready else answer.NOT_SERVING)

    async def _answer(
        self, accepted: Accepted, context: grpc.aio.ServicerContext, call: metrics.Call, assembly: Assembly
    ) -> None:
        try:
            await context.send_initial_metadata(metadata_of(accepted))
            async for part in accepted.stream.parts():
                response = assembly.add(part)
                if response:
                    chunk = (response.chunk_index, response.first_frame, response.frames, response.is_final)
                    with tracing.span("send", chunk=response.chunk_index, final=response.is_final):
                        message = to_response(accepted.request_id, *chunk, response.feelings)
                        message.restarted = response.restarted
                        await context.write(message)
                    call.note_sent(response.is_final)
                if assembly.complete:
                    return
            raise UnknownJob(f"request_id: the results of '{accepted.request_id}' are no longer kept")
        finally:
            accepted.leave()


def _ensure_id(request: emotalk_pb2.AudioRequest) -> bool:
    """Give it an id where it has none; was that so?"""
    fresh = not request.request_id
    if fresh:
        request.request_id = make_id()
    return fresh


async def _to_job_message(standing: Awaitable[Standing]) -> emotalk_pb2.Job:
    return to_message(await standing)


async def _answer_or_refuse(
    request_id: str, answer: Awaitable[emotalk_pb2.Job], context: grpc.aio.ServicerContext
) -> emotalk_pb2.Job:
    try:
        return await answer
    except EmoTalkError as error:
        _say_refused(request_id, error)
        await abort(context, error)
        raise


def _say_refused(request_id: str, error: EmoTalkError) -> None:
    log.info(
        "refused", extra={"request_id": request_id[:LONGEST_ID], "error": str(error), "kind": type(error).__name__}
    )


def _register(server: grpc.aio.Server, resources: Resources) -> None:
    emotalk_pb2_grpc.add_EmoTalkServiceServicer_to_server(EmoTalkService(resources), server)


_SERVICE = emotalk_pb2.DESCRIPTOR.services_by_name["EmoTalkService"]
EMOTALK = Contract("emotalk", _SERVICE.full_name, calls_of(_SERVICE, probes=["HealthCheck"]), _register)
