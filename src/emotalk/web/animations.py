"""POST /v1/animations: sound in, an animation out, in the form that the caller wants."""

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import FileResponse, Response, StreamingResponse

from emotalk.client import AsyncEmoTalkClient, Chunk
from emotalk.client import Request as Order
from emotalk.export.form import Form
from emotalk.web import answers, contract
from emotalk.web.events import event, told
from emotalk.web.parameters import PerformanceQuery, performance
from emotalk.web.uploads import Upload, received
from emotalk.web.upstream import Client

HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
"""A proxy that holds events back until its buffer is full would make them late."""


router = APIRouter(tags=["animations"])


@router.post("/v1/animations", openapi_extra=contract.SOUND, responses=contract.animation(posts=True))
async def animate(request: Request, client: Client, query: Annotated[PerformanceQuery, Query()]) -> Response:
    """Store the sound in the queue, wait for its turn, and answer with the whole animation, or chunk by chunk.

    The request's id stands in the header `X-Request-Id` and in every event: should the connection break, the rest is
    at /v1/jobs/{id}/events.
    """
    form = answers.wanted(request)
    curves = answers.curves(request, form)
    async with received(request) as upload:
        order = await order_of(request, upload)
        name = upload.name
    headers = {**HEADERS, "X-Request-Id": contract.header(order.request_id)}
    if form == answers.EVENTS:
        return StreamingResponse(_events(client, order), media_type=answers.EVENT_STREAM, headers=headers)
    chunks = [chunk async for chunk in client.stream(order)]
    if order.lenient and (missing := (await client.job(order.request_id)).missing):
        headers["X-Missing"] = contract.header(missing)
    return await answers.file_of(form, chunks, name, headers, curves)


async def order_of(request: Request, upload: Upload) -> Order:
    """What was sent, as the client asks for it. Raises InvalidRequest."""
    return performance(request.query_params, upload.fields).request(await upload.read())


async def collected(
    chunks: AsyncIterator[Chunk], form: str, name: str, headers: dict[str, str], curves: Form
) -> FileResponse:
    """All chunks as one file."""
    return await answers.file_of(form, [chunk async for chunk in chunks], name, headers, curves)


async def _events(client: AsyncEmoTalkClient, order: Order) -> AsyncIterator[bytes]:
    """`accepted` first, so that whoever loses the connection knows what to ask for."""
    positions: list[int] = []
    async for data in told(
        client.stream(order, positions.append), order.request_id, lambda: client.job(order.request_id)
    ):
        if positions:
            yield event("accepted", {"request_id": order.request_id, "queue_position": positions.pop()})
        yield data
