"""The streaming graph: what it hears is what the window's graph hears, and nobody beside it changes a byte."""

from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray

from emotalk.engines.builtin.engine import MODELS
from emotalk.engines.builtin.network import MouthNetwork
from emotalk.engines.builtin.plan import ROW_SAMPLES
from emotalk.engines.quiet_onnxruntime import onnxruntime
from emotalk.face import Pcm
from tests.unit.voices import babble
from training.graph import narrowed, weights_of
from training.sizes import INNER
from training.stream_graph import Drawing

pytestmark = pytest.mark.long

LEARNT = weights_of(MODELS / "mouth.onnx")
DRAW = np.random.default_rng(0)
LEARNT |= {
    "voice.weight": DRAW.standard_normal((1, 3 * INNER)).astype(np.float32),
    "voice.bias": np.zeros(1, np.float32),
}
MODEL = narrowed(Drawing(LEARNT, again=0).model())
OPTIONS = onnxruntime.SessionOptions()
OPTIONS.intra_op_num_threads = 1
SESSION = onnxruntime.InferenceSession(MODEL.SerializeToString(), OPTIONS, providers=["CPUExecutionProvider"])
LENGTH = SESSION.get_inputs()[1].shape[1]

Heard = list[NDArray[np.float32]]


def stepped(sounds: list[Pcm], state: NDArray[np.float32]) -> Heard:
    """Phones, voice, states and the state after of streams that are heard at once."""
    after: Heard = SESSION.run(None, {"sound": np.stack(sounds), "state": state})
    return after


def streamed(sound: Pcm, rows: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Shares of the phones and inner states of a stream heard in calls of so many rows, after a second of nothing."""
    whole, size = np.concatenate([np.zeros(16_000, np.float32), sound]), rows * ROW_SAMPLES
    state, heard = np.zeros((1, LENGTH), np.float32), []
    for piece in whole[: len(whole) // size * size].reshape(-1, size):
        *found, state = stepped([piece], state)
        heard.append(found)
    phones, _, states = (np.concatenate([each[i][0] for each in heard])[50:] for i in range(3))
    return phones, states


def test_in_one_long_call_it_hears_what_the_window_does() -> None:
    """The shipping weights, a call of a second: the past is kept and the future is there, so little can differ."""
    sound = babble(seconds=3.0)
    phones, states = streamed(sound, rows=50)
    wanted, inner = MouthNetwork(MODELS / "mouth.onnx").hear(sound[: 2 * 16_000 + 20 * ROW_SAMPLES])
    # The stream's row r is the window's r - 1. In the second second both know what came before and what comes.
    mine, theirs = slice(56, 90), slice(55, 89)
    # Two rows aside they correlate by .87.
    assert np.corrcoef(phones[mine].ravel(), wanted[theirs].ravel())[0, 1] > 0.97
    assert np.corrcoef(states[mine].ravel(), inner[theirs].ravel())[0, 1] > 0.97


@pytest.mark.parametrize("rows", [5, 20])
@pytest.mark.parametrize("streams", [2, 5, 16])
def test_a_stream_in_a_batch_gets_the_bytes_that_it_gets_alone(streams: int, rows: int) -> None:
    sound, size = babble(seconds=4.0), rows * ROW_SAMPLES
    starts = DRAW.integers(0, len(sound) - 3 * size, streams)
    together, alone = np.zeros((streams, LENGTH), np.float32), [np.zeros((1, LENGTH), np.float32)] * streams
    for call in range(3):
        pieces = [sound[start + call * size :][:size] for start in starts]
        *found, together = stepped(pieces, together)
        for number, piece in enumerate(pieces):
            *own, alone[number] = stepped([piece], alone[number])
            assert all(each[number].tobytes() == one[0].tobytes() for each, one in zip(found, own, strict=True))
            assert together[number].tobytes() == alone[number].tobytes()


def test_what_comes_after_a_call_changes_nothing_in_it() -> None:
    sound = babble(seconds=2.0)
    other = np.concatenate([sound[:16_000], -sound[16_000:][::-1]])
    assert streamed(sound, 5)[0][:50].tobytes() == streamed(other, 5)[0][:50].tobytes()
    assert streamed(sound, 5)[0].tobytes() != streamed(other, 5)[0].tobytes()


def test_a_longer_call_knows_more_of_what_comes_and_says_something_else() -> None:
    sound = babble(seconds=2.25)
    assert not np.allclose(streamed(sound, 5)[0], streamed(sound, 20)[0], atol=0.05)


@pytest.mark.parametrize("decibels", [-40, -20, 6])
def test_how_loud_a_stream_is_makes_little_difference(decibels: int) -> None:
    sound = 0.3 * babble(seconds=2.25)
    louder = (sound * 10 ** (decibels / 20)).astype(np.float32)
    np.testing.assert_allclose(streamed(louder, 20)[0], streamed(sound, 20)[0], atol=0.02)


def test_digital_silence_settles_and_stays() -> None:
    state, size = np.zeros((1, LENGTH), np.float32), 5 * ROW_SAMPLES
    seen = []
    for _ in range(40):
        phones, *_, state = stepped([np.zeros(size, np.float32)], state)
        seen.append(phones)
    assert np.isfinite(state).all()
    assert all(np.allclose(a, b, atol=1e-4) for a, b in pairwise(seen[30:]))
    assert (seen[-1].argmax(-1) == 0).all()


def test_what_is_heard_again_is_not_yet_in_the_state() -> None:
    """A call of eight rows, three of which are heard again, leaves the state of a call of the other five."""
    sound, size = babble(seconds=2.0), 5 * ROW_SAMPLES
    again = onnxruntime.InferenceSession(narrowed(Drawing(LEARNT, again=3).model()).SerializeToString(), OPTIONS)
    longer, plain = (np.zeros((1, LENGTH), np.float32) for _ in range(2))
    for start in range(0, 12 * size, size):
        longer = again.run(["state_after"], {"sound": sound[None, start : start + 8 * ROW_SAMPLES], "state": longer})[0]
        *_, plain = stepped([sound[start : start + size]], plain)
    tail_and_level = slice(0, 362)
    np.testing.assert_allclose(longer[0, tail_and_level], plain[0, tail_and_level], rtol=1e-5, atol=1e-6)
    assert np.corrcoef(longer[0], plain[0])[0, 1] > 0.9
