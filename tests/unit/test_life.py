"""Head, eyes, lids and brows: as people's in size and speed, tied to the voice, seeded, and at rest in silence."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emotalk.expression.brows import Brows, Warmth
from emotalk.expression.gaze import GAZE_LIMIT
from emotalk.expression.head import LIMIT
from emotalk.expression.lids import blink_shape
from emotalk.expression.life import LIDS_AHEAD, Life
from emotalk.expression.motion import Glide, Noise
from emotalk.expression.persons import CALM, STRONG, Mood, Person
from emotalk.expression.phrasing import LoudVoice, Phrasing, Speech

FPS = 30
SEEDS = [f"clip {i}" for i in range(20)]
SECONDS = 24


def spoken(seconds: int = SECONDS, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Voice, dB and semitones of somebody who speaks in phrases of a second or three, syllable by syllable."""
    chance = np.random.default_rng(seed)
    voice = np.zeros(seconds * FPS, np.float32)
    at = 10
    while at < len(voice):
        length = int(chance.uniform(30, 90))
        voice[at : at + length] = 1
        at += length + int(chance.uniform(5, 25))
    syllables = np.abs(np.sin(np.cumsum(chance.uniform(0.3, 0.5, len(voice)))))
    accents = np.convolve(chance.random(len(voice)) < 0.05, np.hanning(13), "same")
    loudness = np.where(voice > 0, -32 + 8 * syllables + 8 * accents, -75)
    pitch = np.where(voice > 0, 4 + 3 * accents + chance.normal(0, 0.3, len(voice)), np.nan)
    return voice, loudness, pitch


@dataclass(frozen=True)
class Seen:
    """Everything of one clip."""

    speech: Speech
    turns: np.ndarray
    gaze: np.ndarray
    lids: np.ndarray


@cache
def lived(seed: str, mood: Mood = STRONG, cuts: tuple[int, ...] = (), silent_after: int | None = None) -> Seen:
    voice, loudness, pitch = spoken(seed=sum(seed.encode()))
    if silent_after is not None:
        voice[silent_after:], loudness[silent_after:], pitch[silent_after:] = 0, -100, np.nan
    life = Life(Person(), mood, seed)
    pieces = zip(*(np.split(each, sorted(cuts)) for each in (voice, loudness, pitch)), strict=True)
    moments = [life.go_on(*piece) for piece in pieces]
    speech = Phrasing(seed).hear(voice, loudness, pitch)
    parts = (np.concatenate([getattr(m, name) for m in moments]) for name in ("turns", "gaze", "lids"))
    return Seen(speech, *parts)


def power_shares(turns: np.ndarray) -> np.ndarray:
    """Of one axis: the shares of its power under 0.5 Hz and above 2 Hz."""
    spectrum = np.abs(np.fft.rfft((turns - turns.mean()) * np.hanning(len(turns)))) ** 2
    hertz = np.fft.rfftfreq(len(turns), 1 / FPS)
    return np.array([spectrum[hertz < 0.5].sum(), spectrum[hertz > 2].sum()]) / spectrum.sum()


@given(cuts=st.lists(st.integers(0, SECONDS * FPS), max_size=6))
@pytest.mark.long
def test_where_the_sound_is_cut_changes_no_byte(cuts: list[int]) -> None:
    whole, cut = lived("one"), lived("one", cuts=tuple(cuts))
    for name in ("turns", "gaze", "lids"):
        assert getattr(cut, name).tobytes() == getattr(whole, name).tobytes()


def test_no_two_seeds_move_alike_and_the_same_one_does() -> None:
    turns = [lived(seed).turns for seed in SEEDS]
    likeness = [abs(np.corrcoef(a[:, 0], b[:, 0])[0, 1]) for i, a in enumerate(turns) for b in turns[:i]]
    assert max(likeness) < 0.9
    assert np.mean(likeness) < 0.3


