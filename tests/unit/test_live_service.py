"""Live sound through a server and the room that animates it: any cutting gives the frames; errors have names."""

import asyncio
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from threading import Event, Thread

import grpc
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emotalk.client import Chunk, EmoTalkClient, Live
from emotalk.engines.base import Engine, Latency, WindowEngine
from emotalk.engines.tone import ToneEngine
from emotalk.errors import EmoTalkError, InvalidRequest, JobFailed, QueueFull
from emotalk.face import Frames, Style
from emotalk.live.conversation import Opening, SoundBlock
from emotalk.live.engines import Connection, LiveEngine, LiveEngines
from emotalk.live.framing import READ_AHEAD
from emotalk.live.pool import LivePool
from emotalk.live.room import LiveRoom
from emotalk.live.serving import Serving
from emotalk.performance import Performance
from emotalk.pipeline import Pipeline
from emotalk.shaping import Gains
from emotalk.supervision.sockets import PrivateSocket
from emotalk.timebase import frame_count, resampled_length
from emotalk.wire import emotalk_pb2, emotalk_pb2_grpc
from tests.integration.served import Inside
from tests.streaming_tone import StreamingToneEngine
from tests.unit.listening import Kept
from tests.unit.stage import tones

SOUND = tones(16_000 * 2)
PCM16 = (SOUND * 32767).astype("<i2").tobytes()
MAX_SECONDS = 5.0


class Broken(StreamingToneEngine):
    """An engine that dies at its first sound."""

    def open(self, style: Style, latency: Latency = "clip", seed: str = "") -> "Broken":
        return self

    def push(self, pcm: np.ndarray) -> Frames:
        raise JobFailed("the engine broke")

    def finish(self) -> Frames:
        raise JobFailed("the engine broke")


class Here(LiveEngine):
    """An engine in this process."""

    async def connect(self) -> Connection:
        return await asyncio.open_unix_connection(self.socket.path, limit=READ_AHEAD)


@contextmanager
def speaking(engine: Engine | WindowEngine, places: int) -> Iterator[int]:
    """The port of a server whose live engine this is."""
    relay, socket = LivePool({}, places), PrivateSocket.make("test")
    relay._engines = LiveEngines([Here("live", socket, {}, lambda name: lambda: None)], socket.close)
    loop, serving = asyncio.new_event_loop(), Serving(LiveRoom(Pipeline(engine), Gains(), MAX_SECONDS))
    ready = Event()
    thread = Thread(target=lambda: loop.run_until_complete(serving.run(socket, ready.set)))
    thread.start()
    ready.wait(30)
    with Inside(relay=relay) as inside:
        yield inside.server.port
    loop.call_soon_threadsafe(serving.stop)
    thread.join(30)
    loop.close()


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with speaking(StreamingToneEngine(), 2) as port:
        yield f"127.0.0.1:{port}"


@pytest.fixture(scope="module")
def client(address: str) -> Iterator[EmoTalkClient]:
    with EmoTalkClient(port=int(address.rpartition(":")[2])) as client:
        yield client


def joined(chunks: Iterable[Chunk]) -> Frames:
    """All frames; their numbers follow each other, and only the last chunk is final."""
    chunks, due = list(chunks), 0
    for chunk in chunks:
        assert chunk.first_frame == due or not len(chunk.frames)
        due += len(chunk.frames)
    assert [chunk.is_final for chunk in chunks] == [False] * (len(chunks) - 1) + [True]
    return np.concatenate([chunk.frames for chunk in chunks])


def as_clip(live: Live, sound: np.ndarray) -> Frames:
    session = Pipeline(StreamingToneEngine()).open(live, seed=live.request_id)
    return np.concatenate([chunk.frames for chunk in [*session.push(sound), *session.finish()]])


@given(st.lists(st.integers(0, 16_000), max_size=12), st.booleans())
@pytest.mark.long
def test_any_cutting_of_the_sound_gives_the_frames_of_the_clip(
    client: EmoTalkClient, cuts: list[int], shaped: bool
) -> None:
    at = [0, *sorted(2 * cut for cut in cuts), len(PCM16)]
    live = Live(16_000, person_id=3, post_processing=shaped, request_id="same blinks")
    frames = joined(client.live(live, [PCM16[a:b] for a, b in pairwise(at)]))
    sound = np.frombuffer(PCM16, "<i2").astype(np.float32) / np.float32(2**15)
    assert frames.tobytes() == as_clip(live, sound).tobytes()


@pytest.mark.parametrize("rate", [8_000, 44_100, 48_000, 192_000])
def test_another_rate_gives_exactly_as_many_frames_as_its_length_at_16_khz(client: EmoTalkClient, rate: int) -> None:
    sound = np.sin(np.arange(rate) * 0.05).astype("<f4")
    frames = joined(client.live(Live(rate, "float32"), [sound[i : i + 441].tobytes() for i in range(0, rate, 441)]))
    assert len(frames) == frame_count(resampled_length(rate, rate))
    assert frames.max() > 0


def test_frames_come_back_while_the_speaker_goes_on(client: EmoTalkClient) -> None:
    heard: list[Chunk] = []

    def speaker() -> Iterator[bytes]:
        yield PCM16[:16_000]
        while not heard:  # the first half second must be answered before there is any more
            pass
        yield PCM16[16_000:]

    for chunk in client.live(Live(16_000), speaker()):
        heard.append(chunk)
    assert len(joined(heard)) == 60
    assert heard[0].first_frame == 0


