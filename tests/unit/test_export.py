"""Finished animations as files: what stands in them, and that nobody ever opens half of one."""

import csv
import json
import os
import stat
from pathlib import Path

import numpy as np
import polars
import pytest
from pylivelinkface import FaceBlendShape
from timecode.timecode import Timecode

from emotalk.errors import ConfigurationError
from emotalk.export import SUFFIXES, check_place, formats, save
from emotalk.face import ARKIT_NAMES, FaceClip

FRAMES = np.random.default_rng(0).random((7, 52), np.float32)
CLIP = FaceClip(FRAMES)
SHORT = FaceClip(FRAMES[:1])
TWO = FaceClip(FRAMES[:2])


def test_npy_holds_the_frames_to_the_bit(tmp_path: Path) -> None:
    save(CLIP, tmp_path / "out.npy")
    read = np.load(tmp_path / "out.npy")
    assert read.dtype == np.float32
    assert read.tobytes() == FRAMES.tobytes()


def test_csv_holds_names_timecodes_and_values(tmp_path: Path) -> None:
    save(CLIP, tmp_path / "out.csv")
    with (tmp_path / "out.csv").open(newline="") as file:
        head, *rows = csv.reader(file)
    assert head == ["timecode", *ARKIT_NAMES]
    values = np.array(rows, np.float64)
    assert np.allclose(values[:, 0], np.arange(7) / 30, atol=1e-6)
    assert np.allclose(values[:, 1:], FRAMES, atol=1e-6)


def test_json_holds_the_shape_that_the_client_returns(tmp_path: Path) -> None:
    save(CLIP, tmp_path / "out.json")
    document = json.loads((tmp_path / "out.json").read_text())
    assert (document["fps"], document["names"]) == (30, list(ARKIT_NAMES))
    assert [frame["frame_number"] for frame in document["frames"]] == list(range(7))
    assert [frame["timecode"] for frame in document["frames"]] == [n / 30 for n in range(7)]
    assert np.array_equal(np.array([f["blendshapes"] for f in document["frames"]], np.float32), FRAMES)


def test_npz_says_what_its_frames_are(tmp_path: Path) -> None:
    save(CLIP, tmp_path / "out.npz")
    with np.load(tmp_path / "out.npz", allow_pickle=False) as arrays:
        assert arrays["frames"].tobytes() == FRAMES.tobytes()
        assert arrays["timecodes"].tolist() == CLIP.timecodes
        assert arrays["names"].tolist() == list(ARKIT_NAMES)
        assert arrays["fps"] == 30


def test_parquet_is_read_by_polars_with_a_column_a_blendshape(tmp_path: Path) -> None:
    save(CLIP, tmp_path / "out.parquet")
    table = polars.read_parquet(tmp_path / "out.parquet")
    assert table.columns == ["frame_number", "timecode", *ARKIT_NAMES]
    assert table["frame_number"].to_list() == list(range(7))
    assert table["timecode"].to_list() == CLIP.timecodes
    assert np.array_equal(table.select(ARKIT_NAMES).to_numpy(), FRAMES)
    assert table.schema["jawOpen"] == polars.Float32
    assert polars.read_parquet_metadata(tmp_path / "out.parquet")["fps"] == "30"


def test_live_link_has_the_apps_columns_and_timecode_that_smpte_readers_take(tmp_path: Path) -> None:
    clip = FaceClip(np.random.default_rng(1).random((1900, 52), np.float32))
    save(clip, tmp_path / "out.livelink.csv")
    table = polars.read_csv(tmp_path / "out.livelink.csv")
    assert table.columns[:4] == ["Timecode", "BlendShapeCount", "EyeBlinkLeft", "EyeLookDownLeft"]
    assert table.columns[-6:] == [f"{side}Eye{axis}" for side in ("Left", "Right") for axis in ("Yaw", "Pitch", "Roll")]
    assert len(table.columns) == 2 + 61
    assert {shape.name for shape in FaceBlendShape} == set(table.columns[2:])
    assert set(table["BlendShapeCount"]) == {61}
    stamps = [Timecode(60, text.rpartition(".")[0]).frame_number for text in table["Timecode"]]
    assert stamps == list(range(0, 3800, 2))
    assert table["Timecode"][-1] == "00:01:03:18.000"
    for i, name in enumerate(ARKIT_NAMES):
        assert np.allclose(table[name[0].upper() + name[1:]].to_numpy(), clip.frames[:, i], atol=1e-7)


