"""One call of Audio2Face-3D: two tasks and a loop of their own, since a caller may write all before it reads anything.

    caller ──► _read ──► Spool ─┬─► _draw ──► chunks ─┐
                                └──► echo ────────────┴─► answers ──► caller

Reading never waits for answers, and answers are made when they are taken: what is held is sound and bare frames.
"""

import asyncio
import struct
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from contextlib import aclosing, suppress
from hashlib import blake2b
from typing import Any

from emotalk.audio.limits import check_length
from emotalk.errors import InvalidRequest
from emotalk.feelings import FEELINGS
from emotalk.limits import Limits
from emotalk.live.arrival import LOOK_SECONDS, SoundArrival
from emotalk.live.conversation import LiveChunk, Opening, SoundBlock
from emotalk.live.pool import LivePool
from emotalk.live.spool import Spool
from emotalk.timebase import STEP_FRAMES, timecode
from emotalk.wire.audio2face import (
    SAMPLE_BYTES,
    UNFINISHED,
    Answer,
    Asked,
    AudioStream,
    echo_start,
    read_drawn,
    read_piece,
    to_animation,
    to_frames,
    to_header,
    to_remarks,
)
from emotalk.wire.audio2face_emotions import Emotion

BLOCK_BYTES = 2**16
"""Even: sound goes to the engine in whole samples."""
SMALL_SECONDS, GATHER_SECONDS = 0.01, 0.005
"""Pieces smaller than that are gathered for so long: a message for each would cost the other speakers time."""
_WAV = struct.Struct("<4sI4s4sIHHIIHH4sI")


class AudioCall:
    """What its header has `asked`, and all that comes after it; `clock` tells how fast sound comes."""

    def __init__(
        self, request_id: str, asked: Asked, live: LivePool, limits: Limits, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._request_id, self._asked, self._live, self._limits = request_id, asked, live, limits
        self._manner = ""
        self._spool, self._arrival = Spool(), SoundArrival(clock)
        self._came = asyncio.Event()
        self._closed_early = False
        self._fed = 0
        self._drawn: asyncio.Queue[LiveChunk | BaseException | None] = asyncio.Queue()
        self._frames = 0
        self._felt: Emotion = dict.fromkeys(FEELINGS, 0.0)

    def facts(self) -> dict[str, Any]:
        """For the log."""
        known = {"request_id": self._request_id, "rate": self._asked.rate}
        return known | {"manner": self._manner, "frames": self._frames}

    async def answers(self, messages: AsyncIterator[AudioStream]) -> AsyncGenerator[Answer, None]:
        """All that comes before the last event and status. Raises EmoTalkError. Close it to hang up."""
        yield to_header(self._asked.rate, time.time())
        async with aclosing(self._read_and_draw(messages)) as chunks:
            async for chunk in chunks:
                for remark in to_remarks(self._asked.emotions.remarks):
                    yield remark
                for answer in self._to_animations(chunk):
                    yield answer
        if self._closed_early:
            yield UNFINISHED

    def _to_animations(self, chunk: LiveChunk) -> Iterator[Answer]:
        """Made one by one, as they are taken."""
        for frame, weights in to_frames(chunk.first_frame, chunk.frames):
            step = frame // STEP_FRAMES - chunk.feelings.first
            if 0 <= step < len(chunk.feelings.rows):
                self._felt = read_drawn(chunk.feelings, step)
            asked = self._asked.emotions.at(timecode(frame))
            yield to_animation(frame, weights, self._echo(frame), asked, self._felt)
            self._frames += 1

    async def _read_and_draw(self, messages: AsyncIterator[AudioStream]) -> AsyncGenerator[LiveChunk, None]:
        tasks = reading, drawing = asyncio.create_task(self._read(messages)), asyncio.create_task(self._draw())
        reading.add_done_callback(self._fail_with)
        drawing.add_done_callback(self._fail_with)
        try:
            while (chunk := await self._drawn.get()) is not None:
                if isinstance(chunk, BaseException):
                    raise chunk
                yield chunk
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._spool.close()

    def _fail_with(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()):
            self._drawn.put_nowait(error)

    async def _read(self, messages: AsyncIterator[AudioStream]) -> None:
        """Take all sound, as fast as it comes."""
        while (message := await self._live.next_of(messages)) is not None:
            if (piece := read_piece(message)) is None:
                break
            self._asked.emotions.hear(piece.emotions)
            self._take(piece.audio_buffer)
        else:
            self._closed_early = True
        if self._spool.end % SAMPLE_BYTES:
            problem = f"{self._spool.end} bytes are not whole samples"
            raise InvalidRequest("audio_buffer", problem, "Send two bytes a sample")
        self._arrival.ended = True
        self._came.set()

    def _take(self, sound: bytes) -> None:
        if sound:
            self._spool.append(sound)
            check_length(self._spool.end // SAMPLE_BYTES, self._asked.rate, self._limits)
            self._arrival.hear(len(sound) / SAMPLE_BYTES / self._asked.rate)
            self._came.set()

    async def _wait_for_more(self) -> None:
        await self._came.wait()
        self._came.clear()

    async def _draw(self) -> None:
        """Have the sound drawn, once it is known how."""
        opening = await self._make_opening()
        async with aclosing(self._live.converse(opening, self._feed_sound())) as chunks:
            async for chunk in chunks:
                self._drawn.put_nowait(chunk)
        self._drawn.put_nowait(None)

    async def _make_opening(self) -> Opening:
        while (manner := self._arrival.manner()) is None:
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_SECONDS):
                    await self._wait_for_more()
        self._manner = manner
        as_clip, asked = manner == "clip", self._asked
        seed = await asyncio.to_thread(self._digest_sound) if as_clip else self._request_id
        performance = asked.emotions.performance()
        return Opening(seed, performance, asked.rate, as_clip=as_clip, adjustment=asked.adjustment)

    def _digest_sound(self) -> str:
        """The seed that `animate` takes for the same sound in a plain WAV file."""
        rate, size = self._asked.rate, self._spool.end
        shape = (16, 1, 1, rate, rate * SAMPLE_BYTES, SAMPLE_BYTES, 8 * SAMPLE_BYTES)
        header = _WAV.pack(b"RIFF", size + _WAV.size - 8, b"WAVE", b"fmt ", *shape, b"data", size)
        digest = blake2b(header, digest_size=16)
        for start in range(0, size, BLOCK_BYTES):
            digest.update(self._spool.read(start, start + BLOCK_BYTES))
        return digest.hexdigest()

    async def _feed_sound(self) -> AsyncGenerator[SoundBlock, None]:
        """All of it, for the engine."""
        while True:
            if 0 < self._spool.end - self._fed < SMALL_SECONDS * SAMPLE_BYTES * self._asked.rate:
                await asyncio.sleep(GATHER_SECONDS)
            stop = min(self._spool.end, self._fed + BLOCK_BYTES) // SAMPLE_BYTES * SAMPLE_BYTES
            if stop > self._fed:
                emotions = self._asked.emotions.from_now(self._fed / SAMPLE_BYTES / self._asked.rate)
                block, self._fed = self._spool.read(self._fed, stop), stop
                yield SoundBlock(block, emotions)
            elif self._arrival.ended:
                return
            else:
                await self._wait_for_more()

    def _echo(self, frame: int) -> bytes:
        """The sound of this frame; after the end, silence."""
        start, stop = (echo_start(each, self._asked.rate) for each in (frame, frame + 1))
        sound = self._spool.read(start, stop)
        self._spool.forget(min(stop, self._fed))
        return sound.ljust(stop - start, b"\0")
