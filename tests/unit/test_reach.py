"""How far a voice opens its mouth: by how lively and how stirred it is, not by the gain of its microphone."""

from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from emotalk.expression.phrasing import Speech
from emotalk.expression.reach import LEAST, MOST, Reach
from emotalk.face import BLENDSHAPES, INDEX

FRAMES = 240
JAW, CLOSE, SMILE = INDEX["jawOpen"], INDEX["mouthClose"], INDEX["mouthSmileLeft"]


def speech(stress: float | np.ndarray, quiet: np.ndarray | None = None) -> Speech:
    curve = np.broadcast_to(np.asarray(stress, float), FRAMES).copy()
    still, no = np.zeros(FRAMES), np.zeros(FRAMES, np.int64)
    return Speech(curve, still, still, still + 1, no > 0, no + 1, no if quiet is None else quiet)


def part(whole: Speech, frames: slice) -> Speech:
    return Speech(*(getattr(whole, name)[frames] for name in Speech.__dataclass_fields__))


def opened(
    stress: float | np.ndarray,
    stirring: float | np.ndarray,
    quiet: np.ndarray | None = None,
    cuts: tuple[int, ...] = (),
) -> np.ndarray:
    """A jaw of .5 with lips of .2 over it, and a smile, after so many frames of this voice."""
    face = np.zeros((FRAMES, BLENDSHAPES), np.float32)
    face[:, JAW], face[:, CLOSE], face[:, SMILE] = 0.5, 0.2, 0.3
    whole, reach = speech(stress, quiet), Reach()
    curve = np.broadcast_to(np.asarray(stirring, float), FRAMES)
    places = [0, *sorted(cuts), FRAMES]
    pieces = [slice(*pair) for pair in pairwise(places)]
    return np.concatenate([reach.open(face[p], part(whole, p), curve[p]) for p in pieces])


def test_a_lively_voice_opens_its_mouth_further_than_a_level_one_and_a_stirred_one_further_than_a_calm_one() -> None:
    jaws = {which: opened(*which)[-1, JAW] for which in ((0.1, 0.0), (0.7, 0.0), (0.1, 0.4), (0.7, 0.4))}
    assert jaws[0.1, 0.0] < 0.5 < jaws[0.7, 0.4]
    assert jaws[0.7, 0.0] > 1.15 * jaws[0.1, 0.0]
    assert jaws[0.1, 0.4] > 1.3 * jaws[0.1, 0.0]


def test_it_takes_seconds_not_syllables() -> None:
    syllables = opened(np.resize([0.0, 0.0, 0.9, 0.9], FRAMES), 0.0)
    assert np.abs(np.diff(syllables[60:, JAW])).max() < 0.01
    assert np.abs(np.diff(opened(0.0, np.r_[np.zeros(120), np.ones(120)])[:, JAW])).max() < 0.03


def test_where_nobody_listens_the_voice_alone_decides() -> None:
    np.testing.assert_allclose(opened(0.37, np.nan)[:, JAW], 0.5, atol=1e-6)
    assert opened(0.7, np.nan)[-1, JAW] > 0.5


def test_pauses_teach_nothing() -> None:
    quiet = np.zeros(FRAMES, np.int64)
    quiet[60:] = np.arange(1, FRAMES - 59)
    jaw = opened(np.r_[np.full(60, 0.6), np.zeros(FRAMES - 60)], 0.3, quiet)[:, JAW]
    assert (jaw[60:] == jaw[59]).all()


@given(
    seed=st.integers(0, 99),
    cuts=st.lists(st.integers(0, FRAMES), max_size=5),
)
def test_it_keeps_its_bounds_what_is_shut_stays_shut_and_no_cut_changes_a_byte(seed: int, cuts: list[int]) -> None:
    draw = np.random.default_rng(seed)
    stress, stirring = draw.random(FRAMES), draw.random(FRAMES)
    whole = opened(stress, stirring)
    assert opened(stress, stirring, cuts=tuple(cuts)).tobytes() == whole.tobytes()
    assert (whole[:, JAW] >= 0.5 * LEAST - 1e-6).all()
    assert (whole[:, JAW] <= 0.5 * MOST + 1e-6).all()
    np.testing.assert_allclose(whole[:, CLOSE] / whole[:, JAW], 0.4, rtol=1e-5)
    assert (whole[:, SMILE] == np.float32(0.3)).all()
