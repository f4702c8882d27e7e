"""The head as animators open it: GLB, USD and film, each read back by somebody else's reader."""

import json
import os
import re
import subprocess
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from shutil import which

import av
import numpy as np
import pygltflib
import pytest
from pxr import Gf, Usd, UsdGeom, UsdSkel

from emotalk.errors import ConfigurationError
from emotalk.export import check_place, film, save
from emotalk.face import ARKIT_NAMES, INDEX, FaceClip, Frames
from emotalk.head import load_head
from emotalk.head.container import read_accessor, read_glb
from tests.node.lent import node_modules
from tests.unit.audio_files import wav

FRAMES = np.random.default_rng(3).random((12, 52), np.float32)


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """0.4 s, under a name that needs escaping."""
    path = tmp_path_factory.mktemp("sound") / 'xin chào "bạn".wav'
    path.write_bytes(wav((np.sin(np.arange(6400) * 0.1) * 9000).astype("<i2").tobytes()))
    return path


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory, sound: Path) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("scenes")
    paths = {suffix: folder / f"face{suffix}" for suffix in (".glb", ".usda")}
    for path in paths.values():
        save(FaceClip(FRAMES, sound), path)
    return paths


def test_glb_passes_the_khronos_validator_without_error_or_warning(saved: dict[str, Path]) -> None:
    program = """
        const validator = require('gltf-validator'), fs = require('fs');
        validator.validateBytes(new Uint8Array(fs.readFileSync(process.argv[1])))
          .then(report => console.log(JSON.stringify(report)));
    """
    done = subprocess.run(
        ["node", "-e", program, str(saved[".glb"])], cwd=node_modules(), capture_output=True, text=True, check=True
    )
    report = json.loads(done.stdout)
    assert (report["issues"]["numErrors"], report["issues"]["numWarnings"]) == (0, 0), report["issues"]["messages"]
    assert report["info"]["animationCount"] == 1
    assert report["info"]["hasMorphTargets"]


def test_glb_has_all_its_numbers_in_floats_and_needs_no_extension(saved: dict[str, Path]) -> None:
    """Assimp and Godot 3 read neither quantised positions nor accessors without data."""
    document, binary = read_glb(saved[".glb"].read_bytes())
    assert "extensionsRequired" not in document
    assert all("bufferView" in accessor and "sparse" not in accessor for accessor in document["accessors"])
    head = load_head()
    for part, primitive in zip(head.parts, document["meshes"][0]["primitives"], strict=True):
        assert np.array_equal(
            read_accessor(document, binary, primitive["attributes"]["POSITION"]), head.vertices[part.vertices]
        )
        for move, target in zip(head.deltas[:, part.vertices], primitive["targets"], strict=True):
            assert np.array_equal(read_accessor(document, binary, target["POSITION"]), move)


