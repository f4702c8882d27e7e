"""The turn of the head in every kind of file: named, in degrees, read back by others, absent where it is not asked."""

import csv
import json
import subprocess
from pathlib import Path

import numpy as np
import pygltflib
import pytest
from pxr import Gf, Usd, UsdGeom, UsdSkel

from emotalk.export import load, save
from emotalk.export.livelink import ROTATIONS
from emotalk.face import ARKIT_NAMES, HEAD_NAMES, INDEX, FaceClip
from emotalk.head import load_head
from emotalk.head.studio import Studio
from emotalk.head.turn import PIVOT, quaternions, rotation, turn_head, turning_share
from tests.node.lent import node_modules

CHANCE = np.random.default_rng(8)
FRAMES = CHANCE.random((9, 52), np.float32) * np.float32(0.3)
HEAD = CHANCE.uniform(-12, 12, (9, 3)).astype(np.float32)
WITH, WITHOUT = FaceClip(FRAMES, head=HEAD), FaceClip(FRAMES)
AHEAD, UP, LEFT = np.array([0.0, 0, 1]), np.array([0.0, 1, 0]), np.array([1.0, 0, 0])


def turn(yaw: float = 0, pitch: float = 0, roll: float = 0) -> np.ndarray:
    return rotation(np.array([yaw, pitch, roll]))


def test_positive_is_to_its_own_left_down_and_to_its_own_right_shoulder() -> None:
    assert (turn(yaw=30) @ AHEAD) @ LEFT > 0.4
    assert (turn(pitch=30) @ AHEAD) @ UP < -0.4
    assert (turn(roll=30) @ UP) @ LEFT < -0.4, "the crown goes to the right"


def test_roll_comes_first_then_pitch_then_yaw() -> None:
    whole = turn(yaw=20, pitch=10, roll=5)
    np.testing.assert_allclose(whole, turn(yaw=20) @ turn(pitch=10) @ turn(roll=5), atol=1e-12)


@pytest.mark.parametrize("suffix", [".npz", ".csv", ".json", ".parquet", ".livelink.csv"])
def test_a_table_gives_the_head_back_and_the_same_52_values_with_and_without_it(suffix: str, tmp_path: Path) -> None:
    back, plain = (save(clip, tmp_path / f"{n}{suffix}") or load(tmp_path / f"{n}{suffix}")
                   for n, clip in enumerate((WITH, WITHOUT)))  # fmt: skip
    np.testing.assert_allclose(back.head, HEAD, atol=1e-4)
    assert plain.head is None
    assert back.frames.tobytes() == plain.frames.tobytes()


def test_columns_of_the_head_are_named_and_stand_behind_the_52(tmp_path: Path) -> None:
    for name, clip in (("with.csv", WITH), ("without.csv", WITHOUT)):
        save(clip, tmp_path / name)
    first = {name: next(csv.reader((tmp_path / name).open())) for name in ("with.csv", "without.csv")}
    assert first["without.csv"] == ["timecode", *ARKIT_NAMES]
    assert first["with.csv"] == ["timecode", *ARKIT_NAMES, "headYaw", "headPitch", "headRoll"]
    save(WITH, tmp_path / "with.npz")
    arrays = np.load(tmp_path / "with.npz")
    assert arrays["frames"].shape == (9, 52)
    assert (arrays["head"].shape, tuple(arrays["head_names"])) == ((9, 3), HEAD_NAMES)
    save(WITH, tmp_path / "with.json")
    frame = json.loads((tmp_path / "with.json").read_text())["frames"][4]
    assert frame["head"] == pytest.approx(dict(zip(("yaw", "pitch", "roll"), HEAD[4].tolist(), strict=True)))


@pytest.mark.parametrize("suffix", [".npz", ".csv", ".json", ".livelink.csv", ".glb", ".usda", ".npy"])
def test_without_a_head_a_file_is_the_one_that_old_readers_know(suffix: str, tmp_path: Path) -> None:
    save(WITHOUT, tmp_path / f"one{suffix}")
    for word in (b"headYaw", b'"head":', b'"neck', b'"turn"'):
        assert word not in (tmp_path / f"one{suffix}").read_bytes()


def test_live_link_has_head_and_eyes_in_radians_and_pitch_positive_up(tmp_path: Path) -> None:
    frames = np.zeros((1, 52), np.float32)
    frames[0, [INDEX["eyeLookOutLeft"], INDEX["eyeLookInRight"], INDEX["eyeLookUpLeft"]]] = 0.5
    save(FaceClip(frames, head=np.array([[10, 5, -3]], np.float32)), tmp_path / "one.livelink.csv")
    row = next(csv.DictReader((tmp_path / "one.livelink.csv").open()))
    turns = {name: np.degrees(float(row[name])) for name in ROTATIONS}
    assert turns == pytest.approx(
        {"HeadYaw": 10, "HeadPitch": -5, "HeadRoll": -3, "LeftEyeYaw": 15, "LeftEyePitch": 15, "LeftEyeRoll": 0,
         "RightEyeYaw": 15, "RightEyePitch": 0, "RightEyeRoll": 0}, abs=1e-4
    )  # fmt: skip


