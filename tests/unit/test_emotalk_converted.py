"""The converted file: what is written is read, and what is not whole or not ours is refused."""

import itertools
import json
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from emotalk.engines.emotalk import convert, converted, converted_path, find_weights
from emotalk.engines.emotalk.converted import open_converted
from emotalk.engines.emotalk.narrow import is_narrowed, narrow
from emotalk.engines.emotalk.weights import UsedTensors
from emotalk.errors import CheckpointError, ConfigurationError
from tests.parity.seeded_checkpoint import write_checkpoint


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> UsedTensors:
    return find_weights(write_checkpoint(tmp_path_factory.mktemp("weights") / "tiny.pth"))


@pytest.fixture(scope="module")
def whole(source: UsedTensors, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("converted") / "whole.safetensors"
    convert(source, path)
    return path


def test_it_lies_beside_the_checkpoint_under_its_name() -> None:
    assert converted_path(Path("models/EmoTalk.pth")) == Path("models/EmoTalk.bf16.safetensors")


def test_every_tensor_comes_back_narrow_or_as_it_was(source: UsedTensors, whole: Path) -> None:
    exact, narrowed = source.read(), open_converted(source, whole)
    assert narrowed.digest == exact.digest
    assert set(narrowed.tensors) == set(exact.tensors)
    for name, values in exact.tensors.items():
        expected = narrow(values) if is_narrowed(name) else values
        assert narrowed[name].dtype == expected.dtype
        assert np.array_equal(narrowed[name], expected), name


def test_tensors_lie_where_they_can_be_used_without_a_copy(source: UsedTensors, whole: Path) -> None:
    large = [values for values in open_converted(source, whole).tensors.values() if values.nbytes % 64 == 0]
    assert len(large) > 90
    assert all(values.ctypes.data % 64 == 0 for values in large)


def test_released_pages_are_read_again(source: UsedTensors, whole: Path) -> None:
    weights = open_converted(source, whole)
    before = weights["bs_map_r.weight"].copy()
    weights.release()
    assert np.array_equal(weights["bs_map_r.weight"], before)


def test_it_is_safetensors_that_any_tool_can_open(source: UsedTensors, whole: Path) -> None:
    raw = whole.read_bytes()
    length = int.from_bytes(raw[:8], "little")
    header = json.loads(raw[8 : 8 + length])
    assert set(header.pop("__metadata__")) == {"format", "source", "crc32"}
    spans = sorted(tuple(entry["data_offsets"]) for entry in header.values())
    assert spans[0][0] == 0
    assert all(end == begin for (_, end), (begin, _) in itertools.pairwise(spans))
    assert 8 + length + spans[-1][1] == len(raw)
    assert header["bs_map_r.bias"] | {"data_offsets": None} == {"dtype": "F32", "shape": [52], "data_offsets": None}


def test_writing_twice_gives_the_same_bytes(source: UsedTensors, whole: Path, tmp_path: Path) -> None:
    convert(source, tmp_path / "new folder" / "again")
    assert (tmp_path / "new folder" / "again").read_bytes() == whole.read_bytes()


@given(data=st.data())
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@pytest.mark.long
def test_any_damage_is_noticed(source: UsedTensors, whole: Path, tmp_path: Path, data: st.DataObject) -> None:
    raw = bytearray(whole.read_bytes())
    place = data.draw(st.integers(0, 20_000) | st.integers(0, len(raw) - 1))
    raw[place] ^= data.draw(st.integers(1, 255))
    damaged = tmp_path / "damaged"
    damaged.write_bytes(raw)
    with pytest.raises(CheckpointError, match=r"damaged|another checkpoint"):
        open_converted(source, damaged)


@pytest.mark.parametrize("kept", [0, 1, 8, 100, 30_000, -1])
def test_a_cut_file_is_refused(source: UsedTensors, whole: Path, tmp_path: Path, kept: int) -> None:
    cut = tmp_path / "cut"
    cut.write_bytes(whole.read_bytes()[:kept])
    with pytest.raises(CheckpointError, match=r"cut.*emotalk convert"):
        open_converted(source, cut)


@pytest.mark.parametrize("text", [b"[]", b"{}", b'{"__metadata__":3}', b"[" * 100_000, b"\xff\xfe"])
def test_a_header_that_is_none_is_refused(source: UsedTensors, tmp_path: Path, text: bytes) -> None:
    odd = tmp_path / "odd"
    odd.write_bytes(len(text).to_bytes(8, "little") + text)
    with pytest.raises(CheckpointError):
        open_converted(source, odd)


def test_a_file_from_other_weights_is_refused(whole: Path, tmp_path: Path) -> None:
    other = find_weights(write_checkpoint(tmp_path / "other.pth", seed=1))
    with pytest.raises(CheckpointError, match="another checkpoint"):
        open_converted(other, whole)


def test_the_checkpoint_itself_is_never_overwritten(source: UsedTensors) -> None:
    before = source.checkpoint.path.stat()
    with pytest.raises(ConfigurationError, match="the checkpoint itself"):
        convert(source, source.checkpoint.path)
    assert source.checkpoint.path.stat() == before


def test_a_pipe_or_a_device_is_never_replaced(source: UsedTensors, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ConfigurationError, match="not a regular file"):
        convert(source, tmp_path / "pipe")
    assert (tmp_path / "pipe").is_fifo()


def test_when_writing_fails_the_old_file_is_still_there_and_nothing_else(
    source: UsedTensors, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def disk_full(_: int) -> None:
        raise OSError(28, "No space left on device")

    (tmp_path / "out").write_bytes(b"old")
    monkeypatch.setattr(os, "fsync", disk_full)
    with pytest.raises(OSError, match=r"No space left on device.*out'"):
        convert(source, tmp_path / "out")
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"old"]


def test_a_disk_that_fills_up_while_the_numbers_are_written_says_so(source: UsedTensors, tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No space left on device"), Path("/dev/full").open("wb+", buffering=0) as full:
        converted.write(source, full)


@pytest.mark.parametrize("interruption", [KeyboardInterrupt, SystemExit])
def test_when_writing_is_interrupted_nothing_is_left(
    source: UsedTensors, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, interruption: type[BaseException]
) -> None:
    def interrupt(*_: object) -> None:
        raise interruption

    monkeypatch.setattr(converted, "_checksum_blocks", interrupt)
    with pytest.raises(interruption):
        convert(source, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_a_pipe_in_its_place_is_not_waited_for(source: UsedTensors, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="not a regular file"):
        open_converted(source, tmp_path / "pipe")
