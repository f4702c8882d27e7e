"""Score against look-ahead: the frames that are scored are those of a live stream where both know as much."""

import numpy as np
import pytest

from emotalk.engines.builtin.engine import MODELS
from emotalk.engines.builtin.network import StreamNetwork
from emotalk.engines.builtin.stream import StreamSession
from tests.unit.voices import babble
from training import lookahead
from training.lookahead import Ahead

NETWORK = StreamNetwork(MODELS / "stream.onnx")
SOUND = babble(seconds=2.0)
HEARD = Ahead(NETWORK, SOUND)


def test_the_oldest_frame_of_each_live_step_is_the_frame_with_a_look_ahead_of_150_ms(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lookahead, "FORESIGHT", 2)
    session = StreamSession(NETWORK)
    live = np.concatenate([session.push(SOUND), session.finish()])
    np.testing.assert_allclose(HEARD.face(150)[1::3], live[1::3], atol=1e-5)


def test_what_comes_after_the_look_ahead_changes_nothing() -> None:
    other = SOUND.copy()
    other[16_000 + 80 * 16 :] *= -0.5
    assert Ahead(NETWORK, other).face(80)[:31].tobytes() == HEARD.face(80)[:31].tobytes()
    assert Ahead(NETWORK, other).face(120)[:31].tobytes() != HEARD.face(120)[:31].tobytes()
