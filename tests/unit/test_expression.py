"""The rest of the face: it moves with the voice, by mood and person and within bounds, and rests when nobody speaks."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emotalk.expression.persons import BOUNDS, person
from emotalk.expression.prosody import REACH, centre, prosody
from emotalk.expression.rules import MICRO_LIMIT, Expression
from emotalk.face import ARKIT_NAMES, INDEX, PERSONS, Frames, Style
from training.rules import CURVES

SECONDS = 6
FRAMES = 30 * SECONDS
TIME = np.arange(FRAMES) / 30


def drawn_on(curves: np.ndarray) -> Frames:
    """[n, 15] curves → the mouth's frames [n, 52], as the built-in engine hands them on."""
    frames = np.zeros((len(curves), len(ARKIT_NAMES)), np.float32)
    for i, curve in enumerate(CURVES):
        shown = [INDEX[curve + side] for side in ("", "Left", "Right") if curve + side in INDEX]
        frames[:, shown] = curves[:, [i]]
    return frames


MOUTH = drawn_on(np.full((1, 15), 0.3, np.float32))


def performed(style: Style, seed: str = "one", voice: float = 1.0, cuts: Sequence[int] = ()) -> Frames:
    """A voice that grows louder and higher every second and a half."""
    curves = MOUTH[:1].repeat(FRAMES, 0) * np.float32(voice)
    swell = np.clip(np.sin(2 * np.pi * TIME / 1.5), 0, 1)
    heard = curves, np.full(FRAMES, voice, np.float32), -30 + 12 * swell, 3 + 6 * swell
    expression = Expression(style, seed)
    pieces = zip(*(np.split(each, sorted(cuts)) for each in heard), strict=True)
    return np.concatenate([drawn(expression, *piece) for piece in pieces])


def drawn(expression: Expression, mouth: Frames, *heard: np.ndarray) -> Frames:
    return expression.face(mouth, expression.hear(*heard), np.ones_like(mouth))


def columns(*starts: str) -> list[int]:
    return [i for i, name in enumerate(ARKIT_NAMES) if name.startswith(starts)]


def travel(frames: Frames, *starts: str) -> float:
    return float(np.ptp(frames[:, columns(*starts)], axis=0).sum())


@given(cuts=st.lists(st.integers(0, FRAMES), max_size=5))
@pytest.mark.long
def test_where_the_frames_are_cut_changes_no_byte(cuts: list[int]) -> None:
    assert performed(Style(), cuts=cuts).tobytes() == performed(Style()).tobytes()


def test_the_same_seed_gives_the_same_face_and_another_looks_elsewhere() -> None:
    assert performed(Style()).tobytes() == performed(Style()).tobytes()
    gaze = columns("eyeLook")
    assert not np.array_equal(performed(Style())[:, gaze], performed(Style(), seed="other")[:, gaze])


def test_a_strong_face_moves_brows_corners_and_mouth_measurably_more_than_a_calm_one() -> None:
    calm, strong = performed(Style(emotion_level=0)), performed(Style(emotion_level=1))
    assert travel(strong, "brow") > 2 * travel(calm, "brow")
    assert travel(strong, "mouthSmile") > 2 * travel(calm, "mouthSmile")
    assert strong[:, INDEX["jawOpen"]].mean() > 1.1 * calm[:, INDEX["jawOpen"]].mean()


def test_no_two_persons_speak_alike_and_all_stay_within_their_bounds() -> None:
    assert len({performed(Style(person_id=i)).tobytes() for i in range(PERSONS)}) == PERSONS
    for number in range(PERSONS):
        for trait, (low, high) in BOUNDS.items():
            assert low <= getattr(person(number), trait) <= high


def test_a_person_changes_the_mouth_by_no_more_than_its_bounds() -> None:
    usual = performed(Style())
    jaws = [performed(Style(person_id=i))[:, INDEX["jawOpen"]] / usual[:, INDEX["jawOpen"]] for i in range(PERSONS)]
    low, high = BOUNDS["opening"]
    assert low - 1e-3 <= np.min(jaws) <= np.max(jaws) <= high + 1e-3


def test_the_two_sides_differ_a_little() -> None:
    frames = performed(Style(person_id=3))
    left, right = frames[:, INDEX["browOuterUpLeft"]], frames[:, INDEX["browOuterUpRight"]]
    assert 0 < np.abs(left - right).max() < 0.3


def test_micro_movements_stay_small() -> None:
    frames = np.concatenate([performed(Style(person_id=i), seed=str(i)) for i in range(PERSONS)])
    assert 0 < frames[:, columns("jawLeft", "jawRight", "mouthLeft", "mouthRight")].max() <= MICRO_LIMIT


def test_in_long_silence_nothing_moves_but_breath_at_the_nostrils() -> None:
    quiet = np.zeros(150, np.float32)
    expression = Expression(Style(), "one")
    speaking = MOUTH[:1].repeat(60, 0)
    drawn(expression, speaking, np.ones(60, np.float32), np.full(60, -20.0), np.full(60, 4.0))
    silent = np.zeros((150, len(ARKIT_NAMES)), np.float32), quiet, np.full(150, -100.0), np.full(150, np.nan)
    moving = np.flatnonzero(drawn(expression, *silent)[100:].any(0))
    assert set(moving) == set(columns("noseSneer"))


def test_a_face_that_never_spoke_only_breathes() -> None:
    frames = performed(Style(), voice=0.0)
    assert set(np.flatnonzero(frames.any(0))) == set(columns("noseSneer"))
    assert frames.max() < 0.02


@pytest.mark.parametrize("hertz", [90, 150, 220, 330])
def test_pitch_is_heard_within_a_semitone_and_loudness_within_a_decibel(hertz: int) -> None:
    time = np.arange(16_000) / 16_000
    voice = sum(np.sin(2 * np.pi * hertz * k * time) / k for k in range(1, 9)) * 0.1
    loudness, pitch = prosody(np.asarray(voice, np.float32)[centre(10) - REACH :], 10, 6)
    np.testing.assert_allclose(pitch, 12 * np.log2(hertz / 100), atol=1)
    np.testing.assert_allclose(loudness, 10 * np.log10(np.mean(voice**2)), atol=1)


def test_noise_has_no_pitch() -> None:
    noise = np.random.default_rng(0).standard_normal(16_000).astype(np.float32)
    assert np.isnan(prosody(noise, 0, 20)[1]).all()
