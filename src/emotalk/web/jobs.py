"""/v1/jobs: send now, fetch later; and after a broken connection, the rest."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from pydantic import AfterValidator
from starlette.responses import JSONResponse, Response, StreamingResponse

from emotalk.client import AsyncEmoTalkClient
from emotalk.errors import InvalidRequest
from emotalk.web import answers, contract, parameters, paths
from emotalk.web.animations import HEADERS, send, send_file
from emotalk.web.events import describe_job, send_chunks
from emotalk.web.load import load_of
from emotalk.web.parameters import PerformanceQuery
from emotalk.web.upstream import AdmittedClient, Client

Id = Annotated[
    str, Path(min_length=1, max_length=200, description="the request's id"), AfterValidator(paths.restore_slashes)
]
LAST_FRAME, LONGEST_NUMBER = 2**31 - 2, 20

_FAILURES = contract.list_failures(400, 401, 404, 421, 503, 504)
_JOB: dict[str, Any] = {"content": {"application/json": {"schema": {"type": "object"}}}}


_ACCEPTED: contract.Responses = {202: {"description": "Accepted: it is stored durably", **_JOB}}
_REFUSED = contract.list_failures(400, 401, 403, 408, 409, 413, 421, 422, 429, 503, 504)
_STREAM = {"content": {answers.EVENT_STREAM: {"schema": {"type": "string"}}}}
_STREAMED: contract.Responses = {200: {"description": "Events", **_STREAM}}

router = APIRouter(tags=["jobs"])


@router.post("/v1/jobs", status_code=202, openapi_extra=contract.SOUND, responses={**_ACCEPTED, **_REFUSED})
async def submit(request: Request, client: AdmittedClient, query: Annotated[PerformanceQuery, Query()]) -> Response:
    """Store the sound in the queue and return at once."""
    answers.refuse_curves(request)
    sent = await send(request, client)
    location = {"Location": f"/v1/jobs/{contract.quote_header(sent.request_id)}"}
    return JSONResponse(describe_job(sent.job) if sent.job else {}, 202, location)


@router.head("/v1/jobs/{request_id}", include_in_schema=False)
@router.get("/v1/jobs/{request_id}", responses={200: {"description": "Where it stands", **_JOB}, **_FAILURES})
async def job(client: Client, request_id: Id) -> Response:
    """Queued with its position, running with its progress, done, failed, buried or cancelled."""
    return JSONResponse(describe_job(await client.job(request_id)))


@router.delete(
    "/v1/jobs/{request_id}",
    responses={200: {"description": "Cancelled, or over before", **_JOB}, **_FAILURES, **contract.list_failures(403)},
)
async def cancel(client: Client, request_id: Id) -> Response:
    """A job that waits never runs, one that runs stops at its next window. Safe to repeat."""
    return JSONResponse(describe_job(await client.cancel(request_id)))


@router.get("/v1/jobs/{request_id}/animation", openapi_extra=contract.FORMED, responses=contract.list_forms())
async def animation(request: Request, client: Client, request_id: Id) -> Response:
    """The whole animation, as soon as there is one: this waits for a job that is not done."""
    parameters.refuse_unknown(request.query_params, (*parameters.BESIDE, "last_event_id"))
    form = answers.negotiate_format(request)
    curves = answers.read_form(request, form)
    if form == answers.EVENTS:
        return _send_events(client, request, request_id)
    headers = {**HEADERS, "X-Request-Id": contract.quote_header(request_id)}
    await client.job(request_id)
    chunks = client.results(request_id, may_restart=True)
    return await send_file(load_of(request), chunks, form, request_id, headers, curves)


@router.get("/v1/jobs/{request_id}/events", responses={**_STREAMED, **contract.list_failures(400, 401, 404, 421, 503)})
async def events(request: Request, client: Client, request_id: Id) -> Response:
    """Each chunk as it is ready. `Last-Event-ID`, the last frame seen, goes on after it."""
    await client.job(request_id)
    return _send_events(client, request, request_id)


def _send_events(client: AsyncEmoTalkClient, request: Request, request_id: str) -> StreamingResponse:
    first = _find_first_frame(request)
    chunks = send_chunks(client.results(request_id, first), request_id, lambda: client.job(request_id), first)
    return StreamingResponse(chunks, media_type=answers.EVENT_STREAM, headers=HEADERS)


def _find_first_frame(request: Request) -> int:
    """The frame after the last one seen; `?last_event_id=` for whoever cannot set headers."""
    text = request.headers.get("last-event-id") or request.query_params.get("last_event_id", "")
    if not text:
        return 0
    if not (text.isascii() and text.isdigit() and len(text) < LONGEST_NUMBER) or int(text) > LAST_FRAME:
        raise InvalidRequest("Last-Event-ID", f"'{text[:40]}' is not a frame number", "Send back the id of an event")
    return int(text) + 1