def test_a_strong_head_turns_as_far_and_as_fast_as_people_s_do() -> None:
    turns = np.stack([lived(seed).turns for seed in SEEDS])
    far = turns.std(axis=1).mean(axis=0)
    assert ((far > 3) & (far < 4)).all()
    speed = np.sqrt((np.diff(turns, axis=1) ** 2).mean(axis=1)).mean(axis=0) * FPS
    assert ((speed > 8) & (speed < 13)).all()
    assert np.abs(turns).max() <= LIMIT


def test_its_power_lies_where_people_s_does() -> None:
    for axis in range(3):
        slow, fast = np.mean([power_shares(lived(seed).turns[:, axis]) for seed in SEEDS], axis=0)
        assert 0.6 < slow < 0.82
        assert fast < 0.03


def test_a_calm_head_turns_a_third_as_far() -> None:
    calm, strong = (np.mean([lived(s, mood).turns.std(axis=0) for s in SEEDS], axis=0) for mood in (CALM, STRONG))
    np.testing.assert_allclose(calm / strong, 1 / 3, atol=0.02)


def test_it_nods_where_stress_sets_in() -> None:
    after = []
    for seed in SEEDS:
        seen = lived(seed)
        pitch = seen.turns[:, 1]
        after += [pitch[i : i + 30] - pitch[i] for i in np.flatnonzero(seen.speech.accent) if i + 30 < len(pitch)]
    dip = np.mean(after, axis=0)
    assert 5 <= dip.argmax() <= 11
    assert dip.max() > 0.8


def test_it_is_back_at_rest_within_three_seconds_of_the_last_word_but_for_breath() -> None:
    for seed in SEEDS[:6]:
        still = lived(seed, silent_after=12 * FPS).turns[15 * FPS :]
        assert not still[:, (0, 2)].any()
        assert 0.05 < np.ptp(still[:, 1]) < 0.2


def test_a_head_that_never_hears_a_voice_only_breathes() -> None:
    turns = lived("x", silent_after=0).turns
    assert not turns[:, (0, 2)].any()
    assert np.ptp(turns[:, 1]) < 0.2


def test_the_eyes_jump_about_once_a_second_come_back_and_stay_within_their_limit() -> None:
    gaze = np.stack([lived(seed).gaze for seed in SEEDS])
    far = np.linalg.norm(np.diff(gaze, axis=1), axis=2) > 0.06
    onsets = (far[:, 1:] & ~far[:, :-1]).sum() / (gaze.shape[0] * gaze.shape[1] / FPS)
    assert 0.7 < onsets < 1.7
    assert np.abs(gaze).max() <= GAZE_LIMIT
    assert (np.linalg.norm(gaze, axis=2) < 0.12).mean() > 0.35, "they look at the listener"


def test_the_gaze_counters_the_turn_of_the_head() -> None:
    yaw = np.mean([np.corrcoef(lived(s).turns[:, 0], lived(s).gaze[:, 0])[0, 1] for s in SEEDS])
    pitch = np.mean([np.corrcoef(lived(s).turns[:, 1], lived(s).gaze[:, 1])[0, 1] for s in SEEDS])
    assert yaw < -0.3
    assert pitch > 0.2


def blinks(lids: np.ndarray) -> list[tuple[int, int]]:
    shut = np.diff(np.r_[0, lids > 0.5, 0])
    return list(zip(np.flatnonzero(shut == 1), np.flatnonzero(shut == -1), strict=True))


def test_they_blink_about_every_two_seconds_while_they_talk() -> None:
    count = sum(len(blinks(lived(seed).lids)) for seed in SEEDS)
    assert 24 < count / (len(SEEDS) * SECONDS / 60) < 37


def test_blinks_are_a_sixth_of_a_second_long_with_a_tail_of_long_and_double_ones() -> None:
    lids = [lived(seed).lids for seed in SEEDS]
    long = [b - a for each in lids for a, b in blinks(each)]
    gaps = [c - b for each in lids for (_, b), (c, _) in zip(blinks(each), blinks(each)[1:], strict=False)]
    assert 2 <= np.median(long) <= 5
    assert max(long) >= 7
    assert 0.03 < np.mean(np.array(gaps) < 9) < 0.3


