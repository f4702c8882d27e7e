"""Audio2Face-3D's emotions: key frames as clients send them, what they weigh, and what is said back of them."""

import math
from collections.abc import Iterator
from threading import Event
from typing import Any

import numpy as np
import pytest

from emotalk.engines.tone import ToneEngine
from emotalk.feelings import EmotionKey
from emotalk.performance import Performance
from emotalk.pipeline import Pipeline
from tests.a2f.caller import FPS, Heard, hear, open_call, pcm, pieces
from tests.a2f.page import BLEND_SHAPES, EMOTIONS, END, header, piece
from tests.integration.served import PATIENCE, Inside

WARNING = 2
SOUND = pcm(4.0)
KEYS = {0.0: {"joy": 0.2}, 1.0: {"joy": 1.0}, 2.0: {"anger": 0.6}}
MOUTH_CORNERS = [BLEND_SHAPES.index(name) for name in ("MouthSmileLeft", "MouthSmileRight")]


def felt(served: Inside, keys: dict[float, dict[str, float]] | None = None, **parameters: Any) -> Heard:
    """All key frames in the first piece, as the sample client sends them."""
    first, *rest = pieces(SOUND, 16_000)
    first.audio_with_emotion.MergeFrom(piece(b"", keys).audio_with_emotion)
    return hear(served.channel, [header(**parameters), first, *rest, END])


@pytest.fixture(scope="module")
def joyful(served: Inside) -> Heard:
    return felt(served, KEYS)


def test_every_frame_says_what_was_asked_for_between_the_key_frames_and_what_was_drawn(joyful: Heard) -> None:
    times = [each.a2f_smoothed_output[0].time_code for each in joyful.emotions]
    assert times == joyful.times
    for name, at in (("joy", [0.2, 1.0, 0.0]), ("anger", [0.0, 0.0, 0.6])):
        asked = [each.input_emotions[0].emotion[name] for each in joyful.emotions]
        assert np.allclose(asked, np.interp(times, [0.0, 1.0, 2.0], at), atol=1e-6)
    for each in joyful.emotions:
        assert sorted(each.a2f_smoothed_output[0].emotion) == EMOTIONS
        assert sorted(each.input_emotions[0].emotion) == EMOTIONS
        assert not each.a2e_output
    drawn = [each.a2f_smoothed_output[0].emotion["joy"] for each in joyful.emotions]
    assert max(drawn) > 0.3
    assert drawn[0] < 0.1
    assert drawn[-1] < 0.1


def test_the_face_feels_as_it_would_by_any_other_entrance(joyful: Heard) -> None:
    keys = tuple(
        EmotionKey(time, {n: float(np.float32(v)) for n, v in values.items()}) for time, values in KEYS.items()
    )
    performance = Performance(emotions=keys, preferred_emotion_strength=0.5)
    session = Pipeline(ToneEngine()).open(performance, seed="any", uncut=True)
    samples = np.frombuffer(SOUND, "<i2").astype(np.float32) / 2**15
    chunks = [*session.push(samples), *session.finish()]
    tracked = np.concatenate([chunk.feelings.rows for chunk in chunks])[:, -len(EMOTIONS) :]
    said = [[each.a2f_smoothed_output[0].emotion[name] for name in EMOTIONS] for each in joyful.emotions]
    assert np.allclose(np.array(said)[::3], tracked, atol=1e-6)


def test_nothing_asked_says_nothing_was_and_draws_none(served: Inside, joyful: Heard) -> None:
    plain = felt(served)
    assert not any(each.input_emotions for each in plain.emotions)
    assert not any(value for each in plain.emotions for value in each.a2f_smoothed_output[0].emotion.values())
    assert (joyful.rows[30:45, MOUTH_CORNERS] > plain.rows[30:45, MOUTH_CORNERS]).any()


@pytest.mark.parametrize(
    "parameters",
    [{"emotion_strength": 0.0}, {"enable_preferred_emotion": False}],
    ids=lambda parameters: next(iter(parameters)),
)
def test_emotions_that_weigh_nothing_change_not_a_byte(served: Inside, parameters: dict[str, Any]) -> None:
    heard = felt(served, KEYS, emotion_post_processing_params=parameters)
    assert heard.rows.tobytes() == felt(served).rows.tobytes()
    assert heard.emotions[30].input_emotions[0].emotion["joy"] == 1.0


