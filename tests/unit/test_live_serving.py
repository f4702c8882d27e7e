"""The room's socket: what callers leave behind who hang up."""

import asyncio
import gc
import weakref
from collections.abc import Callable
from itertools import pairwise
from typing import Any

from emotalk.live.conversation import Opening, pack_opening
from emotalk.live.framing import Kind, frame
from emotalk.live.room import LiveRoom
from emotalk.live.serving import TURN, Serving
from emotalk.live.speaker import Speaker
from emotalk.performance import Performance
from emotalk.pipeline import Pipeline
from emotalk.shaping import Gains
from emotalk.supervision.sockets import PrivateSocket
from tests.streaming_tone import StreamingToneEngine
from tests.unit.stage import tones

SOUND = (tones(16_000) * 32767).astype("<i2").tobytes()


class Remembering(LiveRoom):
    """Knows whoever spoke, for as long as they are there."""

    def __init__(self) -> None:
        super().__init__(Pipeline(StreamingToneEngine()), Gains(), 60.0)
        self.spoke: list[weakref.ref[Speaker]] = []

    def open(self, *call: Any) -> Speaker:
        self.spoke.append(weakref.ref(stream := super().open(*call)))
        return stream


async def until(look: Callable[[], Any]) -> None:
    async with asyncio.timeout(30):
        while not look():
            await asyncio.sleep(0.001)


def test_who_hangs_up_while_frames_come_is_forgotten_at_once_and_not_by_a_collection() -> None:
    async def story() -> None:
        room, socket = Remembering(), PrivateSocket.make("test")
        serving = Serving(room)
        running = asyncio.create_task(serving.run(socket, lambda: None))
        await until(socket.is_present)
        for number in range(20):
            _, writer = await asyncio.open_unix_connection(socket.path)
            opening = pack_opening(Opening(f"caller-{number}", Performance(), 16_000), {})
            writer.write(frame(Kind.OPENING, opening) + frame(Kind.SOUND, SOUND))
            await writer.drain()
            writer.close()
            await until(lambda: len(room.spoke) > number and not serving._connections)  # noqa: B023 - asked at once
        await until(lambda: not any(spoke() for spoke in room.spoke))
        serving.stop()
        await running
        socket.close()

    gc.collect()
    gc.disable()
    try:
        asyncio.run(story())
    finally:
        gc.enable()


class _Heard:
    """A speaker who counts, and sees how far the loop has come meanwhile."""

    waiting, is_over = 0.0, False

    def __init__(self) -> None:
        self.blocks = 0

    def hear(self, _: object) -> None:
        self.blocks += 1


def test_who_sends_sample_by_sample_lets_the_others_have_their_turn() -> None:
    async def story() -> list[int]:
        reader, heard, seen = asyncio.StreamReader(limit=2**20), _Heard(), []
        reader.feed_data(frame(Kind.SOUND, b"\0\0") * 1_000)
        reader.feed_eof()
        listening = asyncio.create_task(Serving(Remembering())._listen_to(heard, reader))  # type: ignore[arg-type]
        while not listening.done():
            seen.append(heard.blocks)
            await asyncio.sleep(0)
        return seen

    seen = asyncio.run(story())
    assert max(later - sooner for sooner, later in pairwise(seen)) <= TURN
