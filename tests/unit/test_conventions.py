"""Heads of other makers read ARKit's names in other ways: lips that should meet do so on all of them."""

from collections.abc import Mapping

import numpy as np
import pytest

from emotalk.head import HEAD_GLB, load_head
from training.conventions import HEADS, head_of, said
from training.foreign import of_glb

SHAPES = pytest.mark.parametrize("shapes", HEADS.values(), ids=HEADS)


@SHAPES
@pytest.mark.parametrize("phone", ["P", "B", "M"])
def test_lips_meet_whatever_the_head_makes_of_the_names(shapes: Mapping[str, float], phone: str) -> None:
    assert head_of(shapes).lip_gap(said(phone)) < 0.0005


@SHAPES
def test_rounding_opens_far_less_than_an_open_vowel(shapes: Mapping[str, float]) -> None:
    head = head_of(shapes)
    assert all(head.lip_gap(said(phone)) < 0.45 * head.lip_gap(said("AA")) for phone in ("W", "UW", "SH"))


def test_a_head_that_is_read_from_any_glb_moves_as_the_head_of_the_package() -> None:
    theirs, ours = of_glb(HEAD_GLB), load_head()
    assert np.allclose(theirs.deltas.std(axis=(1, 2)), ours.deltas.std(axis=(1, 2)), rtol=0.1)
    assert theirs.lip_gap(said("AA")) == pytest.approx(ours.lip_gap(said("AA")), rel=0.1)
    assert all(theirs.lip_gap(said(phone)) < 0.0005 for phone in "PBM")
