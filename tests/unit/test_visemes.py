"""The 52 shapes as visemes: lips that meet stay together, vowels open, and each set has its published names."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from docs.visemes import PLACE, written
from emotalk.engines.builtin.poses import PHONE, POSES, SHAPES
from emotalk.errors import InvalidRequest
from emotalk.export import load, save
from emotalk.export.form import HEADS, Form
from emotalk.export.resampling import lip_gap
from emotalk.export.visemes import AZURE, OCULUS, SETS, VRM, shape_clip
from emotalk.face import ARKIT_NAMES, INDEX, FaceClip

CLOSED = {"vrm": (), "oculus": ("sil", "PP", "FF"), "azure": ("viseme_0", "viseme_18", "viseme_21")}
BLINKS = ("blink", "blinkLeft", "blinkRight")


def face(**shapes: float) -> np.ndarray:
    row = np.zeros((1, 52), np.float32)
    for name, value in shapes.items():
        row[0, [INDEX[each] for each in ARKIT_NAMES if each in (name, f"{name}Left", f"{name}Right")]] = value
    return row


def said(phone: str) -> np.ndarray:
    return face(**dict(zip(SHAPES, POSES[PHONE[phone]].tolist(), strict=True)))


def seen(frame: np.ndarray, kind: str) -> dict[str, float]:
    clip = shape_clip(FaceClip(frame), kind)
    return dict(zip(clip.names, clip.frames[0].tolist(), strict=True))


@pytest.mark.parametrize("viseme", [name for name in OCULUS if name not in ("sil", "PP")])
def test_the_pose_of_a_viseme_is_seen_as_that_viseme(viseme: str) -> None:
    poses = [said(phone) for phone in OCULUS[viseme].split()]
    weights = seen(np.mean(poses, axis=0, dtype=np.float32), "oculus")
    assert weights[viseme] > 0.5
    assert weights[viseme] == max(weights.values())


@pytest.mark.parametrize(
    ("kind", "phone", "viseme"),
    [
        *(("vrm", phone, name) for phone, name in zip("AA IY UW EH OW".split(), VRM, strict=True)),
        *(("azure", phone, f"viseme_{number}") for phone, number in (("AA", 2), ("S", 15), ("F", 18), ("TH", 17))),
        *(("oculus", phone, name) for phone, name in (("S", "SS"), ("F", "FF"), ("R", "RR"), ("AA", "aa"))),
    ],
)
def test_a_phone_is_seen_as_its_viseme(kind: str, phone: str, viseme: str) -> None:
    weights = seen(said(phone), kind)
    assert weights[viseme] == max(weights.values()) > 0.4


@given(arrays(np.float32, (4, 52), elements=st.floats(0, 1, width=32)), st.sampled_from(list(SETS)))
def test_weights_are_shares_and_where_lips_meet_nothing_opens(frames: np.ndarray, kind: str) -> None:
    frames[0, INDEX["mouthClose"]], frames[0, INDEX["jawOpen"]] = 1, 0.4
    frames[0, [INDEX["mouthLowerDownLeft"], INDEX["mouthLowerDownRight"], INDEX["mouthUpperUpLeft"]]] = 0
    clip = shape_clip(FaceClip(frames), kind)
    mouth = clip.frames[:, [name not in BLINKS for name in clip.names]]
    assert mouth.min() >= 0
    assert np.all(mouth.sum(axis=1) <= 1 + 1e-5)
    assert np.allclose(mouth.sum(axis=1), 1, atol=1e-5) or kind == "vrm"
    opening = clip.frames[:, [name not in (*CLOSED[kind], *BLINKS) for name in clip.names]]
    assert not opening[lip_gap(frames) == 0].any()


def test_lips_that_are_pressed_together_are_the_viseme_of_p_b_and_m() -> None:
    pressed = face(jawOpen=0.1, mouthClose=0.1, mouthPress=0.3, mouthRollUpper=0.15)
    assert seen(pressed, "oculus")["PP"] > 0.9
    assert seen(pressed, "azure")["viseme_21"] > 0.9
    assert not any(seen(pressed, "vrm").values())


@pytest.mark.parametrize("kind", SETS)
def test_a_face_at_rest_is_silence_and_a_clip_knows_it(kind: str) -> None:
    clip = shape_clip(FaceClip(np.zeros((1, 52), np.float32)), kind)
    assert np.array_equal(clip.frames[0], clip.neutral)


def test_a_blink_of_both_eyes_is_one_weight_and_a_wink_is_its_own() -> None:
    assert [seen(face(eyeBlink=0.8), "vrm")[name] for name in BLINKS] == pytest.approx([0.8, 0, 0])
    assert [seen(face(eyeBlinkLeft=0.8), "vrm")[name] for name in BLINKS] == pytest.approx([0, 0.8, 0])


def test_the_sets_have_their_published_names() -> None:
    assert list(VRM) == ["aa", "ih", "ou", "ee", "oh"]
    assert list(OCULUS) == "sil PP FF TH DD kk CH SS nn RR aa E ih oh ou".split()
    assert list(AZURE) == [f"viseme_{number}" for number in range(22)]


@pytest.mark.parametrize("suffix", [".json", ".csv", ".npz", ".npy"])
def test_files_name_the_visemes_and_are_not_read_back_as_the_52(tmp_path: Path, suffix: str) -> None:
    save(Form("24", "oculus").of(FaceClip(np.repeat(said("AA"), 30, axis=0))), tmp_path / f"a{suffix}")
    if suffix in (".json", ".csv"):
        assert "PP" in (tmp_path / f"a{suffix}").read_text()
    with pytest.raises(Exception, match=r"clip: .*a\."):
        load(tmp_path / f"a{suffix}")


@pytest.mark.parametrize("suffix", HEADS)
def test_a_head_of_52_shapes_cannot_have_visemes_and_that_is_said_first(suffix: str) -> None:
    with pytest.raises(InvalidRequest, match="shapes"):
        Form("", "vrm").check(suffix)
    Form("24").check(suffix)


def test_the_page_has_the_same_poses() -> None:
    assert PLACE.read_text("utf-8") == written(), "type: make docs"


def test_a_form_that_is_not_one_is_refused_with_those_that_are() -> None:
    with pytest.raises(InvalidRequest, match=r"fps.*29\.97"):
        Form("23")
    with pytest.raises(InvalidRequest, match=r"shapes.*oculus"):
        Form("24", "metahuman")
