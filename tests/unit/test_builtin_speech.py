"""The built-in engine on the speech sample: lips meet where the text has P, B and M, and part in a pause before a word.

The times come from the synthesis that made the sample (examples/SOURCES.md): the middle of open vowels, the start of
consonants.
"""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from emotalk.engines.base import LATENCIES, Latency
from emotalk.engines.builtin import BuiltinEngine
from emotalk.expression import open_face
from emotalk.face import INDEX, Frames, Pcm, Style
from emotalk.timebase import FPS

SAMPLE = Path(__file__).parents[2] / "examples" / "speech.wav"
OPEN_VOWELS = (0.56, 1.15, 1.96, 2.34, 5.72, 7.0, 7.9, 8.47, 9.89, 11.32, 12.14, 13.63, 16.2, 19.74, 21.02, 21.47)
CLOSURES = (1.62, 1.89, 2.29, 3.52, 4.5, 4.65, 5.5, 6.0, 7.1, 8.1, 8.9, 9.35, 10.5, 13.24, 16.84, 18.48, 20.63, 21.93)
TONGUE = (
    0.64,
    2.04,
    5.07,
    7.92,
    10.6,
    10.95,
    13.06,
    14.38,
    15.94,
    16.21,
    16.39,
    16.44,
    17.19,
    18.82,
    18.95,
    21.5,
    21.55,
)
PAUSES = ((0.0, 0.1), (3.02, 3.17), (6.58, 6.78), (11.65, 11.75), (15.5, 15.65), (17.85, 17.98))


def sample() -> Pcm:
    sound, rate = soundfile.read(SAMPLE, dtype="float32")
    assert rate == 16_000
    return np.asarray(sound)


def performed(latency: Latency, sound: Pcm | None = None) -> Frames:
    session = open_face(BuiltinEngine(), Style(), latency)
    return np.concatenate([session.push(sample() if sound is None else sound), session.finish()])


def gap_of(frames: Frames) -> np.ndarray:
    """How far the lips are apart in each frame, ≥ 0."""
    jaw, shut, press, lower, upper = (
        frames[:, INDEX[n]]
        for n in ("jawOpen", "mouthClose", "mouthPressLeft", "mouthLowerDownLeft", "mouthUpperUpLeft")
    )
    rolled = frames[:, INDEX["mouthRollLower"]] + frames[:, INDEX["mouthRollUpper"]]
    return np.asarray(np.maximum(0, jaw - shut + (lower + upper - press - rolled / 2) / 2))


@pytest.fixture(scope="module", params=LATENCIES)
def aperture(request: pytest.FixtureRequest) -> np.ndarray:
    return gap_of(performed(request.param))


def around(curve: np.ndarray, time: float) -> np.ndarray:
    """The frames from two before to two after this time."""
    frame = round(time * FPS)
    return curve[max(frame - 2, 0) : frame + 3]


def test_the_jaw_opens_at_open_vowels(aperture: np.ndarray) -> None:
    usual = np.percentile(aperture, 90)
    assert all(around(aperture, time).max() > 0.5 * usual for time in OPEN_VOWELS)


def test_the_lips_meet_at_p_b_and_m(aperture: np.ndarray) -> None:
    usual = np.percentile(aperture, 90)
    assert all(around(aperture, time).min() <= 0.25 * usual for time in CLOSURES)


def test_the_lips_do_not_meet_at_consonants_of_the_tongue(aperture: np.ndarray) -> None:
    usual = np.percentile(aperture, 90)
    assert all(aperture[round(time * FPS)] > 0.3 * usual for time in TONGUE)


def test_lips_are_parted_at_the_end_of_a_short_pause_and_less_than_in_a_vowel() -> None:
    open_ = gap_of(performed("clip"))
    usual = np.percentile(open_, 90)
    for start, end in PAUSES[1:]:
        # Just before the word its own first sound is on its way, and may be a P.
        within = open_[round(start * FPS) : round(end * FPS)]
        assert 0.1 * usual < within.max() < 0.9 * usual, start


@pytest.mark.parametrize("latency", LATENCIES)
def test_the_mouth_is_shut_in_a_long_pause(latency: Latency) -> None:
    words, pause = sample()[: 3 * 16_000], np.zeros(2 * 16_000, np.float32)
    open_ = gap_of(performed(latency, np.concatenate([words, pause, words])))
    assert open_[round(3.5 * FPS) : round(4.55 * FPS)].max() < 0.03 * np.percentile(open_, 90)


def test_a_live_mouth_says_what_a_clips_mouth_says() -> None:
    # All but the pauses, in which a clip's lips part earlier: it knows of the next word. And a third of a row later.
    live, clip = (performed(latency)[:, INDEX["jawOpen"]] for latency in ("live", "clip"))
    assert np.corrcoef(live, clip)[0, 1] > 0.8