def test_key_frames_beyond_the_end_and_in_any_order_are_taken(served: Inside) -> None:
    """Maya-ACE's read twice the true time, with its own spelling of one name, one in each piece."""
    messages = [header()]
    for second, each in enumerate(pieces(SOUND, 16_000)):
        each.audio_with_emotion.MergeFrom(piece(b"", {2.0 * second: {"out_of_breath": 0.5}}).audio_with_emotion)
        messages.append(each)
    messages.append(piece(b"", {1.0: {"out_of_breath": 0.5}}))
    heard = hear(served.channel, [*messages, END])
    assert len(heard.statuses) == 1
    assert len(heard.frames) == 120
    assert all(each.input_emotions[0].emotion["outofbreath"] == 0.5 for each in heard.emotions)


@pytest.mark.parametrize(
    ("keys", "says"),
    [
        ({0.0: {"boredom": 1.0}}, "boredom"),
        ({0.0: {"joy": 1.5}}, "joy"),
        ({0.0: {"joy": -0.5}}, "joy"),
        ({0.0: {"joy": math.nan}}, "joy"),
        ({-1.0: {"joy": 0.5}}, "time_code"),
        ({math.nan: {"joy": 0.5}}, "time_code"),
    ],
)
def test_what_cannot_be_felt_is_a_warning_that_names_it(
    served: Inside, keys: dict[float, dict[str, float]], says: str
) -> None:
    heard = felt(served, keys)
    [warning] = heard.said(WARNING)
    assert says in warning
    assert len(heard.frames) == 120


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [
        ("emotion_contrast", 0.2, 3.1), ("live_blend_coef", -0.1, 1.1), ("preferred_emotion_strength", -0.1, 1.1),
        ("emotion_strength", -0.1, 1.1), ("max_emotions", 0, 7),
    ],
)  # fmt: skip
def test_weights_out_of_range_are_named(served: Inside, name: str, low: float, high: float) -> None:
    for value in (low, high):
        [warning] = felt(served, KEYS, emotion_post_processing_params={name: value}).said(WARNING)
        assert warning.startswith(f"{name}: ")


def asked_at(heard: Heard, second: float) -> dict[str, float]:
    found = heard.emotions[round(second * FPS)].input_emotions[0].emotion
    return {name: found[name] for name in EMOTIONS if found[name]}


def test_the_beginning_passes_over_to_the_key_frames_within_its_transition(served: Inside) -> None:
    begin = {"beginning_emotion": {"fear": 0.8}, "live_transition_time": 1.0}
    heard = felt(served, {0.0: {"joy": 1.0}}, emotion_params=begin)
    assert asked_at(heard, 0.0) == pytest.approx({"fear": 0.8})
    assert asked_at(heard, 0.5) == pytest.approx({"fear": 0.4, "joy": 0.5})
    assert asked_at(heard, 2.0) == pytest.approx({"joy": 1.0})


def test_only_the_strongest_are_felt_and_contrast_spreads_them(served: Inside) -> None:
    keys = {0.0: {"joy": 0.7, "anger": 0.2, "fear": 0.3}}
    two = felt(served, keys, emotion_post_processing_params={"max_emotions": 2})
    assert asked_at(two, 1.0) == pytest.approx({"joy": 0.7, "fear": 0.3})
    spread = asked_at(felt(served, keys, emotion_post_processing_params={"emotion_contrast": 2.0}), 1.0)
    assert spread["joy"] == pytest.approx(0.49 / 0.58)
    assert spread["anger"] == pytest.approx(0.04 / 0.68)


def test_who_speaks_may_say_in_the_middle_what_is_to_be_felt_from_then_on(served: Inside) -> None:
    begun, answers = Event(), []

    def caller() -> Iterator[Any]:
        yield header()
        yield from pieces(SOUND[:64_000], 1_600)
        assert begun.wait(PATIENCE)
        yield piece(SOUND[64_000:66_000], {2.0: {"joy": 1.0}})
        yield from pieces(SOUND[66_000:], 16_000)
        yield END

    for answer in open_call(served.channel, caller()):
        answers.append(answer)
        if answer.HasField("animation_data"):
            begun.set()
    heard = Heard(answers)
    assert len(heard.frames) == 120
    drawn = [each.a2f_smoothed_output[0].emotion["joy"] for each in heard.emotions]
    assert not any(drawn[:30])
    assert max(drawn[60:]) > 0.3
