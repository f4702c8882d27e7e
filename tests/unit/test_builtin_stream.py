"""Live streams of the built-in engine: in company as alone, without drift, and nothing is computed for silence."""

import gc
import weakref

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emotalk.engines.base import EngineSession, push_many
from emotalk.engines.builtin import BuiltinEngine
from emotalk.engines.builtin.network import REST_STEPS, StreamNetwork
from emotalk.engines.builtin.stream import SHIFT, StreamSession
from emotalk.errors import EngineError
from emotalk.face import INDEX, Frames, Pcm, Style, no_frames
from emotalk.timebase import SAMPLE_RATE, STEP_SAMPLES, frame_count
from tests.unit.voices import babble, noise

ENGINE = BuiltinEngine(warm=False)
SPOKEN = babble(seconds=4.0)
VOICES = [np.roll(SPOKEN, 4_321 * number) for number in range(16)]
SILENCE = np.zeros(SAMPLE_RATE, np.float32)


def opened() -> StreamSession:
    session = ENGINE.open(Style(), "live")
    assert isinstance(session, StreamSession)
    return session


def alone(sound: Pcm) -> Frames:
    session = opened()
    return np.concatenate([session.push(sound), session.finish()])


def frames_of(given: object) -> Frames:
    assert isinstance(given, np.ndarray)
    return given


class Counting(StreamNetwork):
    """Counts the steps that are heard."""

    def __init__(self) -> None:
        self._session, self.heard = ENGINE._streaming._session, 0

    def hear(self, sounds, before):  # type: ignore[no-untyped-def]
        self.heard += len(sounds)
        return super().hear(sounds, before)


@given(st.lists(st.tuples(st.integers(0, 4), st.lists(st.integers(0, 4_000), min_size=5, max_size=5)), max_size=8))
@settings(max_examples=15)
def test_in_any_company_a_stream_gets_the_bytes_that_it_gets_alone(script: list[tuple[int, list[int]]]) -> None:
    """Pushes of any size, to any of five streams at once."""
    streams, at, got = [opened() for _ in range(5)], [0] * 5, [[no_frames()] for _ in range(5)]
    for absent, sizes in script:
        here = [number for number in range(5) if number != absent]
        sounds = [VOICES[number][at[number] : at[number] + sizes[number]] for number in here]
        for number, sound, frames in zip(
            here, sounds, push_many(ENGINE, [streams[n] for n in here], sounds), strict=True
        ):
            got[number].append(frames_of(frames))
            at[number] += len(sound)
    for number, stream in enumerate(streams):
        got[number].append(stream.finish())
        assert np.concatenate(got[number]).tobytes() == alone(VOICES[number][: at[number]]).tobytes()


def test_sixteen_streams_heard_in_one_call_have_the_voice_and_the_states_that_each_has_alone() -> None:
    streams, own = ([opened() for _ in VOICES] for _ in range(2))
    for start in range(0, 5 * STEP_SAMPLES, STEP_SAMPLES):
        sounds = [voice[start : start + STEP_SAMPLES] for voice in VOICES]
        push_many(ENGINE, streams, sounds)
        for stream, one, sound in zip(streams, own, sounds, strict=True):
            one.push(sound)
            assert stream.voice.tobytes() == one.voice.tobytes()
            assert stream.states.tobytes() == one.states.tobytes()


def test_clips_and_streams_may_be_pushed_together() -> None:
    sessions: list[EngineSession] = [ENGINE.open(Style(), "clip"), opened(), ENGINE.open(Style(), "clip"), opened()]
    given = push_many(ENGINE, sessions, VOICES[:4])
    whole = [np.concatenate([frames_of(each), one.finish()]) for each, one in zip(given, sessions, strict=True)]
    clip = ENGINE.open(Style(), "clip")
    assert whole[1].tobytes() == alone(VOICES[1]).tobytes()
    assert whole[2].tobytes() == np.concatenate([clip.push(VOICES[2]), clip.finish()]).tobytes()


def test_a_stream_that_fails_fails_alone_and_stays_so() -> None:
    streams, broken = [opened() for _ in range(3)], VOICES[1].copy()
    broken[2_000] = np.nan
    given = push_many(ENGINE, streams, [VOICES[0], broken, VOICES[2]])
    assert isinstance(given[1], EngineError)
    for number in (0, 2):
        whole = np.concatenate([frames_of(given[number]), streams[number].finish()])
        assert whole.tobytes() == alone(VOICES[number]).tobytes()
    for verb in (lambda: streams[1].push(SILENCE), streams[1].finish):
        with pytest.raises(EngineError, match=r"no finite face near 0\.1 s"):
            verb()


