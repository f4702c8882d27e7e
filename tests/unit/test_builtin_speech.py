"""The built-in engine on the speech sample: lips meet where the text has P, B and M, and the mouth is shut in pauses.

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
from emotalk.face import INDEX, Frames, Style
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


def performed(latency: Latency) -> Frames:
    sound, rate = soundfile.read(SAMPLE, dtype="float32")
    assert rate == 16_000
    session = open_face(BuiltinEngine(), Style(), latency)
    return np.concatenate([session.push(sound), session.finish()])


@pytest.fixture(scope="module", params=LATENCIES)
def frames(request: pytest.FixtureRequest) -> Frames:
    return performed(request.param)


@pytest.fixture(scope="module")
def aperture(frames: Frames) -> np.ndarray:
    """How far the lips are apart in each frame, ≥ 0."""
    jaw, shut, press, lower, upper = (
        frames[:, INDEX[n]]
        for n in ("jawOpen", "mouthClose", "mouthPressLeft", "mouthLowerDownLeft", "mouthUpperUpLeft")
    )
    rolled = frames[:, INDEX["mouthRollLower"]] + frames[:, INDEX["mouthRollUpper"]]
    return np.maximum(0, jaw - shut + (lower + upper - press - rolled / 2) / 2)


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


def test_the_mouth_is_shut_in_the_pauses(aperture: np.ndarray) -> None:
    usual = np.percentile(aperture, 90)
    for start, end in PAUSES:
        # The last sound's lips are on their way in the first frame.
        assert aperture[round(start * FPS) + 1 : round(end * FPS)].mean() < 0.05 * usual, start


def test_a_live_mouth_says_what_a_clips_mouth_says() -> None:
    live, clip = (performed(latency)[:, INDEX["jawOpen"]] for latency in ("live", "clip"))
    assert np.corrcoef(live, clip)[0, 1] > 0.95
