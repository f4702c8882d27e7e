"""POST /v1/animations: sound in, an animation out, in the form that the caller wants."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import FileResponse, Response, StreamingResponse

from emotalk.client import AsyncEmoTalkClient, Chunk, JobStatus, whole
from emotalk.client import Request as Order
from emotalk.errors import EmoTalkError
from emotalk.export.form import Form
from emotalk.web import answers, contract
from emotalk.web.events import pack_error, pack_event, send_chunks
from emotalk.web.load import Load, load_of
from emotalk.web.parameters import PerformanceQuery, parse_performance
from emotalk.web.uploads import Upload, read_upload
from emotalk.web.upstream import AdmittedClient, visitor_of

HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
"""A proxy that holds events back until its buffer is full would make them late."""


router = APIRouter(tags=["animations"])


@router.post(
    "/v1/animations", openapi_extra=contract.SOUND | contract.FORMED, responses=contract.list_forms(posts=True)
)
async def animate(request: Request, client: AdmittedClient, query: Annotated[PerformanceQuery, Query()]) -> Response:
    """Store the sound in the queue, wait for its turn, and answer with the whole animation, or chunk by chunk.

    The request's id stands in the header `X-Request-Id` and in every event: should the connection break, the rest is
    at /v1/jobs/{id}/events.
    """
    form = answers.negotiate_format(request)
    curves = answers.read_form(request, form)
    sent = await send(request, client, fails_later=form == answers.EVENTS)
    headers = {**HEADERS, "X-Request-Id": contract.quote_header(sent.request_id)}
    if form == answers.EVENTS:
        return StreamingResponse(_send_events(client, sent), media_type=answers.EVENT_STREAM, headers=headers)
    chunks = whole([chunk async for chunk in client.results(sent.request_id, may_restart=True)])
    if sent.lenient and (missing := (await client.job(sent.request_id)).missing):
        headers["X-Missing"] = contract.quote_header(missing)
    return await answers.make_file(load_of(request), form, chunks, sent.name, headers, curves)


@dataclass(frozen=True)
class Submission:
    """A request that the server has: its sound is nobody's here any more. `failure`: or why it has not."""

    request_id: str
    name: str
    lenient: bool
    job: JobStatus | None
    failure: EmoTalkError | None = None


async def send(request: Request, client: AsyncEmoTalkClient, fails_later: bool = False) -> Submission:
    """What was sent, handed on to the server, with few others at once. Raises EmoTalkError, unless it `fails_later`."""
    load = load_of(request)
    async with load.upload(visitor_of(request)), read_upload(request) as upload, load.sound(upload.size()):
        order = await read_order(request, upload)
        try:
            return Submission(order.request_id, upload.name, order.lenient, await client.submit(order))
        except EmoTalkError as failure:
            if not fails_later:
                raise
            return Submission(order.request_id, upload.name, order.lenient, None, failure)


async def read_order(request: Request, upload: Upload) -> Order:
    """What was sent, as the client asks for it. Raises InvalidRequest."""
    return parse_performance(request.query_params, upload.fields).request(await upload.read())


async def send_file(
    load: Load, chunks: AsyncIterator[Chunk], form: str, name: str, headers: dict[str, str], curves: Form
) -> FileResponse:
    """All chunks as one file."""
    return await answers.make_file(load, form, whole([chunk async for chunk in chunks]), name, headers, curves)


async def _send_events(client: AsyncEmoTalkClient, sent: Submission) -> AsyncIterator[bytes]:
    """`accepted` first, so that whoever loses the connection knows what to ask for."""
    if sent.failure:
        yield pack_error(sent.request_id, sent.failure)
        return
    position = None if sent.job is None else sent.job.queue_position or 0
    async for data in send_chunks(
        client.results(sent.request_id), sent.request_id, lambda: client.job(sent.request_id)
    ):
        if position is not None:  # not before the answer is on its way: a server that drains ends what it has in hand
            yield pack_event("accepted", {"request_id": sent.request_id, "queue_position": position})
            position = None
        yield data
