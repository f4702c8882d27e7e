"""The voice gate, with a scripted judge in place of Silero: hysteresis, margins, fade, and Silero itself on noise."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from emotalk.engines.builtin.engine import MODELS
from emotalk.engines.builtin.gate import CHUNK, CONTEXT, State, VoiceGate, VoiceModel, at_rest, chunks_of
from tests.unit.voices import babble, noise


class Script:
    """A judge that says these probabilities, one a chunk."""

    def __init__(self, probabilities: list[float]) -> None:
        self._next = iter(probabilities)

    def judge(self, chunks: np.ndarray, state: State) -> tuple[np.ndarray, State]:
        return np.array([next(self._next) for _ in chunks]), state


def opened(probabilities: list[float], settled_after: tuple[int, ...] = ()) -> np.ndarray:
    """Openness at 100 Hz of a clip whose chunks are judged so."""
    gate = VoiceGate(Script(probabilities))
    for i in range(len(probabilities)):
        gate.hear(np.zeros((1, CONTEXT + CHUNK), np.float32))
        if i in settled_after:
            gate.settle()
    gate.settle()
    return gate.openness.read(0, gate.openness.end)


def test_without_a_voice_the_gate_stays_shut() -> None:
    assert not opened([0.0, 0.49] * 20).any()


def test_a_voice_opens_it_and_a_doubt_does_not_shut_it() -> None:
    assert np.allclose(opened([0.5] + [0.36] * 30)[10:80], 1)


def test_a_doubt_alone_does_not_open_it() -> None:
    assert not opened([0.1] + [0.49] * 30).any()


def test_it_opens_100_ms_before_and_shuts_100_ms_after_with_half_a_fade_more() -> None:
    voice = opened([0.0] * 20 + [0.9] * 10 + [0.0] * 20)
    first, last = 20 * 32 / 10, 30 * 32 / 10
    half = np.flatnonzero(voice >= 0.5)
    assert abs(half[0] + 0.5 - (first - 10)) <= 1
    assert abs(half[-1] + 0.5 - (last + 10)) <= 1
    rising = voice[half[0] - 6 : half[0] + 6]
    assert (np.diff(rising) >= 0).all()
    assert 6 <= np.count_nonzero((rising > 0) & (rising < 0.9999)) <= 8


@given(st.lists(st.floats(0, 1), min_size=1, max_size=40), st.lists(st.integers(0, 40), max_size=6))
def test_when_it_is_settled_makes_no_difference(probabilities: list[float], settled: list[int]) -> None:
    assert opened(probabilities, tuple(settled)).tobytes() == opened(probabilities).tobytes()


def heard(sound: np.ndarray) -> float:
    """Mean openness for this sound."""
    gate = VoiceGate(VoiceModel(MODELS / "silero_vad.onnx"))
    padded = np.pad(sound, (CONTEXT, 0))
    for start in range(0, len(sound) - CHUNK, CHUNK):
        gate.hear(padded[None, start : start + CONTEXT + CHUNK])
    gate.settle()
    return float(gate.openness.read(0, gate.openness.end).mean())


def test_silero_opens_for_a_voice_and_not_for_noise() -> None:
    assert heard(babble(seconds=3.0)) > 0.6
    assert heard(noise(seconds=3.0, level=0.2)) < 0.05


def test_eight_chunks_side_by_side_are_judged_as_one_after_the_other() -> None:
    model, chunks = VoiceModel(MODELS / "silero_vad.onnx"), chunks_of(babble(seconds=1.0)[: CONTEXT + 8 * CHUNK])
    together, after = model.judge(chunks, at_rest())
    state, alone = at_rest(), list[float]()
    for chunk in chunks:
        probability, state = model.judge(chunk[None], state)
        alone += probability.tolist()
    assert np.allclose(together, alone, atol=1e-5)
    assert np.allclose(after, state, atol=1e-4)
