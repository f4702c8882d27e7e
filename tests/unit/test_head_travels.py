"""The turn of the head from the pipeline to whoever asked: through the log, the wire, the live engine and a window."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emotalk.client.exchange import Chunk, Exchange
from emotalk.client.live import to_chunk
from emotalk.engines.base import Engine
from emotalk.engines.builtin import BuiltinEngine
from emotalk.errors import ForeignRecord
from emotalk.expression.head import LIMIT
from emotalk.face import FaceClip, Frames, Pcm, split_head
from emotalk.jobs import Part
from emotalk.jobs.assembly import Assembly
from emotalk.jobs.codec import _pack, decode_part, encode_part
from emotalk.live.conversation import LiveChunk, Opening, pack_chunk, unpack_chunk
from emotalk.performance import Performance
from emotalk.pipeline import Pipeline
from emotalk.web.events import describe_chunk
from emotalk.wire import records_pb2
from emotalk.wire.convert import to_response
from tests.streaming_tone import StreamingToneEngine
from tests.unit.voices import babble

ENGINES: list[Engine] = [BuiltinEngine(), StreamingToneEngine()]
EACH = pytest.mark.parametrize("engine", ENGINES, ids=["mouth", "face"])
SPOKEN = babble(seconds=4.0)
WIDE = np.random.default_rng(5).random((300, 55), np.float32)


def drawn(engine: Engine, performance: Performance, pushes: Sequence[Pcm], live: bool = False) -> Frames:
    pipeline = Pipeline(engine)
    session = pipeline.live(performance, seed="x") if live else pipeline.open(performance, seed="x")
    chunks = [chunk for push in pushes for chunk in session.push(push)] + session.finish()
    return np.concatenate([chunk.frames for chunk in chunks])


@EACH
@pytest.mark.parametrize("shaped", [True, False])
@pytest.mark.parametrize("live", [True, False])
def test_the_52_values_are_the_same_bytes_with_and_without_a_head(engine: Engine, shaped: bool, live: bool) -> None:
    plain, whole = (
        drawn(engine, Performance(post_processing=shaped, head=head), [SPOKEN], live) for head in (False, True)
    )
    frames, head = split_head(whole)
    assert plain.shape == frames.shape
    assert frames.tobytes() == plain.tobytes()
    assert head is not None
    assert head.shape == (len(frames), 3)
    assert 1 < np.abs(head).max() <= LIMIT


@EACH
@given(cuts=st.lists(st.integers(0, len(SPOKEN)), max_size=6))
@settings(max_examples=12)
def test_any_way_of_cutting_gives_the_same_head(engine: Engine, cuts: list[int]) -> None:
    asked = Performance(head=True)
    cut = drawn(engine, asked, np.split(SPOKEN, sorted(cuts)))
    assert cut.tobytes() == drawn(engine, asked, [SPOKEN]).tobytes()


def test_a_calm_head_turns_less_and_another_person_otherwise() -> None:
    def head(**how: int) -> np.ndarray:
        return drawn(ENGINES[0], Performance(head=True, **how), [SPOKEN])[:, 52:]

    assert head(emotion_level=0).std() < 0.5 * head().std()
    assert not np.array_equal(head(person_id=5), head())


def test_it_goes_through_log_and_wire_to_the_client_unchanged() -> None:
    parts = [Part("one", "print", 0, at, 300, at + 128 >= 300, WIDE[at : at + 128]) for at in range(0, 300, 128)]
    assembly, exchange, chunks = Assembly(), Exchange(60, 1), []
    for part in parts:
        back = decode_part(encode_part(part))
        assert back.frames.tobytes() == part.frames.tobytes()
        if response := assembly.add(back):
            where = (response.chunk_index, response.first_frame, response.frames, response.is_final)
            chunks.append(exchange.take(to_response("one", *where)))
    clip = FaceClip.of([chunk.columns for chunk in chunks if chunk])
    assert clip.frames.tobytes() == WIDE[:, :52].tobytes()
    assert clip.head is not None
    assert clip.head.tobytes() == WIDE[:, 52:].tobytes()


def test_an_answer_without_a_head_has_no_head_anywhere() -> None:
    response = to_response("one", 0, 0, WIDE[:2, :52], is_final=True)
    assert not any(frame.HasField("head") for frame in response.frames)
    chunk = Exchange(60, 1).take(response)
    assert chunk is not None
    assert chunk.head is None
    assert "head" not in describe_chunk(chunk)
    assert all("head" not in frame for frame in chunk.as_dict()["frames"])
    assert records_pb2.Part.FromString(encode_part(Part("one", "", frames=WIDE[:2, :52]))[6:]).head == b""


def test_a_client_s_chunk_names_the_head_of_each_frame() -> None:
    chunk = Chunk("one", 0, 7, WIDE[:2, :52], True, np.array([[1, 2, 3], [4, 5, 6]], np.float32))
    assert [frame["head"] for frame in chunk.as_dict()["frames"]] == [
        {"yaw": 1, "pitch": 2, "roll": 3},
        {"yaw": 4, "pitch": 5, "roll": 6},
    ]
    assert describe_chunk(chunk)["head"] is chunk.head


def test_a_record_whose_head_has_other_frames_than_its_face_is_foreign() -> None:
    face = np.zeros((2, 52), "<f4").tobytes()
    with pytest.raises(ForeignRecord, match="inside a frame"):
        decode_part(_pack(b"P", records_pb2.Part(request_id="x", frames=face, head=bytes(12))))


def test_the_live_engine_hands_it_on() -> None:
    chunk = LiveChunk(3, 90, WIDE[:4], is_final=False)
    assert unpack_chunk(pack_chunk(chunk, Opening("one", Performance(), 16_000))).frames.tobytes() == WIDE[:4].tobytes()
    response = to_response("one", 3, 90, WIDE[:4], is_final=False)
    assert to_chunk(response).columns.tobytes() == WIDE[:4].tobytes()


def test_an_engine_that_draws_a_whole_face_gets_a_head_from_its_voice_s_loudness() -> None:
    sound = np.concatenate([SPOKEN, np.zeros(80_000, np.float32)])
    frames = drawn(StreamingToneEngine(), Performance(head=True), [sound])
    assert np.abs(frames[:120, 52:]).max() > 1
    assert not frames[-30:, [52, 54]].any(), "it rests where nobody speaks"