@pytest.mark.parametrize("close", [2, 3])
@pytest.mark.parametrize("hold", [0, 1, 7])
@pytest.mark.parametrize("open_", [2, 4])
def test_a_blink_has_no_bump(close: int, hold: int, open_: int) -> None:
    shape = np.array(blink_shape(close, hold, open_))
    top = int(shape.argmax())
    assert (np.diff(shape[: top + 1]) > 0).all()
    assert (np.diff(shape[top:]) <= 0).all()
    assert shape.max() > 0.9
    assert shape[-1] < 0.3


def test_no_blink_begins_its_middle_where_a_word_is_stressed_and_most_come_where_a_phrase_ends() -> None:
    ends, others = 0.0, 0.0
    ending_frames = frames = 0
    for seed in SEEDS:
        seen = lived(seed)
        ending = (seen.speech.quiet > 0) & (seen.speech.quiet < 10)
        for start, _ in blinks(seen.lids):
            assert seen.speech.stress[max(0, start - 1)] < 0.45
            ends, others = ends + ending[start], others + (not ending[start])
        ending_frames, frames = ending_frames + ending.sum(), frames + len(ending)
    assert ends / ending_frames > 1.5 * others / (frames - ending_frames)
    assert LIDS_AHEAD == 2


def test_lids_follow_the_gaze_down() -> None:
    open_ = [(seen.gaze[:, 1], seen.lids) for seen in map(lived, SEEDS)]
    down = np.mean([lids[(up < -0.1) & (lids < 0.4)].mean() for up, lids in open_])
    ahead = np.mean([lids[(np.abs(up) < 0.03) & (lids < 0.4)].mean() for up, lids in open_])
    assert down > ahead + 0.02


def test_brows_are_held_over_a_phrase_and_do_not_follow_its_loudness() -> None:
    likeness = []
    for seed in SEEDS:
        voice, loudness, pitch = spoken(seed=sum(seed.encode()))
        level, _ = Brows(seed).move(Phrasing(seed).hear(voice, loudness, pitch))
        said = voice > 0
        likeness.append(np.corrcoef(level[said], loudness[said])[0, 1])
        assert level.std() > 0.05
    assert abs(np.mean(likeness)) < 0.15


def test_smile_and_squint_differ_from_clip_to_clip() -> None:
    def mean(seed: str) -> tuple[float, float]:
        smile, squint = Warmth(seed, 0.05).move(lived("one").speech)
        return float(smile.mean()), float(squint.mean())

    smiles, squints = np.array([mean(seed) for seed in SEEDS]).T
    assert smiles.std() > 0.01
    assert squints.std() > 0.01
    assert 0.02 < smiles.mean() < 0.09


@given(seed=st.text(max_size=4), period=st.integers(1, 40))
def test_a_noise_is_bounded_and_smooth(seed: str, period: int) -> None:
    noise = Noise(seed, "name", period)
    values = noise.take(5 * period)
    assert max(np.abs(values)) <= 1
    assert np.abs(np.diff(values)).max(initial=0) < 2 / period


@given(pace=st.floats(1, 12), targets=st.lists(st.floats(-1, 1), min_size=1, max_size=60))
def test_a_glide_stays_within_its_targets(pace: float, targets: Sequence[float]) -> None:
    glide = Glide(pace)
    values = [glide.step(target) for target in targets for _ in range(10)]
    assert max(np.abs(values)) <= max(np.abs(targets)) * 1.35 + 1e-9


def test_a_voice_is_found_by_its_loudness_alone() -> None:
    voice, loudness, _ = spoken()
    found = LoudVoice().of(loudness) > 0.5
    assert (found == (voice > 0.5)).mean() > 0.9
    assert not LoudVoice().of(np.full(90, -80.0)).any()