@given(st.integers(0, 12_000))
@settings(max_examples=60)
def test_a_frame_leaves_with_the_step_whose_end_lies_at_most_150_ms_after_it(heard: int) -> None:
    """Frame k is shown at sample 1600 k / 3."""
    frames = len(opened().push(SPOKEN[:heard]))
    assert 1_600 * frames / 3 > heard - 0.15 * SAMPLE_RATE, "the next one could have left"
    steps = (heard + SHIFT) // STEP_SAMPLES
    assert frames == max(0, 3 * steps - 2)


def test_ten_minutes_have_their_frames_and_what_is_said_at_their_end_is_drawn_at_its_time() -> None:
    """Between the words there is silence, for which nothing is computed; pushes are never whole steps."""
    sound = np.concatenate([SPOKEN, np.zeros(592 * SAMPLE_RATE, np.float32), SPOKEN])
    session = opened()
    frames = [session.push(sound[start : start + 1_777]) for start in range(0, len(sound), 1_777)]
    face = np.concatenate([*frames, session.finish()])
    assert len(face) == 30 * 600
    first, last = face[:120, INDEX["jawOpen"]], face[-120:, INDEX["jawOpen"]]
    assert np.corrcoef(first, last)[0, 1] > 0.95
    assert not face[150:-150].any()


@pytest.mark.parametrize("lead", [0, 1, 57])
def test_nothing_is_computed_for_digital_silence_after_a_second_of_it(lead: int) -> None:
    network = Counting()
    session, rest = StreamSession(network), network.heard
    silence = np.zeros(60 * SAMPLE_RATE, np.float32)
    session.push(silence[: lead * SAMPLE_RATE])
    assert network.heard == rest, "a stream begins at rest"
    session.push(SPOKEN[:STEP_SAMPLES])
    session.push(silence)
    assert network.heard - rest <= REST_STEPS + 3
    spoken = session.push(SPOKEN)
    assert spoken[:, INDEX["jawOpen"]].max() > 0.2


def test_a_pause_in_silence_of_any_length_changes_nothing_of_what_is_said_after_it() -> None:
    short, long = (
        alone(np.concatenate([SPOKEN, np.zeros(seconds * SAMPLE_RATE, np.float32), SPOKEN])) for seconds in (4, 9)
    )
    assert short[-120:].tobytes() == long[-120:].tobytes()


def test_what_a_stream_keeps_does_not_grow_and_goes_with_it() -> None:
    session, kept = opened(), []
    for _ in range(8):
        session.push(np.resize(SPOKEN, 4 * SAMPLE_RATE))
        kept.append(session._sound._rows.nbytes + session._shares.nbytes + session._state.nbytes)
    assert max(kept[4:]) <= max(kept[:4])
    streams = [opened() for _ in range(16)]
    push_many(ENGINE, streams, VOICES)
    assert all(stream._state.base is None for stream in streams), "none keeps the others' state alive"
    gone = [weakref.ref(stream) for stream in streams]
    del streams
    gc.collect()
    assert not any(each() for each in gone)


def test_what_was_said_before_a_stream_is_not_in_it() -> None:
    alone(VOICES[3])
    assert alone(SPOKEN).tobytes() == alone(SPOKEN).tobytes()
    assert frame_count(len(SPOKEN)) == len(alone(SPOKEN))


@pytest.mark.parametrize("level", [0.001, 0.05, 0.5])
def test_the_mouth_stays_shut_on_noise_though_nobody_guards_it(level: float) -> None:
    assert alone(noise(seconds=3.0, level=level))[:, INDEX["jawOpen"]].max() < 0.05


@pytest.mark.parametrize("verb", ["push", "finish"])
def test_a_finished_stream_refuses_more_and_disturbs_nobody(verb: str) -> None:
    over, other = opened(), opened()
    over.finish()
    with pytest.raises(EngineError, match="has finished"):
        over.push(SPOKEN) if verb == "push" else over.finish()
    refused, given = push_many(ENGINE, [over, other], [SPOKEN, SPOKEN])
    assert isinstance(refused, EngineError)
    assert np.concatenate([frames_of(given), other.finish()]).tobytes() == alone(SPOKEN).tobytes()
