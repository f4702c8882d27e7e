"""Server-sent events: each chunk as it is ready, and in the silence before it, where the job stands."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import asdict
from typing import Any, TypeVar

import orjson

from emotalk.client import Chunk, JobStatus
from emotalk.errors import EmoTalkError
from emotalk.web.problems import problem_of

T = TypeVar("T")

SILENCE_SECONDS = 2.0


def pack_event(name: str, data: Any, number: int | None = None) -> bytes:
    """One event; `number`, the last frame that it brings, comes back as Last-Event-ID."""
    identity = b"" if number is None else b"id: %d\n" % number
    return identity + b"event: %s\ndata: %s\n\n" % (
        name.encode(),
        orjson.dumps(data, option=orjson.OPT_SERIALIZE_NUMPY),
    )


async def send_chunks(
    chunks: AsyncIterator[Chunk],
    request_id: str,
    job: Callable[[], Awaitable[JobStatus]],
    frames: int = 0,
    silence: float = SILENCE_SECONDS,
) -> AsyncIterator[bytes]:
    """Chunks as events, `job` while there are none, then `end`; or `error` with its problem document.

    `frames`: how many the listener has seen before.
    """
    try:
        async for chunk in _fill_silence(chunks, silence):
            if chunk is None:
                yield await _make_standing(job)
            elif len(chunk.frames):
                frames = chunk.first_frame + len(chunk.frames)
                yield pack_event("chunk", describe_chunk(chunk), frames - 1)
        yield pack_event("end", {"request_id": request_id, "frames": frames})
    except EmoTalkError as error:
        yield pack_error(request_id, error)


def pack_error(request_id: str, error: EmoTalkError) -> bytes:
    """Why there is no more."""
    return pack_event("error", {"request_id": request_id, **problem_of(error).document()})


async def _make_standing(job: Callable[[], Awaitable[JobStatus]]) -> bytes:
    """Where the job stands; a comment where a server that drains answers no new question."""
    try:
        async with asyncio.timeout(SILENCE_SECONDS):
            return pack_event("job", describe_job(await job()))
    except (EmoTalkError, TimeoutError):
        return b": still waiting\n\n"


async def _fill_silence(items: AsyncIterator[T], seconds: float) -> AsyncIterator[T | None]:
    """The items, and None whenever none has come for `seconds`."""
    upcoming: asyncio.Future[T] | None = None
    try:
        while True:
            upcoming = upcoming or asyncio.ensure_future(anext(items))
            done, _ = await asyncio.wait({upcoming}, timeout=seconds)
            if not done:
                yield None
                continue
            ready, upcoming = upcoming, None
            try:
                yield ready.result()
            except StopAsyncIteration:
                return
    finally:
        if upcoming:
            upcoming.cancel()


def describe_chunk(chunk: Chunk) -> dict[str, Any]:
    """A chunk as JSON: frames are rows of 52 values from absolute frame `first_frame`, `head` rows of 3 beside them."""
    head = {} if chunk.head is None else {"head": chunk.head}
    return {
        "request_id": chunk.request_id,
        "chunk_index": chunk.index,
        "first_frame": chunk.first_frame,
        "frames": chunk.frames,
        **describe_feeling(chunk),
        **head,
        "is_final": chunk.is_final,
    }


def describe_feeling(chunk: Chunk) -> dict[str, Any]:
    """What was felt, from step `first_step` on, ten a second; nothing where nothing was."""
    track = chunk.feelings
    return {"feeling": {"first_step": track.first, **track.document()}} if len(track.rows) else {}


def describe_job(job: JobStatus) -> dict[str, Any]:
    """A job as JSON: the client's fields; no `queue_position` where nobody knows."""
    return {name: value for name, value in asdict(job).items() if value is not None}
