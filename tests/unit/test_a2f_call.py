"""One call of Audio2Face-3D without a server around it."""

import asyncio
from collections.abc import AsyncIterator
from itertools import count
from typing import Any

from emotalk.limits import Limits
from emotalk.server.contracts.audio2face_call import AudioCall
from emotalk.wire.a2f import a2f_pb2
from emotalk.wire.audio2face import Asked, AudioStream
from emotalk.wire.audio2face_emotions import CallersEmotions, read_settings
from emotalk.wire.audio2face_parameters import Remarks

PIECES = 2_000


class Pool:
    """Takes all sound, and draws nothing."""

    def __init__(self) -> None:
        self.blocks: list[bytes] = []

    async def next_of(self, messages: AsyncIterator[AudioStream]) -> AudioStream | None:
        return await anext(messages, None)

    async def converse(self, _: Any, sound: Any) -> AsyncIterator[Any]:
        async for block in sound:
            self.blocks.append(block.audio)
        return
        yield


async def samples() -> AsyncIterator[AudioStream]:
    """Of one each, as they would come over a wire."""
    for number in range(PIECES):
        yield AudioStream(audio_with_emotion={"audio_buffer": number.to_bytes(2, "little")})
        await asyncio.sleep(0)


def test_pieces_of_a_sample_reach_the_engine_gathered_whole_and_in_order() -> None:
    async def story() -> Pool:
        remarks, pool = Remarks(), Pool()
        settings = read_settings(a2f_pb2.EmotionPostProcessingParameters(), a2f_pb2.EmotionParameters(), remarks)
        asked, clock = Asked(16_000, None, CallersEmotions(settings, remarks)), count(0, 0.001)
        call = AudioCall("one", asked, pool, Limits(), lambda: next(clock))  # type: ignore[arg-type]
        async for _ in call.answers(samples()):
            pass
        assert call.facts()["manner"] == "live"
        return pool

    pool = asyncio.run(story())
    assert b"".join(pool.blocks) == b"".join(number.to_bytes(2, "little") for number in range(PIECES))
    assert len(pool.blocks) < PIECES / 10
