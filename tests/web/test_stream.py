"""A microphone over a WebSocket: the frames of the clip, as JSON or compact, while it is being spoken."""

import struct
from concurrent.futures import CancelledError
from contextlib import suppress
from typing import Any

import numpy as np
import pytest
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from emotalk.client import EmoTalkClient, Live
from emotalk.errors import InvalidRequest
from emotalk.feelings import FEELINGS, TRACK_WIDTH, EmotionKey, join_tracks
from tests.integration.served import Inside, speech

SOUND = speech(2.0)[44:]
BLOCKS = [SOUND[i : i + 3200] for i in range(0, len(SOUND), 3200)]
START = {"type": "start", "sample_rate": 16_000, "person_id": 3, "post_processing": False}


@pytest.fixture(scope="module")
def frames(server: Inside) -> np.ndarray:
    with EmoTalkClient("127.0.0.1", server.server.port) as client:
        live = Live(16_000, person_id=3, post_processing=False)
        return np.concatenate([chunk.frames for chunk in client.live(live, BLOCKS)])


def test_json_brings_the_frames_as_they_are_and_says_the_end(browser: TestClient, frames: np.ndarray) -> None:
    with browser.websocket_connect("ws://localhost:8000/v1/stream") as socket:
        socket.send_json(START)
        started = socket.receive_json()
        assert started["type"] == "started"
        assert started["request_id"]
        for block in BLOCKS:
            socket.send_bytes(block)
        socket.send_json({"type": "end"})
        heard: list[Any] = []
        while (message := socket.receive_json())["type"] == "frames":
            assert message["first_frame"] == len(heard)
            heard += message["frames"]
        assert message == {"type": "end", "frames": 60}
    assert np.array_equal(np.array(heard, np.float32), frames)


def _drawn(messages: list[Any], feeling: str) -> list[float]:
    tracks = [message["feeling"] for message in messages if "feeling" in message]
    return [row[FEELINGS.index(feeling)] for track in tracks for row in track["drawn"]]


def test_what_a_speaker_wants_felt_shows_within_a_tenth_of_a_second_of_sound(browser: TestClient) -> None:
    with browser.websocket_connect("ws://localhost:8000/v1/stream") as socket:
        socket.send_json({**START, "emotion_strength": 1.0})
        socket.receive_json()
        for block in (*BLOCKS[:10], {"type": "emotions", "emotions": [{"time": 0, "anger": 1}]}, *BLOCKS[10:]):
            socket.send_bytes(block) if isinstance(block, bytes) else socket.send_json(block)
        socket.send_json({"type": "end"})
        messages = []
        while (message := socket.receive_json())["type"] == "frames":
            messages.append(message)
    anger = _drawn(messages, "anger")
    assert len(anger) == 20
    assert max(anger[:10]) == 0
    assert anger[10] > 0
    assert anger[-1] > 0.5


def test_the_client_says_it_between_two_blocks(server: Inside) -> None:
    said = (*BLOCKS[:10], (EmotionKey(1.0, {"joy": 1.0}),), *BLOCKS[10:])
    with EmoTalkClient("127.0.0.1", server.server.port) as client:
        chunks = list(client.live(Live(16_000, emotion_strength=1.0), said))
        with pytest.raises(InvalidRequest, match="mirth"):
            list(client.live(Live(16_000), (BLOCKS[0], (EmotionKey(0.0, {"mirth": 1.0}),))))
    joy = join_tracks([chunk.feelings for chunk in chunks]).rows[:, 6 + FEELINGS.index("joy")]
    assert joy[:10].max() == 0
    assert joy[-1] > 0.5


def test_key_frames_that_cannot_be_end_the_stream_with_their_name(browser: TestClient) -> None:
    with browser.websocket_connect("ws://localhost:8000/v1/stream") as socket:
        socket.send_json(START)
        socket.receive_json()
        socket.send_json({"type": "emotions", "emotions": [{"time": 0, "mirth": 1}]})
        while (message := socket.receive_json())["type"] == "frames":
            pass
        assert message["problem"]["field"] == "emotions"


def test_the_compact_form_is_two_counts_and_half_precision(browser: TestClient, frames: np.ndarray) -> None:
    with browser.websocket_connect("ws://localhost:8000/v1/stream") as socket:
        socket.send_json({**START, "format": "binary"})
        assert socket.receive_json()["type"] == "started"
        for block in BLOCKS:
            socket.send_bytes(block)
        socket.send_json({"type": "end"})
        heard: list[np.ndarray] = []
        while (message := socket.receive()).get("bytes"):
            first, count = struct.unpack_from("<II", message["bytes"])
            assert first == sum(map(len, heard))
            heard.append(np.frombuffer(message["bytes"], "<f2", offset=8).reshape(count, 52))
    assert np.array_equal(np.concatenate(heard), frames.astype("<f2"))