def test_the_lower_end_of_the_neck_is_pinned_and_the_skull_turns_as_one() -> None:
    head = load_head()
    share, points = turning_share(head), head.vertices
    moved = turn_head(points, share, np.array([12, 8, -6]))
    low = points[:, 1] < -0.15
    assert low.sum() > 100
    assert np.array_equal(moved[low], points[low])
    skull = (points - PIVOT) @ turn(12, 8, -6).T + PIVOT
    assert np.abs(moved - skull)[share == 1].max() < 1e-6
    for part in head.parts[1:]:
        assert (share[part.vertices] == 1).all(), part.name


def skinned(path: Path, frame: int) -> np.ndarray:
    """The points of a GLB's mesh at a frame, as the standard says they stand: morphs, then joints."""
    scene = pygltflib.GLTF2().load(str(path))
    blob = scene.binary_blob()

    def read(number: int, kind: str, width: int) -> np.ndarray:
        accessor = scene.accessors[number]
        view = scene.bufferViews[accessor.bufferView]
        start = (view.byteOffset or 0) + (accessor.byteOffset or 0)
        return np.frombuffer(blob, kind, accessor.count * width, start).reshape(-1, width)

    samplers = scene.animations[0].samplers
    channels = {channel.target.path: channel for channel in scene.animations[0].channels}
    spin = read(samplers[channels["rotation"].sampler].output, "<f4", 4)[frame]
    node = scene.nodes[channels["rotation"].target.node]
    joints = [scene.nodes[number] for number in scene.skins[0].joints]
    assert [joint.name for joint in joints] == ["neck", "turn"]
    assert node is joints[1]
    x, y, z, w = spin.astype(float)
    turns = np.eye(4)
    turns[:3, :3] = np.array([
        [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
        [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
        [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
    ])  # fmt: skip
    turns[:3, 3] = node.translation
    binds = read(scene.skins[0].inverseBindMatrices, "<f4", 16).reshape(-1, 4, 4).transpose(0, 2, 1)
    matrices = np.stack([binds[0], turns @ binds[1]])
    units = load_head().pose(FRAMES[frame]) / np.linalg.norm(binds[0][:3, 0])
    shares = np.concatenate(
        [read(primitive.attributes.WEIGHTS_0, "u1", 4)[:, :2] for primitive in scene.meshes[0].primitives]
    )
    whole = np.c_[units, np.ones(len(units))]
    return np.einsum("vj,jrc,vc->vr", shares / 255, matrices, whole)[:, :3]


def test_a_glb_bends_the_neck_as_we_do(tmp_path: Path) -> None:
    save(WITH, tmp_path / "one.glb")
    due = turn_head(load_head().pose(FRAMES[5]), turning_share(load_head()), HEAD[5])
    assert np.abs(skinned(tmp_path / "one.glb", 5) - due).max() < 3e-4


@pytest.mark.long
def test_a_glb_with_a_head_passes_the_khronos_validator_without_error_or_warning(tmp_path: Path) -> None:
    save(WITH, tmp_path / "one.glb")
    program = """
        const validator = require('gltf-validator'), fs = require('fs');
        validator.validateBytes(new Uint8Array(fs.readFileSync(process.argv[1])))
          .then(report => console.log(JSON.stringify(report.issues)));
    """
    command = ["node", "-e", program, str(tmp_path / "one.glb")]
    done = subprocess.run(command, cwd=node_modules(), capture_output=True, text=True, check=True)
    issues = json.loads(done.stdout)
    assert (issues["numErrors"], issues["numWarnings"]) == (0, 0), issues["messages"]


@pytest.mark.long
def test_usd_bends_the_neck_as_we_do(tmp_path: Path) -> None:
    save(WITH, tmp_path / "one.usda")
    stage = Usd.Stage.Open(str(tmp_path / "one.usda"))
    root = UsdSkel.Root(stage.GetDefaultPrim().GetChild("face"))
    assert UsdSkel.BakeSkinning(root, Gf.Interval(5, 5))
    head = load_head()
    due = turn_head(head.pose(FRAMES[5]), turning_share(head), HEAD[5])
    for part in head.parts:
        points = UsdGeom.Mesh(root.GetPrim().GetChild(part.name)).GetPointsAttr().Get(5)
        assert np.abs(np.array(points) - due[part.vertices]).max() < 3e-4, part.name


def test_a_film_shows_the_turn() -> None:
    studio = Studio(64)
    try:
        still, left, right = (studio.picture(np.zeros(52, np.float32), np.array([yaw, 0, 0])) for yaw in (0, 25, -25))
    finally:
        studio.close()
    bright = still.astype(int).sum(2) > 200
    assert np.abs(left.astype(int) - still)[bright].mean() > 5
    assert np.abs(left.astype(int) - right[:, ::-1]).mean() < np.abs(left.astype(int) - right).mean()


def test_quaternions_are_unit_and_zero_is_rest() -> None:
    np.testing.assert_allclose(np.linalg.norm(quaternions(HEAD), axis=1), 1)
    assert quaternions(np.zeros((1, 3))).tolist() == [[0, 0, 0, 1]]
