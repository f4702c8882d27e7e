"""A live microphone: sound goes up while frames come down. Nothing is stored, so a broken stream is over."""

import asyncio
import uuid
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field
from itertools import chain
from typing import Any, Literal

import grpc
import numpy as np

from emotalk.chunking import DEFAULT_DURATION, DEFAULT_OVERLAP
from emotalk.client.exchange import Chunk
from emotalk.errors import InvalidRequest
from emotalk.face import no_frames
from emotalk.feelings import EmotionKey
from emotalk.performance import Performance
from emotalk.wire import emotalk_pb2
from emotalk.wire.convert import feelings_of, heads_of, make_message, write_performance

Encoding = Literal["pcm16", "float32"]
Said = bytes | bytearray | memoryview | tuple[EmotionKey, ...]
"""A block of samples; or what is to be felt from the next one on, instead of all that was said before."""


@dataclass(frozen=True)
class _Microphone:
    sample_rate: int
    encoding: Encoding = "pcm16"


@dataclass(frozen=True)
class Live(Performance, _Microphone):
    """What will come: mono samples, little-endian, in blocks cut anywhere between two samples; and how to perform it.

    `latency`: seconds from a sound to its frames that the caller would like; None: the server's choice. From 0.5 on the
    built-in engine hears more before it draws, which counts in noise and music.
    """

    # Named alone: there are no chunks, and `latency` keeps its place.
    chunk_duration: float = field(default=DEFAULT_DURATION, kw_only=True)
    chunk_overlap: float = field(default=DEFAULT_OVERLAP, kw_only=True)
    latency: float | None = None
    request_id: str = field(default_factory=lambda: uuid.uuid4().hex)

    def first(self) -> emotalk_pb2.AudioFrame:
        """The first message, which has the settings."""
        settings = make_message(
            emotalk_pb2.AudioSettings,
            sample_rate=self.sample_rate,
            encoding=self.encoding.upper(),
            latency_hint=self.latency,
            request_id=self.request_id,
        )
        write_performance(self, settings)
        return emotalk_pb2.AudioFrame(settings=settings)


def to_chunk(response: emotalk_pb2.BlendshapeResponse) -> Chunk:
    """A response → its chunk; the last one may have no frames."""
    rows = response.frames
    frames = np.array([row.blendshapes for row in rows], np.float32) if rows else no_frames()
    where = response.request_id, response.chunk_index, rows[0].frame_number if rows else 0
    return Chunk(*where, frames, response.is_final, heads_of(rows), feelings_of(response))


def _make_frame(said: Said) -> emotalk_pb2.AudioFrame:
    if isinstance(said, bytes | bytearray | memoryview):
        return emotalk_pb2.AudioFrame(audio=bytes(said))
    if not isinstance(said, tuple):
        raise InvalidRequest("blocks", f"a {type(said).__name__} is not sound", "Give bytes, e.g. block.tobytes()")
    # Key frames are not checked here: the server refuses them by name.
    return make_message(emotalk_pb2.AudioFrame, feels=True, emotions=[asdict(key) for key in said])


def converse(call: Callable[..., Any], live: Live, blocks: Iterable[Said]) -> Iterator[Chunk]:
    """For threads: `blocks` is read by a thread of gRPC's; what it raises comes out here."""
    failures: list[Exception] = []

    def frames() -> Iterator[emotalk_pb2.AudioFrame]:
        try:
            yield from map(_make_frame, blocks)
        except Exception as failure:
            failures.append(failure)
            raise

    answer = call(chain([live.first()], frames()))
    try:
        for response in answer:
            if not response.error_message:
                yield to_chunk(response)
    except grpc.RpcError:
        if failures:
            raise failures[0] from None
        raise
    finally:
        answer.cancel()


async def converse_async(call: Any, live: Live, blocks: AsyncIterable[Said]) -> AsyncIterator[Chunk]:
    """For asyncio: what `blocks` raises comes out here."""
    speaking = asyncio.create_task(_speak(call, live, blocks))
    # A write that fails behind the end would put INTERNAL in the place of the server's own words.
    call.add_done_callback(lambda _: speaking.cancel())
    speaking.add_done_callback(lambda task: call.cancel() if not task.cancelled() and task.exception() else None)
    try:
        async for response in call:
            if not response.error_message:
                yield to_chunk(response)
    except (asyncio.CancelledError, grpc.RpcError):
        if speaking.done() and not speaking.cancelled() and (error := speaking.exception()):
            raise error from None
        raise
    finally:
        speaking.cancel()
        call.cancel()


async def _speak(call: Any, live: Live, blocks: AsyncIterable[Said]) -> None:
    try:
        await call.write(live.first())
        async for block in blocks:
            await call.write(_make_frame(block))
        await call.done_writing()
    except (grpc.RpcError, asyncio.InvalidStateError):
        return  # the server has ended the call; its status comes out where the answer is read