def test_a_window_engine_speaks_live_too_a_second_at_a_time() -> None:
    with speaking(ToneEngine(), 1) as port, EmoTalkClient(port=port) as client:
        blocks = [PCM16[i : i + 3200] for i in range(0, len(PCM16), 3200)]
        chunks = list(client.live(Live(16_000, post_processing=False), blocks))
    assert len(chunks) > 2
    assert len(joined(chunks)) == 60


def test_what_a_microphone_raises_comes_out_where_its_frames_are_read(client: EmoTalkClient) -> None:
    def blocks() -> Iterator[bytes]:
        yield PCM16
        raise TimeoutError("the microphone is gone")

    with pytest.raises(TimeoutError, match="the microphone is gone"):
        list(client.live(Live(16_000), blocks()))
    with pytest.raises(InvalidRequest, match=r"blocks: a ndarray is not sound\. Give bytes"):
        list(client.live(Live(16_000), [np.zeros(9)]))  # type: ignore[list-item]


@pytest.mark.parametrize(
    ("live", "blocks", "field", "said"),
    [
        (Live(7_999), [PCM16], "sample_rate", r"7999 Hz is out of range\. Use 8000\.\.192000"),
        (Live(16_000, emotion_level=2), [PCM16], "emotion_level", "0 .calm. or 1"),
        (Live(16_000, person_id=24), [PCM16], "person_id", "0..23"),
        (Live(16_000, latency=9.0), [PCM16], "latency_hint", "out of range"),
        (Live(16_000), [b"abc"], "audio", "not whole samples"),
        (Live(16_000, "float32"), [np.array([np.nan], "<f4").tobytes()], "audio", "finite"),
        (Live(16_000), [], "audio", "no sound came"),
        (Live(16_000), [PCM16] * 3, "audio", "more than 5 s"),
    ],
)
def test_what_cannot_be_used_names_the_field(
    client: EmoTalkClient, live: Live, blocks: list[bytes], field: str, said: str
) -> None:
    with pytest.raises(InvalidRequest, match=said) as refused:
        list(client.live(live, blocks))
    assert refused.value.field == field


@pytest.mark.parametrize(
    ("messages", "said"),
    [
        ([], "the first message has none"),
        ([emotalk_pb2.AudioFrame(audio=b"ab")], "the first message has none"),
        ([emotalk_pb2.AudioFrame(settings={"sample_rate": 16_000}, audio=b"ab")], "the first message has some"),
        ([emotalk_pb2.AudioFrame(settings={"sample_rate": 16_000})] * 2, "a second time"),
        ([emotalk_pb2.AudioFrame(settings={"sample_rate": 16_000, "encoding": 7})], "encoding: 7 is unknown"),
    ],
)
def test_messages_out_of_order_are_refused_in_a_response_and_in_the_status(
    address: str, messages: list[emotalk_pb2.AudioFrame], said: str
) -> None:
    with grpc.insecure_channel(address) as channel:
        call = emotalk_pb2_grpc.EmoTalkServiceStub(channel).StreamAudio(iter(messages))
        responses = []
        with pytest.raises(grpc.RpcError) as refused:
            responses.extend(call)
    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert said in refused.value.details()


def test_an_engine_that_breaks_is_an_error_and_never_a_frame() -> None:
    with speaking(Broken(), 1) as port, EmoTalkClient(port=port) as client:
        chunks: list[Chunk] = []
        with pytest.raises(EmoTalkError, match="the engine broke"):
            chunks.extend(client.live(Live(16_000), [PCM16]))
    assert chunks == []


def test_whoever_finds_no_place_is_refused_at_once_and_the_others_go_on(client: EmoTalkClient) -> None:
    said_enough = Event()

    def speaker() -> Iterator[bytes]:
        yield PCM16
        said_enough.wait(30)

    first, second = (client.live(Live(16_000), speaker()) for _ in range(2))
    begun = [next(first), next(second)]
    with pytest.raises(QueueFull):
        list(client.live(Live(16_000), [PCM16]))
    said_enough.set()
    for chunk, rest in zip(begun, (first, second), strict=True):
        assert len(joined([chunk, *rest])) == 60


def test_sound_that_is_heard_as_a_clip_gives_the_frames_of_animate_as_soon_as_they_are_there() -> None:
    room, kept = LiveRoom(Pipeline(ToneEngine()), Gains(), MAX_SECONDS), Kept()
    performance = Performance(person_id=3, chunk_duration=1.0, chunk_overlap=0.2)
    stream = room.open(Opening("burst", performance, 16_000, as_clip=True), kept)
    for i in range(0, len(PCM16), 3200):
        stream.hear(SoundBlock(PCM16[i : i + 3200]))
    stream.end()
    while room.step():
        pass
    chunks = kept.chunks
    session = Pipeline(ToneEngine()).open(performance, seed="burst")
    sound = np.frombuffer(PCM16, "<i2").astype(np.float32) / np.float32(2**15)
    clip = np.concatenate([chunk.frames for chunk in [*session.push(sound), *session.finish()]])
    assert np.concatenate([chunk.frames for chunk in chunks]).tobytes() == clip.tobytes()
    assert [chunk.is_final for chunk in chunks] == [False] * (len(chunks) - 1) + [True]
