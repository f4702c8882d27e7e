"""What a caller may still change of a face: nothing where nothing is asked, whatever the cut, one region at a time."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emotalk.face import ARKIT_NAMES, BLENDSHAPES, INDEX, Frames
from emotalk.shaping import Adjusted, Adjustment

FACE = np.random.default_rng(7).random((60, BLENDSHAPES), dtype=np.float32)
UPPER = [i for i, n in enumerate(ARKIT_NAMES) if n.startswith(("brow", "eyeSq", "eyeWi", "cheekSq", "nose"))]
LOWER = [i for i, n in enumerate(ARKIT_NAMES) if n.startswith(("jaw", "mouth", "cheekPuff", "tongue"))]
EYES = sorted(set(range(BLENDSHAPES)) - set(UPPER) - set(LOWER))
LIDS = [INDEX["eyeBlinkLeft"], INDEX["eyeBlinkRight"]]

CHANGED = {
    "upper_strength": 0.5, "lower_strength": 1.7, "upper_smoothing": 0.05, "lower_smoothing": 0.1,
    "blink_strength": 0.4, "blink_offset": 0.2, "eyelid_offset": -0.5, "lip_offset": -0.1,
    "multipliers": (0.5,) * 52, "offsets": (0.1,) * 52, "clamp": True,
}  # fmt: skip


def adjusted(asked: Adjustment, frames: Frames = FACE) -> Frames:
    return Adjusted(asked).push(frames)


def test_every_field_is_looked_at() -> None:
    assert CHANGED.keys() == vars(Adjustment()).keys()


def test_neutral_values_change_not_a_byte() -> None:
    assert adjusted(Adjustment()).tobytes() == FACE.tobytes()
    explicit = Adjustment(multipliers=(1.0,) * 52, offsets=(0.0,) * 52, clamp=True)
    assert adjusted(explicit).tobytes() == FACE.tobytes()


@pytest.mark.parametrize("name", CHANGED)
def test_what_is_asked_changes_its_own_region_and_no_byte_of_another(name: str) -> None:
    changed = adjusted(replace(Adjustment(), **{name: CHANGED[name]}), FACE * 2 - 0.5 if name == "clamp" else FACE)
    before = FACE * 2 - 0.5 if name == "clamp" else FACE
    assert changed.tobytes() != before.tobytes()
    if name.startswith(("upper", "blink", "eyelid")):
        assert changed[:, LOWER].tobytes() == before[:, LOWER].tobytes()
    if name.startswith(("lower", "lip")):
        assert changed[:, UPPER + EYES].tobytes() == before[:, UPPER + EYES].tobytes()
    assert changed.dtype == np.float32


@given(st.lists(st.integers(0, 60), max_size=6))
def test_no_cut_changes_a_byte(cuts: list[int]) -> None:
    asked = Adjustment(**{**CHANGED, "clamp": False})
    session = Adjusted(asked)
    edges = [0, *sorted(cuts), len(FACE)]
    parts = [session.push(FACE[start:stop]) for start, stop in pairwise(edges)]
    assert np.concatenate(parts).tobytes() == adjusted(asked).tobytes()


def test_strengths_are_ranges_of_motion() -> None:
    asked = adjusted(Adjustment(upper_strength=0.5, lower_strength=2.0))
    assert np.array_equal(asked[:, UPPER], FACE[:, UPPER] * np.float32(0.5))
    assert np.array_equal(asked[:, LOWER], FACE[:, LOWER] * 2)


def test_smoothing_takes_its_time_and_arrives() -> None:
    step = np.zeros((60, BLENDSHAPES), np.float32)
    step[10:] = 1
    jaw = adjusted(Adjustment(lower_smoothing=0.1), step)[:, INDEX["jawOpen"]]
    assert jaw[9] == 0
    assert jaw[10 + 3] == pytest.approx(1 - np.exp(-4 / 3), abs=1e-6)
    assert jaw[-1] == pytest.approx(1, abs=1e-3)
    assert (np.diff(jaw) >= 0).all()


@pytest.mark.parametrize(("offset", "shut"), [(-1.0, 1.0), (0.0, None), (1.0, None)])
def test_the_lids_can_be_shut_and_opened_wide_and_a_blink_is_still_one(offset: float, shut: float | None) -> None:
    face = FACE.copy()
    face[30, LIDS] = 1
    asked = adjusted(Adjustment(eyelid_offset=offset), face)
    if shut is not None:
        assert (asked[:, LIDS] == shut).all()
    assert (asked[30, LIDS] == 1).all()
    wide = asked[:, INDEX["eyeWideLeft"]] - face[:, INDEX["eyeWideLeft"]]
    assert (wide >= 0).all()
    assert wide[30] == 0


def test_lips_can_be_held_shut_over_any_jaw_and_apart() -> None:
    shut, apart = (adjusted(Adjustment(lip_offset=offset)) for offset in (-0.2, 0.2))
    assert np.array_equal(shut[:, INDEX["mouthClose"]], FACE[:, INDEX["jawOpen"]])
    assert (shut[:, INDEX["mouthUpperUpLeft"]] == 0).all()
    assert (apart[:, INDEX["mouthLowerDownRight"]] > FACE[:, INDEX["mouthLowerDownRight"]]).all()


def test_multipliers_come_before_offsets_and_only_a_clamp_keeps_the_range() -> None:
    asked = Adjustment(multipliers=(2.0,) * 52, offsets=(0.5,) * 52)
    assert np.array_equal(adjusted(asked), FACE * 2 + np.float32(0.5))
    assert adjusted(asked).max() > 1
    assert adjusted(replace(asked, clamp=True)).max() <= 1
