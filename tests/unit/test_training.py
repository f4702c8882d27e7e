"""The recipe's own rules: what the face does for each phone, what may be trained on, what damage leaves as it was."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training import augment
from training.conditions import CONDITIONS
from training.corpus import NONSPEECH, UNTRANSCRIBED
from training.development import as_face, windows
from training.phones import CLASSES, IPA, MASK, of_arpabet, of_espeak, spread, with_dark_l
from training.rules import COLUMN, draw
from training.texts import SOURCES, english, listed, pseudo_ipa, sentence, vietnamese

TICKS = 60


def opening(curves: np.ndarray) -> np.ndarray:
    jaw, shut, lower, upper, press = (
        curves[:, COLUMN[n]] for n in ("jawOpen", "mouthClose", "mouthLowerDown", "mouthUpperUp", "mouthPress")
    )
    return np.maximum(jaw - shut, 0) + (lower + upper - press) / 2


def between_vowels(name: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return draw([(0.0, 0.25, "AA"), (0.25, 0.35, name), (0.35, 0.6, "AA")], TICKS)


@pytest.mark.parametrize("name", ["P", "B", "M"])
def test_lips_meet_in_a_labial_between_open_vowels(name: str) -> None:
    curves, together, _ = between_vowels(name)
    assert opening(curves)[29] < 0.02
    assert together[29] > 0.9
    assert opening(curves)[10] > 0.5


@pytest.mark.parametrize("name", [c for c in CLASSES if c not in ("SIL", "P", "B", "M", "F", "V", "W")])
def test_lips_stay_apart_in_every_other_sound(name: str) -> None:
    assert opening(between_vowels(name)[0])[29] > 0.1


@pytest.mark.parametrize("name", ["F", "V"])
def test_the_lower_lip_goes_to_the_teeth_without_the_lips_meeting(name: str) -> None:
    curves, together, teeth = between_vowels(name)
    assert teeth[29] > 0.9
    assert together[29] == 0
    assert curves[29, COLUMN["mouthRollLower"]] > 0.3


def test_rounded_vowels_are_rounded_and_spread_ones_are_not() -> None:
    rounding = {
        c: draw([(0, 0.6, c)], TICKS)[0][30, [COLUMN["mouthPucker"], COLUMN["mouthFunnel"]]].sum() for c in CLASSES
    }
    assert min(rounding[c] for c in ("UW", "W", "OW", "UH")) > 3 * max(rounding[c] for c in ("IY", "IH", "EY", "AE"))


def test_silence_is_a_shut_mouth() -> None:
    assert opening(draw([(0, 0.6, "SIL")], TICKS)[0]).max() < 0.01


@given(st.lists(st.tuples(st.floats(0.02, 0.4), st.sampled_from([*CLASSES, MASK])), min_size=1, max_size=20))
@settings(max_examples=30)
def test_whatever_is_said_every_curve_stays_between_0_and_1(said: list[tuple[float, str]]) -> None:
    ends = np.cumsum([length for length, _ in said])
    segments = [(end - length, end, name) for end, (length, name) in zip(ends, said, strict=True)]
    curves, together, teeth = draw(segments, int(ends[-1] * 100) + 1)
    assert np.isfinite(curves).all()
    assert 0 <= curves.min() <= curves.max() <= 1
    assert 0 <= min(together.min(), teeth.min()) <= max(together.max(), teeth.max()) <= 1


def test_a_doubtful_stretch_is_masked_and_a_diphthong_is_two_sounds() -> None:
    assert of_arpabet(0, 1, "UNK") == [(0, 1, MASK)]
    assert [name for _, _, name in of_arpabet(0, 1, "AY")] == ["AA", "IH"]
    assert spread(0, 1, ("T", "S"))[0][1] == pytest.approx(0.4)


def test_symbols_of_espeak_become_classes() -> None:
    assert of_espeak("tʃ") == ["CH"]
    assert of_espeak("ɓ") == ["B"]
    assert of_espeak("") == ["SIL"]
    assert of_espeak("ː") is None
    assert set(IPA.values()) <= set(CLASSES)


def test_an_l_that_no_vowel_follows_is_dark() -> None:
    said = with_dark_l([(0, 1, "L"), (1, 2, "AA"), (2, 3, "L"), (3, 4, "D"), (4, 5, "L")])
    assert [name for _, _, name in said] == ["L", "AA", "LD", "D", "LD"]


@pytest.mark.parametrize(("path", "least"), [(SOURCES, 3_000), (UNTRANSCRIBED, 100), (NONSPEECH, 200)])
def test_nothing_under_share_alike_or_non_commercial_terms_is_among_the_sources(path: Path, least: int) -> None:
    rows = listed(path)
    assert len(rows) > least
    assert not [r["id"] for r in rows if "SA" in r["licence"] or "NC" in r["licence"] or not r["licence"]]
    for kept_out in ("speechbrain", "audiomentations", "audiocraft", "asterisk"):
        assert not [r["id"] for r in rows if kept_out in r["repository"].lower()]


def test_thirty_six_readers_are_kept_apart_from_training() -> None:
    from training.corpus import HELD_READERS, held_readers

    assert len(held_readers()) == HELD_READERS


def test_every_language_has_something_to_say() -> None:
    import random

    one = random.Random(1)
    for language in ("en-us", "vi", "ja", "cmn", "ru", "el", "pt-br", "ko"):
        assert len(sentence(language, one)) > 8, language
    assert english(one)
    assert vietnamese(one)
    assert pseudo_ipa(one)


@given(length=st.integers(1_000, 40_000))
@settings(max_examples=15)
def test_windows_hold_the_whole_clip_in_order(length: int) -> None:
    sound = np.random.default_rng(0).standard_normal(length).astype(np.float32)
    past, hop, ahead = 40, 70, 30
    cut, rows = windows(sound, past, hop, ahead)
    heard = np.concatenate([w[past * 320 : (past + hop) * 320] for w in cut])
    np.testing.assert_array_equal(heard[:length], sound)
    assert rows <= len(cut) * hop


def test_a_face_for_the_score_has_a_frame_every_30th_of_a_second() -> None:
    curves = np.repeat(np.linspace(0, 1, 51)[:, None], 15, axis=1).astype(np.float32)
    face = as_face(curves, 1.0)
    assert face.shape == (30, 52)
    np.testing.assert_allclose(face[:, 24], np.arange(30) / 30, atol=1e-5)


@pytest.mark.parametrize("how", CONDITIONS)
def test_a_spoilt_clip_is_as_long_as_before_but_for_the_child(how: str) -> None:
    draw_, sound = np.random.default_rng(0), np.sin(np.arange(32_000) / 20).astype(np.float32) * 0.3
    other = CONDITIONS[how](sound, np.ones(8_000, np.float32), draw_)
    assert np.isfinite(other).all()
    assert len(other) == pytest.approx(32_000 / (1.35 if "child" in how else 1), abs=2)


@given(seed=st.integers(0, 1_000))
@settings(max_examples=15)
def test_damage_never_moves_the_sound_in_time(seed: int) -> None:
    random = np.random.default_rng(seed)
    sound = np.zeros(32_000, np.float32)
    sound[16_000:20_000] = random.standard_normal(4_000)
    noise = lambda length: np.float32(random.standard_normal(length))  # noqa: E731
    damaged = augment.damaged(sound, noise, noise, noise, random)
    assert len(damaged) == len(sound)
    energy = np.convolve(damaged**2, np.ones(400), "same")
    assert 15_500 < int(energy.argmax()) < 21_000