def test_the_compact_form_has_the_feelings_where_they_are_asked_for(browser: TestClient) -> None:
    with browser.websocket_connect("ws://localhost:8000/v1/stream") as socket:
        socket.send_json({**START, "format": "binary", "feeling": True, "head": True, "emotion": "joy"})
        assert socket.receive_json()["type"] == "started"
        for block in BLOCKS:
            socket.send_bytes(block)
        socket.send_json({"type": "end"})
        rows: list[np.ndarray] = []
        while (message := socket.receive()).get("bytes"):
            _, frames = struct.unpack_from("<II", message["bytes"])
            tail = 8 + frames * (52 + 3) * 2
            first, count = struct.unpack_from("<II", message["bytes"], tail)
            assert first == sum(map(len, rows)) or not count
            rows.append(np.frombuffer(message["bytes"], "<f2", offset=tail + 8).reshape(count, TRACK_WIDTH))
    joy = np.concatenate(rows)[:, 6 + FEELINGS.index("joy")]
    assert len(joy) == 20
    assert joy[-1] > 0.3


def test_frames_come_while_the_speaker_goes_on(browser: TestClient) -> None:
    with browser.websocket_connect("ws://localhost:8000/v1/stream") as socket:
        socket.send_json(START)
        socket.receive_json()
        for block in BLOCKS[:15]:  # a window of the tone engine and a little more
            socket.send_bytes(block)
        assert socket.receive_json()["type"] == "frames"
        socket.send_json({"type": "end"})
        while socket.receive_json()["type"] != "end":
            pass


@pytest.mark.parametrize(
    ("first", "field"),
    [
        ('{"type": "start"}', "sample_rate"),
        ('{"type": "start", "sample_rate": 7999}', "sample_rate"),
        ('{"type": "start", "sample_rate": 16000, "encoding": "mp3"}', "encoding"),
        ('{"type": "start", "sample_rate": 16000, "person_id": 24}', "person_id"),
        ('{"type": "begin", "sample_rate": 16000}', "type"),
        ('{"type": "end"}', "type"),
        ("no json", "type"),
        ("[]", "type"),
        (b"\0\0", "type"),
        ("[" * 50_000, "type"),
        ('{"type": "start", "sample_rate": 16000, "latency": -1}', "latency"),
        ('{"type": "start", "sample_rate": 16000, "persn_id": 3}', "persn_id"),
        ('{"type": "start", "sample_rate": 16000, "chunk_duration": 5}', "chunk_duration"),
    ],
)
def test_a_wrong_start_is_an_error_with_its_field_and_then_the_close(
    browser: TestClient, first: str | bytes, field: str
) -> None:
    with browser.websocket_connect("ws://localhost:8000/v1/stream") as socket:
        socket.send_text(first) if isinstance(first, str) else socket.send_bytes(first)
        error = socket.receive_json()
        assert (error["type"], error["problem"]["field"]) == ("error", field)
        with pytest.raises(WebSocketDisconnect) as closed:
            socket.receive_json()
    assert closed.value.code == 1008


def test_a_start_without_its_rate_is_told_that_it_is_missing(browser: TestClient) -> None:
    with browser.websocket_connect("ws://localhost:8000/v1/stream") as socket:
        socket.send_json({"type": "start"})
        assert socket.receive_json()["problem"]["detail"] == "sample_rate: it is missing. Use 8000..192000."


def test_words_that_utf_8_cannot_spell_are_refused_by_name(browser: TestClient) -> None:
    with browser.websocket_connect("ws://localhost:8000/v1/stream") as socket:
        socket.send_text('{"type": "start", "sample_rate": 16000, "emotion": "\\ud800"}')
        assert socket.receive_json()["type"] == "started"
        assert socket.receive_json()["problem"]["field"] == "emotion"


@pytest.mark.parametrize(
    ("then", "said"), [(b"\0\0\0", "not whole samples"), ('{"type": "stop"}', "unknown"), ("{", "not JSON")]
)
def test_what_goes_wrong_later_is_an_error_too(browser: TestClient, then: str | bytes, said: str) -> None:
    with browser.websocket_connect("ws://localhost:8000/v1/stream") as socket:
        socket.send_json(START)
        socket.receive_json()
        socket.send_text(then) if isinstance(then, str) else socket.send_bytes(then)
        error = socket.receive_json()
    assert error["type"] == "error"
    assert said in error["problem"]["detail"]


def test_who_hangs_up_frees_the_place(browser: TestClient) -> None:
    for _ in range(6):  # more often than there are places
        # The test's browser cancels what has not ended by itself when it hangs up.
        with suppress(CancelledError), browser.websocket_connect("ws://localhost:8000/v1/stream") as socket:
            socket.send_json(START)
            assert socket.receive_json()["type"] == "started"
            socket.send_bytes(SOUND)
            assert socket.receive_json()["type"] == "frames"
