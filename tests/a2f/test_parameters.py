"""Audio2Face-3D's parameters, row by row of the page's table: what they do, and what their caller hears of the rest."""

import math
from typing import Any

import numpy as np
import pytest

from emotalk.performance import Performance
from emotalk.wire.a2f import a2f_pb2
from emotalk.wire.audio2face_emotions import CallersEmotions, read_settings
from emotalk.wire.audio2face_parameters import Remarks
from tests.a2f.caller import Heard, clip, hear, pcm
from tests.a2f.page import BLEND_SHAPES
from tests.integration.served import Inside

INFO, WARNING = 1, 2
SOUND = pcm(1.5)
FACE = {
    "upperFaceStrength": (0, 2), "lowerFaceStrength": (0, 2), "upperFaceSmoothing": (0, 0.1),
    "lowerFaceSmoothing": (0, 0.1), "skinStrength": (0, 2), "blinkStrength": (0, 2), "eyelidOpenOffset": (-1, 1),
    "lipOpenOffset": (-0.2, 0.2), "blinkOffset": (-1, 1),
}  # fmt: skip
NEUTRAL = {name: 1.0 if name.endswith("Strength") else 0.0 for name in FACE}
UNUSED = ["faceMaskLevel", "faceMaskSoftness", "tongueStrength", "tongueHeightOffset", "tongueDepthOffset"]


def drawn(served: Inside, **parameters: Any) -> Heard:
    heard = hear(served.channel, clip(SOUND, **parameters))
    assert heard.kinds[-2:] == ["event", "status"]
    assert heard.kinds.index("animation_data") > max(
        (i for i, kind in enumerate(heard.kinds[:-1]) if kind == "status"), default=0
    )
    return heard


@pytest.fixture(scope="module")
def plain(served: Inside) -> np.ndarray:
    return drawn(served).rows


def test_neutral_values_change_not_a_byte_and_nothing_is_said(served: Inside, plain: np.ndarray) -> None:
    heard = drawn(
        served,
        face_params={"float_params": NEUTRAL},
        blendshape_params={
            "bs_weight_multipliers": dict.fromkeys(BLEND_SHAPES, 1.0),
            "bs_weight_offsets": dict.fromkeys(BLEND_SHAPES, 0.0),
            "enable_clamping_bs_weight": False,
        },
        emotion_params={"live_transition_time": 0.5},
        emotion_post_processing_params={
            "emotion_contrast": 1.0, "live_blend_coef": 0.7, "enable_preferred_emotion": True,
            "preferred_emotion_strength": 0.5, "emotion_strength": 0.6, "max_emotions": 3,
        },
    )  # fmt: skip
    assert heard.rows.tobytes() == plain.tobytes()
    assert len(heard.statuses) == 1


@pytest.mark.parametrize("name", FACE)
@pytest.mark.parametrize("end", [0, 1])
def test_the_ends_of_every_range_are_taken_without_a_word_and_change_the_face(
    served: Inside, plain: np.ndarray, name: str, end: int
) -> None:
    value = FACE[name][end]
    heard = drawn(served, face_params={"float_params": {name: value}})
    assert len(heard.statuses) == 1
    moves = {"upperFaceStrength", "upperFaceSmoothing", "blinkStrength"}  # the test engine draws no such thing
    if value != NEUTRAL[name] and name not in moves:
        assert heard.rows.tobytes() != plain.tobytes()


@pytest.mark.parametrize("name", FACE)
def test_what_is_out_of_range_is_held_to_it_and_named(served: Inside, name: str) -> None:
    low, high = FACE[name]
    for sent, taken in ((low - 0.5, low), (high + 0.5, high), (math.nan, NEUTRAL[name])):
        heard = drawn(served, face_params={"float_params": {name: sent}})
        [warning] = heard.said(WARNING)
        assert warning.startswith(f"{name}: ")
        assert np.array_equal(heard.rows, drawn(served, face_params={"float_params": {name: taken}}).rows)


