"""Animations read back: what was saved comes back, a phone's recording becomes 30 fps, all else is named."""

from pathlib import Path

import numpy as np
import pytest

from emotalk.errors import ConfigurationError
from emotalk.export import READABLE, load, save
from emotalk.face import ARKIT_NAMES, INDEX, FaceClip

FRAMES = np.random.default_rng(2).random((65, 52), np.float32)


@pytest.mark.parametrize("suffix", READABLE)
def test_what_was_saved_comes_back(tmp_path: Path, suffix: str) -> None:
    save(FaceClip(FRAMES), tmp_path / f"out{suffix}")
    read = load(tmp_path / f"out{suffix}").frames
    assert read.dtype == np.float32
    assert read.shape == FRAMES.shape
    assert np.abs(read - FRAMES).max() <= (1e-6 if suffix.endswith("csv") else 0)


@pytest.mark.parametrize("suffix", READABLE)
def test_one_frame_is_a_clip_too(tmp_path: Path, suffix: str) -> None:
    save(FaceClip(FRAMES[:1]), tmp_path / f"out{suffix}")
    assert load(tmp_path / f"out{suffix}").frames.shape == (1, 52)


def _recording(path: Path, timecodes: list[str], jaw: list[float]) -> Path:
    columns = [name[0].upper() + name[1:] for name in ARKIT_NAMES]
    rows = [f"{at},52,{','.join(str(value) if name == 'JawOpen' else '0' for name in columns)}" for at, value in
            zip(timecodes, jaw, strict=True)]  # fmt: skip
    path.write_text("\n".join([f"Timecode,BlendShapeCount,{','.join(columns)}", *rows]) + "\n")
    return path


def test_a_phones_sixty_frames_a_second_become_thirty_and_a_gap_is_bridged(tmp_path: Path) -> None:
    numbers = [n for n in range(121) if not 30 <= n < 36]
    timecodes = [f"14:59:{59 + n // 60:02}:{n % 60:02}.250" if n < 60 else f"15:00:{n // 60 - 1:02}:{n % 60:02}.250" for
                 n in numbers]  # fmt: skip
    clip = load(_recording(tmp_path / "phone.csv", timecodes, [n / 120 for n in numbers]))
    assert len(clip.frames) == 61
    assert np.allclose(clip.frames[:, INDEX["jawOpen"]], np.arange(61) / 60, atol=1e-5)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.npy", b"no numpy", "not an animation"),
        ("a.npz", b"PK\x03\x04 broken", "not an animation"),
        ("a.json", b"[1, 2", "not an animation"),
        ("a.json", b"{}", "names"),
        ("a.csv", b"", "not an animation"),
        ("a.csv", b"timecode,jawOpen\n0,1\n", "columns"),
        ("a.csv", b"\xff\xfe\x00", "not an animation"),
        ("a.livelink.csv", b"Timecode,JawOpen\n00:00:00:00.000,1\n", "no column browDownLeft"),
        ("a.parquet", b"PAR1", "not an animation"),
        ("a.txt", b"", "known suffix"),
    ],
)
def test_what_is_no_animation_is_named_with_the_file(tmp_path: Path, name: str, content: bytes, said: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ConfigurationError, match=rf"clip: '.*{said}"):
        load(tmp_path / name)


@pytest.mark.parametrize("wrong", [np.zeros((3, 51)), np.zeros(52), np.zeros((0, 52)), np.full((1, 52), np.nan)])
def test_other_shapes_and_what_is_no_number_are_refused(tmp_path: Path, wrong: np.ndarray) -> None:
    np.save(tmp_path / "a.npy", wrong)
    with pytest.raises(ConfigurationError, match=r"a\.npy"):
        load(tmp_path / "a.npy")


def test_a_pickle_in_a_numpy_file_is_not_executed(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.array([{"a": 1}], object), allow_pickle=True)
    with pytest.raises(ConfigurationError, match="allow_pickle=False"):
        load(tmp_path / "a.npy")


def test_timecodes_that_stand_still_or_are_none_are_refused(tmp_path: Path) -> None:
    for timecodes in (["00:00:00:01.0", "00:00:00:01.0"], ["0.0", "0.1"]):
        with pytest.raises(ConfigurationError, match="timecodes"):
            load(_recording(tmp_path / "a.csv", timecodes, [0, 1]))


def test_a_file_that_is_not_there_is_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        load(tmp_path / "a.npy")
