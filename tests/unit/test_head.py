"""The packaged head: what exporters and the page rely on, measured on the mesh itself."""

import numpy as np
import pytest

from emotalk.face import ARKIT_NAMES, INDEX
from emotalk.head import load_head
from emotalk.head.container import pack_glb, read_glb


def weights(**shapes: float) -> np.ndarray:
    frame = np.zeros(52, np.float32)
    for name, value in shapes.items():
        frame[INDEX[name]] = value
    return frame


def part(name: str):
    return next(part for part in load_head().parts if part.name == name)


def test_every_blendshape_moves_the_head():
    reach = np.linalg.norm(load_head().deltas, axis=2).max(axis=1)
    assert dict(zip(ARKIT_NAMES, reach > 0.001, strict=True)) == dict.fromkeys(ARKIT_NAMES, True)


def test_the_head_is_as_large_as_a_head():
    size = np.ptp(load_head().vertices, axis=0)
    assert (size > 0.15).all()
    assert (size < 0.40).all()


def test_its_parts_follow_each_other_and_their_triangles_stay_within_them():
    head = load_head()
    assert [piece.name for piece in head.parts] == ["skin", "eyes", "teeth", "gums", "tongue", "lashes"]
    for piece in head.parts:
        used = np.unique(head.triangles[piece.triangles])
        assert (used[0], used[-1]) == (piece.vertices.start, piece.vertices.stop - 1)
    assert head.parts[-1].vertices.stop == len(head.vertices)
    assert head.parts[-1].triangles.stop == len(head.triangles)


def test_triangles_are_seen_from_outside():
    head = load_head()
    corners = head.vertices[head.triangles]
    across = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    facing = (across * head.normals[head.triangles].mean(axis=1)).sum(axis=1)
    assert (facing > 0).mean() > 0.998


def test_an_open_jaw_parts_the_lips_and_mouth_close_brings_them_together_again():
    closed = load_head().lip_gap(weights())
    assert closed < 0.002
    assert load_head().lip_gap(weights(jawOpen=0.5)) > 0.012
    assert load_head().lip_gap(weights(jawOpen=0.5, mouthClose=0.5)) < closed + 0.002


@pytest.mark.parametrize(("name", "side"), [("eyeBlinkLeft", 1), ("mouthSmileRight", -1)])
def test_left_is_the_characters_left(name: str, side: int):
    head = load_head()
    moved = np.linalg.norm(head.deltas[INDEX[name]], axis=1) > 0.003
    assert (np.sign(head.vertices[moved, 0]) == side).mean() > 0.98


@pytest.mark.parametrize("side", ["Left", "Right"])
@pytest.mark.parametrize(
    ("name", "way"), [("Up", (0, 1)), ("Down", (0, -1)), ("Out", (1, 0)), ("In", (-1, 0))]
)  # fmt: skip
def test_the_eyeballs_turn_about_their_middle_the_way_they_look(name: str, way: tuple[int, int], side: str):
    head, eyes, left = load_head(), part("eyes").vertices, 1 if side == "Left" else -1
    ball = head.vertices[eyes, 0] * left > 0
    rest = head.vertices[eyes][ball]
    turned = head.pose(weights(**{f"eyeLook{name}{side}": 1}))[eyes]
    pupil = rest[:, 2].argmax()
    moved = (turned[ball] - rest)[pupil, :2] * (left, 1)
    assert moved @ way > 0.006
    assert abs(moved @ way[::-1]) < 0.001
    assert np.array_equal(turned[~ball], head.vertices[eyes][~ball]), "the other eye stays"
    between = np.linalg.norm(turned[ball][:, None] - turned[ball][None], axis=2)
    assert np.abs(between - np.linalg.norm(rest[:, None] - rest[None], axis=2)).max() < 1e-4, "it keeps its shape"


def test_the_tongue_comes_out_of_the_mouth_and_moves_alone():
    head = load_head()
    tongue = part("tongue")
    out = head.pose(weights(jawOpen=0.4, tongueOut=1))
    skin = head.pose(weights(jawOpen=0.4))[part("skin").vertices]
    mouth = skin[(np.abs(skin[:, 0]) < 0.01) & (np.abs(skin[:, 1] + 0.04) < 0.02)]
    assert out[tongue.vertices, 2].max() > mouth[:, 2].max() + 0.005
    assert not head.deltas[INDEX["tongueOut"], part("skin").vertices].any()


def test_nobody_can_write_into_the_shared_head():
    with pytest.raises(ValueError, match="read-only"):
        load_head().vertices[0] = 0


def test_a_glb_that_is_read_and_written_again_is_the_same():
    document, binary = {"asset": {"version": "2.0"}, "buffers": [{"byteLength": 5}]}, b"12345"
    assert read_glb(pack_glb(document, binary)) == (document, b"12345\0\0\0")


def test_bytes_that_are_no_glb_are_refused_with_a_sentence():
    with pytest.raises(ValueError, match="not a GLB"):
        read_glb(b"RIFF and so on, a sound")
