"""The built-in engine from outside: any cut gives the same bytes, frames leave once, silence is a shut mouth."""

import hashlib
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from emotalk.engines.base import LATENCIES, Engine, EngineSession, Latency
from emotalk.engines.builtin import BuiltinEngine
from emotalk.errors import DeviceUnavailable, EngineError
from emotalk.expression import open_face
from emotalk.expression.layer import AHEAD
from emotalk.face import ARKIT_NAMES, INDEX, Frames, Pcm, Style
from emotalk.timebase import frame_count
from tests.unit.voices import babble, noise

ENGINE = BuiltinEngine()


def opened(style: Style = Style(), latency: Latency = "clip", seed: str = "") -> EngineSession:  # noqa: B008 - frozen
    """A clip with its whole face, as the pipeline opens it."""
    return open_face(ENGINE, style, latency, seed)


SPOKEN = babble(seconds=4.0)
JAW = INDEX["jawOpen"]


def played(sound: Pcm, cuts: list[int] | None = None, latency: Latency = "clip") -> Frames:
    """All frames of a clip that is pushed in pieces cut at these samples."""
    session = opened(Style(), latency)
    pieces = [session.push(piece) for piece in np.split(sound, cuts or [])]
    return np.concatenate([*pieces, session.finish()])


every_latency = pytest.mark.parametrize("latency", LATENCIES)


@every_latency
@given(length=st.integers(1, len(SPOKEN)), cuts=st.lists(st.integers(0, len(SPOKEN)), max_size=8))
@example(length=len(SPOKEN), cuts=[1, 1, 2, 3, 160, 161, 512, 513])
@settings(max_examples=25)
@pytest.mark.long
def test_any_way_of_cutting_the_same_audio_gives_the_same_bytes(latency: Latency, length: int, cuts: list[int]) -> None:
    sound = SPOKEN[:length]
    assert played(sound, sorted(cuts), latency).tobytes() == played(sound, None, latency).tobytes()


def test_a_sample_at_a_time_gives_the_same_bytes_as_all_at_once() -> None:
    sound = SPOKEN[:12_000]
    assert played(sound, list(range(1, len(sound)))).tobytes() == played(sound).tobytes()


@every_latency
@given(samples=st.integers(1, 20_000))
@example(samples=1)
@example(samples=159)
@example(samples=1600)
@example(samples=1601)
@settings(max_examples=60)
@pytest.mark.long
def test_a_clip_of_any_length_has_exactly_its_frames_all_between_0_and_1(latency: Latency, samples: int) -> None:
    frames = played(SPOKEN[:samples], None, latency)
    assert frames.shape == (frame_count(samples), 52)
    assert frames.dtype == np.float32
    assert frames.min() >= 0
    assert frames.max() <= 1


def test_a_clip_without_samples_has_no_frames() -> None:
    assert played(SPOKEN[:0]).shape == (0, 52)


LIMITS: dict[Latency, int] = {"live": 2_400, "near": 8_000, "clip": 25_600}
"""Samples after a frame's own moment by which its mouth has left."""
PUSHES = st.lists(st.integers(1, 9_000), min_size=1, max_size=12)


def check_leaving(session: EngineSession, limit: int, pushes: list[int]) -> None:
    """Frame k is shown at sample 1600 k / 3; at each moment all have left whose `limit` samples have been heard."""
    heard, frames = 0, 0
    for size in pushes:
        frames += len(session.push(SPOKEN[heard : heard + size]))
        heard = min(heard + size, len(SPOKEN))
        assert frames >= sum(1_600 * k / 3 + limit <= heard for k in range(150))


@every_latency
@given(pushes=PUSHES)
@example(pushes=[1_000] * 64)
@settings(max_examples=20)
def test_every_mouth_has_left_when_its_look_ahead_has_been_heard(latency: Latency, pushes: list[int]) -> None:
    check_leaving(ENGINE.open(Style(), latency), LIMITS[latency], pushes)


@every_latency
@given(pushes=PUSHES)
@example(pushes=[1_000] * 64)
@settings(max_examples=20)
def test_every_face_leaves_with_its_mouth_and_that_of_a_clip_when_its_feeling_is_known(
    latency: Latency, pushes: list[int]
) -> None:
    ahead = AHEAD * 1_600 // 3 if latency == "clip" else 0
    check_leaving(opened(Style(), latency), LIMITS[latency] + ahead, pushes)


def test_a_mouth_that_speaks_opens_and_shuts() -> None:
    jaw = played(SPOKEN)[:, JAW]
    assert jaw.max() > 0.2
    assert np.ptp(jaw[30:90]) > 0.1


def test_digital_silence_moves_nothing_but_the_nostrils() -> None:
    moving = {ARKIT_NAMES[i] for i in np.flatnonzero(played(np.zeros(32_000, np.float32)).any(0))}
    assert moving == {"noseSneerLeft", "noseSneerRight"}


