"""Animations read back: what was saved comes back, a phone's recording becomes 30 fps, all else is named."""

from contextlib import suppress
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from timecode.timecode import Timecode

from emotalk.errors import ConfigurationError
from emotalk.export import READABLE, livelink, load, save
from emotalk.export.resampling import resample
from emotalk.face import ARKIT_NAMES, INDEX, FaceClip
from emotalk.timebase import RATES
from tests.memory_disk import memory_disk

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


def _counted(frame: int, rate: int, count: int, digits: int = 2, start: int = 0) -> str:
    """Frame `frame` of `rate` a second in time codes that count `count`, from `start` seconds of the day on."""
    second, rest = divmod(frame, rate)
    second = (second + start) % 86400
    field = f"{rest * count / rate:0{digits + 4}.3f}"
    return f"{second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}:{field}"


@pytest.mark.parametrize(
    ("rate", "count"), [(n, n) for n in (15, 24, 25, 30, 48, 50, 60, 120)] + [(n, 60) for n in (15, 24, 25, 30, 50)]
)
@pytest.mark.parametrize("start", [0, 86_398])
def test_a_recording_at_any_rate_is_read_at_its_own_pace_past_midnight_too(
    tmp_path: Path, rate: int, count: int, start: int
) -> None:
    frames = range(7, 7 + 5 * rate)
    codes = [_counted(frame, rate, count, 3 if count > 99 else 2, start) for frame in frames]
    clip = load(_recording(tmp_path / "phone.csv", codes, [(frame - 7) / rate / 8 for frame in frames]))
    seconds = (5 * rate - 1) / rate
    assert abs(len(clip.frames) / 30 - seconds) < 1 / 20
    expected = np.minimum(np.arange(len(clip.frames)) / 30, seconds) / 8
    assert np.allclose(clip.frames[:, INDEX["jawOpen"]], expected, atol=1e-3)


@pytest.mark.parametrize("count", [30, 60])
def test_drop_frame_names_do_not_drift_in_an_hour(tmp_path: Path, count: int) -> None:
    frames = range(0, 3600 * count * 1000 // 1001, 40)
    codes = [
        str(Timecode(f"{count * 1000 / 1001:.2f}", frames=frame + 1, force_non_drop_frame=False)) for frame in frames
    ]
    assert ";" in codes[0]
    seconds = livelink.to_seconds(codes)
    assert np.allclose(seconds, np.array(frames) * 1001 / (1000 * count), atol=1e-6)


def test_of_two_rows_at_one_time_the_later_one_is_shown(tmp_path: Path) -> None:
    codes = [f"00:00:0{n // 60}:{n % 60:02}.000" for n in range(0, 120, 2)]
    clip = load(_recording(tmp_path / "a.csv", sorted(codes * 2), [n % 2 / 2 for n in range(120)]))
    assert np.allclose(clip.frames[:, INDEX["jawOpen"]], 0.5)


@pytest.mark.parametrize("fps", RATES)
@pytest.mark.parametrize("suffix", [".livelink.csv", ".json", ".csv", ".npz", ".parquet"])
def test_what_was_saved_at_another_rate_comes_back_at_its_pace(tmp_path: Path, suffix: str, fps: str) -> None:
    ramp = FaceClip(np.linspace(0.3, 0.9, 91, dtype=np.float32)[:, None] * np.ones(52, np.float32))
    save(resample(ramp, RATES[fps]), tmp_path / f"a{suffix}")
    read = load(tmp_path / f"a{suffix}")
    back = resample(read, RATES["30"]).frames
    assert read.fps == (30 if suffix == ".livelink.csv" else RATES[fps])
    assert abs(len(back) - 91) <= 2
    assert np.allclose(back[:88], ramp.frames[:88], atol=2e-3 if suffix == ".livelink.csv" else 1e-5)


@pytest.mark.parametrize("fps", RATES)
def test_an_hour_of_live_link_is_an_hour_where_the_field_is_divided_by_sixty(fps: str) -> None:
    """As Epic's importer reads it."""
    hour = int(3600 * RATES[fps])
    for frame in (0, 1, 2, 3, hour // 2, hour - 1, hour):
        hours, minutes, seconds, field = livelink.to_smpte(frame, RATES[fps]).split(":")
        read = int(hours) * 3600 + int(minutes) * 60 + int(seconds) + float(field) / 60
        assert float(field) < 60
        assert read == pytest.approx(float(frame / RATES[fps]), abs=1e-5)


def npy(shape: str) -> bytes:
    """A header without an array behind it."""
    head = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}".ljust(117).encode() + b"\n"
    return b"\x93NUMPY\x01\0" + len(head).to_bytes(2, "little") + head


@pytest.mark.parametrize("suffix", [".npz", ".npy", ".parquet"])
@given(at=st.integers(0, 10**6), byte=st.integers(0, 255))
def test_a_file_with_a_spoilt_byte_is_an_animation_or_is_refused(suffix: str, at: int, byte: int) -> None:
    with TemporaryDirectory(dir=memory_disk()) as folder:
        path = Path(folder) / f"a{suffix}"
        spoilt = bytearray(_written(suffix))
        spoilt[at % len(spoilt)] = byte
        path.write_bytes(spoilt)
        with suppress(ConfigurationError):
            load(path)


@cache
def _written(suffix: str) -> bytes:
    with TemporaryDirectory(dir=memory_disk()) as folder:
        path = Path(folder) / f"a{suffix}"
        save(FaceClip(np.random.default_rng(0).random((9, 52), np.float32)), path)
        return path.read_bytes()


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
        ("a.json", b"[" * 50_000, "not an animation"),
        ("a.npy", npy("(10000000000000, 52)"), "not an animation"),
        ("a.npy", npy("(2, 52"), "not an animation"),
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
    days = [f"{hour}:00:00:00.000" for hour in ("01", "23") * 40]
    for timecodes in (["00:00:00:01.0", "00:00:00:01.0"], ["0.0", "0.1"], days, ["9" * 30 + ":00:00:00"] * 2):
        with pytest.raises(ConfigurationError, match="timecodes"):
            load(_recording(tmp_path / "a.csv", timecodes, [0] * len(timecodes)))


def test_a_file_that_is_not_there_is_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        load(tmp_path / "a.npy")
