"""Heads of other makers read ARKit's names in other ways: lips that should meet do so on all of them."""

from collections.abc import Mapping

import pytest

from training.conventions import HEADS, head_of, said

SHAPES = pytest.mark.parametrize("shapes", HEADS.values(), ids=HEADS)


@SHAPES
@pytest.mark.parametrize("phone", ["P", "B", "M"])
def test_lips_meet_whatever_the_head_makes_of_the_names(shapes: Mapping[str, float], phone: str) -> None:
    assert head_of(shapes).lip_gap(said(phone)) < 0.0005


@SHAPES
def test_rounding_opens_far_less_than_an_open_vowel(shapes: Mapping[str, float]) -> None:
    head = head_of(shapes)
    assert all(head.lip_gap(said(phone)) < 0.45 * head.lip_gap(said("AA")) for phone in ("W", "UW", "SH"))