@pytest.mark.parametrize("level", [0.001, 0.05, 0.5])
def test_the_mouth_stays_shut_on_noise(level: float) -> None:
    assert played(noise(seconds=3.0, level=level))[:, JAW].max() < 0.05


def test_the_mouth_shuts_again_after_the_last_word() -> None:
    frames = played(np.concatenate([SPOKEN, np.zeros(32_000, np.float32)]))
    assert not frames[frame_count(len(SPOKEN)) + 15 :, JAW].any()


def test_brows_eyes_and_cheeks_move_while_somebody_speaks() -> None:
    frames = played(SPOKEN)
    for start in ("brow", "eyeLook", "cheek"):
        assert frames[:, [i for i, n in enumerate(ARKIT_NAMES) if n.startswith(start)]].any(), start
    assert not frames[:, [INDEX["eyeBlinkLeft"], INDEX["eyeBlinkRight"]]].any(), "blinks are laid over it later"


def test_sessions_do_not_hear_each_other() -> None:
    one, other = opened(), opened()
    first = [one.push(SPOKEN[:30_000])]
    other.push(noise(seconds=2.0, level=0.3))
    first += [one.push(SPOKEN[30_000:]), one.finish()]
    assert np.concatenate(first).tobytes() == played(SPOKEN).tobytes()


def test_style_and_seed_reach_the_face() -> None:
    def spoken(style: Style, seed: str = "") -> bytes:
        session = opened(style, seed=seed)
        return np.concatenate([session.push(SPOKEN), session.finish()]).tobytes()

    assert len({spoken(Style()), spoken(Style(emotion_level=0)), spoken(Style(person_id=7)), spoken(Style(), "a")}) == 4


def test_what_a_session_keeps_does_not_grow_with_the_clip() -> None:
    session: Any = opened()
    mouth = session._session

    def kept() -> int:
        tapes = [session._sound, mouth._sound, mouth._gate.openness, mouth._gate._voice]
        return sum(tape._rows.nbytes for tape in tapes)

    sizes = []
    for _ in range(12):
        session.push(np.resize(SPOKEN, 4 * 16_000))
        sizes.append(kept())
    assert max(sizes[6:]) <= 1.01 * max(sizes[:6])


def printed(script: str) -> str:
    """What another process prints that runs this script in the folder of the checkout."""
    here = Path(__file__).parents[2]
    return subprocess.run([sys.executable, "-c", script], cwd=here, capture_output=True, text=True, check=True).stdout


def test_another_process_gives_the_same_bytes_under_the_same_fingerprint() -> None:
    script = (
        "import hashlib\nfrom tests.unit.test_builtin_engine import ENGINE, SPOKEN, played\n"
        "print(ENGINE.card.fingerprint, hashlib.blake2b(played(SPOKEN).tobytes()).hexdigest())"
    )
    here = f"{ENGINE.card.fingerprint} {hashlib.blake2b(played(SPOKEN).tobytes()).hexdigest()}\n"
    assert printed(script) == here


def test_the_fingerprint_follows_what_is_computed_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    assert BuiltinEngine().card.fingerprint == ENGINE.card.fingerprint
    monkeypatch.setattr("platform.machine", lambda: "another processor that computes the same")
    monkeypatch.setattr("onnxruntime.__version__", "99")
    assert BuiltinEngine().card.fingerprint == ENGINE.card.fingerprint
    other = BuiltinEngine()
    hear = other._network.hear

    def differently(window: Pcm) -> tuple[np.ndarray, np.ndarray]:
        shares, states = hear(window)
        return np.nextafter(shares, np.float32(2)), states

    monkeypatch.setattr(other._network, "hear", differently)
    assert other.card.fingerprint != ENGINE.card.fingerprint


def test_it_is_a_streaming_engine_whose_card_names_all_its_licences() -> None:
    assert isinstance(ENGINE, Engine)
    assert ENGINE.card.name == "builtin"
    assert "MIT" in ENGINE.card.licence
    assert "Apache-2.0" in ENGINE.card.licence
    assert "\n" not in ENGINE.card.licence


def test_asking_for_a_graphics_card_is_refused_with_the_way_out() -> None:
    with pytest.raises(DeviceUnavailable, match="--device cpu or auto"):
        BuiltinEngine(device="cuda")


def test_samples_that_are_no_numbers_make_an_error_and_no_frames() -> None:
    broken = SPOKEN.copy()
    broken[20_000] = np.nan
    with pytest.raises(EngineError, match="no finite face"):
        played(broken)


@pytest.mark.parametrize("verb", ["push", "finish"])
def test_a_finished_session_refuses_more(verb: str) -> None:
    session = opened()
    session.finish()
    with pytest.raises(EngineError, match="has finished"):
        session.push(SPOKEN) if verb == "push" else session.finish()


def test_importing_the_engine_does_not_load_its_runtime() -> None:
    assert printed("import sys, emotalk.engines.builtin; print('onnxruntime' in sys.modules)") == "False\n"