@pytest.mark.skipif(not which("assimp") and "CI" not in os.environ, reason="assimp-utils is not installed")
def test_glb_loads_in_assimp(saved: dict[str, Path]) -> None:
    done = subprocess.run(["assimp", "info", str(saved[".glb"])], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert re.search(r"Meshes:\s+6\b", done.stdout)
    assert re.search(r"Animations:\s+1\b", done.stdout)


def test_glb_moves_the_heads_52_weights_at_thirty_frames_a_second(saved: dict[str, Path], sound: Path) -> None:
    scene = pygltflib.GLTF2().load(str(saved[".glb"]))
    [animation] = scene.animations
    [channel] = animation.channels
    sampler = animation.samplers[channel.sampler]
    assert (channel.target.path, sampler.interpolation) == ("weights", "LINEAR")
    assert scene.meshes[scene.nodes[channel.target.node].mesh].extras["targetNames"] == list(ARKIT_NAMES)
    assert animation.extras["audio"] == sound.name

    def read(accessor: int) -> np.ndarray:
        view = scene.bufferViews[scene.accessors[accessor].bufferView]
        return np.frombuffer(scene.binary_blob()[view.byteOffset : view.byteOffset + view.byteLength], "<f4")

    assert np.allclose(read(sampler.input), np.arange(12) / 30)
    assert np.array_equal(read(sampler.output).reshape(12, 52), FRAMES)


def test_usd_binds_the_weights_to_the_heads_blendshapes(saved: dict[str, Path], sound: Path) -> None:
    stage = Usd.Stage.Open(str(saved[".usda"]))
    assert (stage.GetFramesPerSecond(), stage.GetTimeCodesPerSecond(), stage.GetEndTimeCode()) == (30, 30, 11)
    assert (UsdGeom.GetStageUpAxis(stage), UsdGeom.GetStageMetersPerUnit(stage)) == ("Y", 1)
    assert stage.GetRootLayer().customLayerData["audio"] == sound.name
    root = UsdSkel.Root(stage.GetDefaultPrim().GetChild("face"))
    cache = UsdSkel.Cache()
    assert cache.Populate(root, Usd.PrimDefaultPredicate)
    [binding] = cache.ComputeSkelBindings(root, Usd.PrimDefaultPredicate)
    assert [target.GetPrim().GetName() for target in binding.GetSkinningTargets()] == [
        part.name for part in load_head().parts
    ]
    animation = UsdSkel.Animation(root.GetPrim().GetChild("weights"))
    assert list(animation.GetBlendShapesAttr().Get()) == list(ARKIT_NAMES)
    for frame in range(12):
        assert np.allclose(animation.GetBlendShapeWeightsAttr().Get(frame), FRAMES[frame], atol=1e-5)


def test_usd_deforms_the_mesh_as_we_do(saved: dict[str, Path]) -> None:
    stage = Usd.Stage.Open(str(saved[".usda"]))
    root = UsdSkel.Root(stage.GetDefaultPrim().GetChild("face"))
    assert UsdSkel.BakeSkinning(root, Gf.Interval(5, 5))
    head = load_head()
    for part in head.parts:
        points = UsdGeom.Mesh(root.GetPrim().GetChild(part.name)).GetPointsAttr().Get(5)
        assert np.abs(np.array(points) - head.pose(FRAMES[5])[part.vertices]).max() < 2e-4, part.name


@pytest.mark.long
def test_film_shows_each_frame_at_its_time_with_the_sound(tmp_path: Path, sound: Path) -> None:
    frames = np.zeros((12, 52), np.float32)
    frames[6:, INDEX["jawOpen"]] = 0.8
    save(FaceClip(frames, sound), tmp_path / "face.mp4")
    with av.open(str(tmp_path / "face.mp4")) as shown:
        picture, voice = shown.streams.video[0], shown.streams.audio[0]
        assert (picture.width, picture.height, picture.average_rate) == (720, 720, 30)
        assert (picture.codec.name, voice.codec.name) == ("h264", "aac")
        pictures = list(shown.decode(picture))
    assert [round(frame.time * 30) for frame in pictures] == list(range(12))
    mouth = [frame.to_ndarray(format="gray")[330:440, 300:420].astype(float) for frame in pictures]
    moved = [np.abs(one - two).mean() for one, two in pairwise(mouth)]
    assert np.argmax(moved) == 5  # between frames 5 and 6, and nowhere else
    assert sorted(moved)[-2] < moved[5] / 5
    with av.open(str(tmp_path / "face.mp4")) as heard:
        sound_back = np.concatenate([frame.to_ndarray()[0] for frame in heard.decode(audio=0)])
    assert 0.38 < len(sound_back) / film.SOUND_RATE < 0.5
    assert np.abs(sound_back).max() > 0.1


def test_film_without_a_sound_is_silent_and_who_waits_sees_each_frame_pass(tmp_path: Path) -> None:
    passed = []

    def watch(frames: Frames) -> Iterator[Frames]:
        for frame in frames:
            yield frame
            passed.append(frame)

    save(FaceClip(FRAMES[:2]), tmp_path / "face.mp4", watch)
    assert np.array_equal(passed, FRAMES[:2])
    with av.open(str(tmp_path / "face.mp4")) as shown:
        assert len(list(shown.decode(video=0))) == 2
        assert not shown.streams.audio


def test_no_opengl_is_said_before_the_work_with_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import moderngl

    def none(**_: object) -> None:
        raise Exception("no EGL here")

    monkeypatch.setattr(moderngl, "create_context", none)
    with pytest.raises(ConfigurationError, match=r"OpenGL 3\.3.*no EGL here.*apt-get install libegl1"):
        check_place(tmp_path / "face.mp4")


def test_sound_that_ffmpeg_cannot_read_is_named_and_no_film_is_left(tmp_path: Path) -> None:
    (tmp_path / "broken.wav").write_bytes(b"RIFF nothing")
    with pytest.raises(ConfigurationError, match=r"broken\.wav"):
        save(FaceClip(FRAMES[:2], tmp_path / "broken.wav"), tmp_path / "face.mp4")
    assert [path.name for path in tmp_path.iterdir()] == ["broken.wav"]


@pytest.mark.parametrize("suffix", [".glb", ".usda"])
def test_one_frame_is_a_scene_too(tmp_path: Path, suffix: str) -> None:
    save(FaceClip(FRAMES[:1]), tmp_path / f"face{suffix}")
    assert (tmp_path / f"face{suffix}").stat().st_size > 10**6
