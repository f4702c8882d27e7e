"""The mouth that phones make: it meets at P, B and M, parts before a word, and knows nothing but its own window."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emotalk.engines.builtin.mouth import Sight, draw_mouth
from emotalk.engines.builtin.plan import CLIP
from emotalk.engines.builtin.poses import PHONE, PHONES, POSES, SHAPE, SHAPES
from emotalk.face import INDEX

ROWS = CLIP.past + CLIP.hop + CLIP.ahead + 1
COUNT = CLIP.hop_frames
NOT_OF_THE_LIPS = [name for name in PHONES if name not in ("SIL", "P", "B", "M", "F", "V", "W")]


def said(*phones: tuple[float, str]) -> np.ndarray:
    """Shares of a window in which each phone begins at its second of the block; SIL before the first."""
    shares = np.zeros((ROWS, len(PHONES)), np.float32)
    starts = [CLIP.past + round(50 * start) for start, _ in phones]
    for start, stop, name in zip([0, *starts], [*starts, ROWS], ["SIL", *(name for _, name in phones)], strict=True):
        shares[start:stop, PHONE[name]] = 1
    return shares


def mouth_of(shares: np.ndarray, voice: float | np.ndarray = 1.0) -> np.ndarray:
    heard = np.broadcast_to(np.asarray(voice, np.float32), COUNT + CLIP.foresight)
    return draw_mouth(shares, CLIP.past, heard, COUNT)


def gap(mouth: np.ndarray) -> np.ndarray:
    """How far lips are apart, ≥ 0."""
    value = lambda name: mouth[:, SHAPE[name]]  # noqa: E731
    pressed = value("mouthPress") + (value("mouthRollLower") + value("mouthRollUpper")) / 2
    parted = value("mouthLowerDown") + value("mouthUpperUp")
    return np.maximum(0, value("jawOpen") - value("mouthClose") + (parted - pressed) / 2)


def live_mouth(shares: np.ndarray) -> np.ndarray:
    """The same window as a live stream has it: it knows little of what comes, and what went before."""
    return draw_mouth(shares, CLIP.past + 15, np.ones(COUNT + 2, np.float32), COUNT, Sight(hindsight=12))


def at(curve: np.ndarray, second: float) -> float:
    return float(curve[round(30 * second)])


@pytest.mark.parametrize("name", ["P", "B", "M"])
@pytest.mark.parametrize("vowel", ["AA", "IY", "UW"])
def test_lips_meet_in_a_labial_between_vowels(name: str, vowel: str) -> None:
    lips = gap(mouth_of(said((0, vowel), (0.5, name), (0.6, vowel))))
    assert lips[14:18].min() == 0
    assert at(lips, 0.25) > 0.08


@pytest.mark.parametrize("name", NOT_OF_THE_LIPS)
def test_lips_stay_apart_in_every_other_sound(name: str) -> None:
    assert at(gap(mouth_of(said((0, "AA"), (0.5, name), (0.6, "AA")))), 0.55) > 0.1


@pytest.mark.parametrize("name", ["F", "V"])
def test_the_lower_lip_goes_under_the_teeth(name: str) -> None:
    mouth = mouth_of(said((0, "AA"), (0.5, name), (0.6, "AA")))
    assert at(mouth[:, SHAPE["mouthRollLower"]], 0.53) > 0.3
    assert at(mouth[:, SHAPE["mouthPress"]], 0.53) == 0


def test_rounding_narrows_and_does_not_open_and_spreading_opens_less_than_a_low_jaw() -> None:
    pose = lambda name: POSES[PHONE[name]]  # noqa: E731
    for name in ("UW", "W", "UH", "OW", "AO"):
        assert pose(name)[SHAPE["mouthPucker"]] > 2 * pose(name)[SHAPE["mouthFunnel"]], name
        assert gap(pose(name)[None])[0] < 0.6 * gap(pose("AA")[None])[0], name
    assert all(
        gap(pose(open_)[None]) > 1.5 * gap(pose(spread)[None]) for open_ in ("AA", "AE") for spread in ("IY", "IH")
    )


def test_lips_part_before_a_word_and_not_long_before() -> None:
    lips = gap(mouth_of(said((1.2, "AA"))))
    assert lips[: round(30 * 0.7)].max() == 0
    assert at(lips, 0.95) > 0.05
    assert (np.diff(lips[20:34]) >= -1e-6).all(), "they do not shut again"


@pytest.mark.parametrize("name", ["P", "B", "M"])
def test_a_clip_that_begins_with_a_labial_begins_with_lips_that_meet(name: str) -> None:
    lips = gap(mouth_of(said((0, name), (0.06, "AA"))))
    assert lips[0] == 0
    assert at(lips, 0.2) > 0.3


def test_live_the_lips_stay_parted_a_little_after_a_word_and_then_shut() -> None:
    lips = gap(live_mouth(said((0, "AA"), (0.6, "SIL"))))
    end = 9
    assert lips[end + 1 : end + 6].min() > 0.05
    assert lips[end + 15 :].max() == 0
    assert (np.diff(lips[end + 1 : end + 15]) < 0.01).all(), "they do not open again"


def test_lips_stay_parted_in_a_short_pause_and_shut_after_the_last_word() -> None:
    lips = gap(mouth_of(said((0, "AA"), (0.3, "SIL"), (0.6, "AA"), (0.9, "SIL"))))
    assert lips[:28].min() > 0.05
    assert lips[round(30 * 1.1) :].max() == 0


@given(seed=st.integers(0, 999))
@settings(max_examples=30)
def test_without_a_voice_the_mouth_is_shut_whatever_the_network_hears(seed: int) -> None:
    shares = np.random.default_rng(seed).dirichlet(np.full(len(PHONES), 0.1), ROWS).astype(np.float32)
    assert not mouth_of(shares, 0.0).any()


@given(seed=st.integers(0, 999))
@settings(max_examples=30)
def test_a_mouth_keeps_its_bounds_and_never_closes_further_than_its_jaw_is_open(seed: int) -> None:
    draw = np.random.default_rng(seed)
    shares = draw.dirichlet(np.full(len(PHONES), 0.05), ROWS).astype(np.float32)
    mouth = mouth_of(shares, draw.random(COUNT + CLIP.foresight))
    assert mouth.dtype == np.float32
    assert mouth.min() >= 0
    assert mouth.max() <= 1
    assert (mouth[:, SHAPE["mouthClose"]] <= mouth[:, SHAPE["jawOpen"]]).all()


def test_a_window_has_all_that_its_last_frame_is_drawn_from() -> None:
    rows, count = CLIP.past + CLIP.hop + CLIP.ahead + 1, CLIP.hop_frames
    shares = np.zeros((rows, len(PHONES)), np.float32)
    shares[:, PHONE["SIL"]] = 1
    voice = np.ones(count + CLIP.foresight, np.float32)
    quiet = draw_mouth(shares, CLIP.past, voice, count)
    # What lies at a window's end is heard least well: no frame may hang on it alone.
    shares[-1] = np.eye(len(PHONES))[PHONE["AA"]]
    np.testing.assert_allclose(draw_mouth(shares, CLIP.past, voice, count), quiet, atol=0.02)


def test_every_shape_is_a_column_of_the_face_or_a_pair_of_them() -> None:
    assert all(name in INDEX or {f"{name}Left", f"{name}Right"} <= INDEX.keys() for name in SHAPES)