def test_the_defaults_of_the_page_are_ours_to_the_last_bit() -> None:
    """They come as floats of 32 bits: a strength of 0.6000000238 would be another face."""
    processing = a2f_pb2.EmotionPostProcessingParameters(preferred_emotion_strength=0.5, emotion_strength=0.6)
    said = CallersEmotions(read_settings(processing, a2f_pb2.EmotionParameters(), Remarks()), Remarks())
    assert said.performance() == Performance(preferred_emotion_strength=0.5)


def test_what_has_no_meaning_here_is_said_once(served: Inside, plain: np.ndarray) -> None:
    heard = drawn(served, face_params={"float_params": dict.fromkeys(UNUSED, 0.3)})
    [info] = heard.said(INFO)
    assert all(name in info for name in UNUSED)
    assert not heard.said(WARNING)
    assert np.array_equal(heard.rows, plain)


@pytest.mark.parametrize(
    "parameters",
    [
        {"face_params": {"float_params": {"noseLength": 1.0}}},
        {"face_params": {"integer_params": {"noseLength": 1}}},
        {"face_params": {"float_array_params": {"noseLength": {"values": [1.0]}}}},
        {"blendshape_params": {"bs_weight_multipliers": {"noseLength": 1.0}}},
        {"blendshape_params": {"bs_weight_offsets": {"noseLength": 1.0}}},
        {"emotion_params": {"beginning_emotion": {"noseLength": 1.0}}},
    ],
    ids=lambda parameters: next(iter(next(iter(parameters.values())))),
)
def test_an_unknown_name_is_a_warning_that_names_it(
    served: Inside, plain: np.ndarray, parameters: dict[str, Any]
) -> None:
    heard = drawn(served, **parameters)
    [warning] = heard.said(WARNING)
    assert "noseLength" in warning
    assert np.array_equal(heard.rows, plain)


@pytest.mark.parametrize(
    "elsewhere", [{"integer_params": {"skinStrength": 1}}, {"float_array_params": {"skinStrength": {}}}]
)
def test_a_known_name_in_another_map_is_told_where_it_belongs(
    served: Inside, plain: np.ndarray, elsewhere: dict[str, Any]
) -> None:
    heard = drawn(served, face_params=elsewhere)
    assert heard.said(WARNING) == ["face_params: skinStrength is ignored: send it in float_params"]
    assert np.array_equal(heard.rows, plain)


def test_multipliers_and_offsets_are_by_name_and_clamped_where_asked(served: Inside, plain: np.ndarray) -> None:
    jaw, funnel = BLEND_SHAPES.index("JawOpen"), BLEND_SHAPES.index("MouthFunnel")
    asked = {"bs_weight_multipliers": {"JawOpen": 4.0}, "bs_weight_offsets": {"MouthFunnel": 1.25}}
    free = drawn(served, blendshape_params=asked).rows
    held = drawn(served, blendshape_params={**asked, "enable_clamping_bs_weight": True}).rows
    assert np.array_equal(free[:, jaw], plain[:, jaw] * 4)
    assert np.array_equal(free[:, funnel], plain[:, funnel] + np.float32(1.25))
    assert np.array_equal(held, np.clip(free, 0, 1))
    others = [i for i in range(52) if i not in (jaw, funnel)]
    assert np.array_equal(free[:, others], plain[:, others])


@pytest.mark.parametrize("where", ["bs_weight_multipliers", "bs_weight_offsets"])
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 3e38, -1001.0])
def test_a_weight_that_no_face_has_is_named_and_every_value_stays_a_number(
    served: Inside, where: str, value: float
) -> None:
    heard = drawn(served, blendshape_params={where: {"JawOpen": value, "MouthFunnel": 1000.0}})
    [warning] = heard.said(WARNING)
    assert warning.startswith(f"{where}: JawOpen: ")
    assert np.isfinite(heard.rows).all()