@pytest.fixture(scope="module", params=SUFFIXES)
def saved(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One frame in a file of its kind, below new folders: a film takes a second, a head as text half a one."""
    path = tmp_path_factory.mktemp("kinds") / "deep" / "deeper" / f"out{request.param}"
    save(SHORT, path)
    return path


def test_folders_are_created_and_hold_the_file_alone(saved: Path) -> None:
    assert saved.stat().st_size > SHORT.frames.nbytes
    assert os.listdir(saved.parent) == [saved.name]  # noqa: PTH208


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_what_was_there_is_replaced(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"out{suffix}"
    path.write_bytes(b"yesterday")
    save(TWO, path)
    assert path.stat().st_size > TWO.frames.nbytes
    assert b"yesterday" not in path.read_bytes()
    assert os.listdir(tmp_path) == [path.name]  # noqa: PTH208


def test_a_suffix_in_capitals_is_the_same_suffix(tmp_path: Path, saved: Path) -> None:
    large = tmp_path / saved.name.upper()
    save(SHORT, large)
    if saved.suffix != ".mp4":  # x264 need not write the same bytes twice
        assert large.read_bytes() == saved.read_bytes()
    assert list(tmp_path.iterdir()) == [large]


def test_the_file_may_be_read_by_whoever_may_read_new_files(tmp_path: Path, saved: Path) -> None:
    ordinary = tmp_path / "ordinary"
    ordinary.touch()
    assert stat.S_IMODE(saved.stat().st_mode) == stat.S_IMODE(ordinary.stat().st_mode)


def test_a_file_that_cannot_be_finished_leaves_the_old_one_and_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "out.csv"
    save(CLIP, path)
    before = path.read_bytes()

    def breaks(clip: FaceClip, unfinished: Path) -> None:
        unfinished.write_text("half a line")
        raise OSError("disk full")

    monkeypatch.setitem(formats._WRITERS, ".csv", breaks)
    with pytest.raises(OSError, match="disk full"):
        save(CLIP, path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_the_longest_suffix_decides(tmp_path: Path) -> None:
    save(CLIP, tmp_path / "a.b.LiveLink.CSV")
    assert (tmp_path / "a.b.LiveLink.CSV").read_text().startswith("Timecode,BlendShapeCount,")
    save(CLIP, tmp_path / "livelink.csv")
    assert (tmp_path / "livelink.csv").read_text().startswith("timecode,browDownLeft,")


def test_a_kind_whose_extra_is_missing_is_refused_before_the_work_with_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(formats, "find_spec", lambda module: None)
    with pytest.raises(ConfigurationError, match=r"\.parquet needs pyarrow.* -m pip install .*\[parquet\]"):
        check_place(tmp_path / "deep" / "out.parquet")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["out.fbx", "out", "npy", "out.npy.gz"])
def test_an_unknown_suffix_is_refused_with_those_that_are_known_and_nothing_is_written(
    tmp_path: Path, name: str
) -> None:
    with pytest.raises(ConfigurationError, match=r"\.npy, \.csv, \.json"):
        save(CLIP, tmp_path / "folder" / name)
    assert list(tmp_path.iterdir()) == []


def test_a_place_can_be_checked_before_hours_of_work_and_nothing_is_left_there(tmp_path: Path) -> None:
    check_place(tmp_path / "deep" / "out.JSON")
    assert list((tmp_path / "deep").iterdir()) == []


def test_a_place_that_cannot_be_written_is_refused_by_its_own_name(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "folder.npy").mkdir()
    for place, named in (("file/out.npy", "file"), ("folder.npy", "folder.npy")):
        with pytest.raises(OSError, match=r"exists|directory") as refused:
            check_place(tmp_path / place)
        assert Path(refused.value.filename) == tmp_path / named
    with pytest.raises(OSError, match=r"/proc'$"):
        check_place(Path("/proc/out.npy"))
    with pytest.raises(ConfigurationError, match=r"\.npy, \.csv, \.json"):
        check_place(tmp_path / "out.fbx")
