"""A checkpoint is untrusted input: what it may hold is read exactly, and all else is a CheckpointError."""

import contextlib
import io
import os
import pickle
import struct
import sys
import types
import zipfile
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from emotalk.engines.emotalk.checkpoint import Checkpoint
from emotalk.errors import CheckpointError, CheckpointNotFound
from tests.parity.seeded_checkpoint import pickled_dict, pickled_tensor, save, write_archive

MATRIX = np.arange(6, dtype=np.float32).reshape(2, 3)
RAW = MATRIX.tobytes()

shapes = hnp.array_shapes(min_dims=0, max_dims=3, max_side=5)
numbers = hnp.arrays(np.float32, shapes, elements=st.floats(-100, 100, width=16))


def one_tensor(path: Path, pickled: bytes, raw: bytes = RAW) -> Checkpoint:
    return Checkpoint(write_archive(path, [("0", raw)], [pickled_dict([("x", pickled)])]))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "weights.pth"


@given(numbers, st.sampled_from([np.float16, np.float32, np.float64]), st.booleans())
def test_every_kind_of_float_reads_as_the_same_float32(
    tmp_path_factory: pytest.TempPathFactory, values: np.ndarray, kind: Any, aligned: bool
) -> None:
    path = save(tmp_path_factory.mktemp("kinds") / "a.pth", [("x", values.astype(kind))], aligned=aligned)
    read = Checkpoint(path).read("x")
    assert read.dtype == np.float32
    assert read.shape == values.shape
    assert np.array_equal(read, values)


def test_bfloat16_is_the_upper_half_of_a_float32(path: Path) -> None:
    values = np.array([0.0, -1.5, 3.140625, 1e30], np.float32)
    upper = (values.view(np.uint32) >> 16).astype(np.uint16)
    read = Checkpoint(save(path, [("x", upper)])).read("x")
    assert np.array_equal(read.view(np.uint32) >> 16, upper)
    assert np.allclose(read, values, rtol=2**-7)


def test_float32_stays_where_it_lies_in_the_file(path: Path) -> None:
    checkpoint = Checkpoint(save(path, [("x", MATRIX)]))
    assert np.shares_memory(checkpoint.read("x"), checkpoint.read("x"))


def test_what_is_read_can_never_change_the_file(path: Path) -> None:
    before = save(path, [("x", MATRIX)]).read_bytes()
    Checkpoint(path).read("x")[:] = 7
    assert path.read_bytes() == before


def test_a_transposed_view_with_an_offset_is_read_as_torch_would(path: Path) -> None:
    checkpoint = one_tensor(path, pickled_tensor("0", 6, shape=(2, 2), strides=(1, 3), offset=1))
    assert np.array_equal(checkpoint.read("x"), MATRIX.T[1:])


@pytest.mark.parametrize(
    ("shape", "strides", "offset", "length"),
    [
        pytest.param((2, 3), (3, 1), 1, 6, id="an offset that shifts it out"),
        pytest.param((2, 3), (4, 1), 0, 6, id="a stride that leads out"),
        pytest.param((7,), (1,), 0, 6, id="more numbers than the storage has"),
        pytest.param((2, 3), (3, 1), 0, 1 << 40, id="a storage larger than its bytes"),
        pytest.param((1 << 40,), (0,), 0, 6, id="a terabyte that repeats one number"),
        pytest.param((1 << 31, 1 << 31), (1, 1), 0, 6, id="sizes whose product overflows"),
        pytest.param((2, 3), (3,), 0, 6, id="fewer strides than dimensions"),
        pytest.param((0, 3), (3, 1), 0, 6, id="no numbers at all"),
        pytest.param((2, 3), (3, 1), 1 << 61, 6, id="an offset beyond everything"),
    ],
)
def test_a_view_that_leaves_its_storage_is_refused_by_name(
    path: Path, shape: tuple[int, ...], strides: tuple[int, ...], offset: int, length: int
) -> None:
    checkpoint = one_tensor(path, pickled_tensor("0", length, shape, strides, offset))
    with pytest.raises(CheckpointError, match=r"weights\.pth: tensor x: it"):
        checkpoint.read("x")


@pytest.mark.parametrize("length", [-1, 1 << 62 | 1])
def test_a_size_that_cannot_be_is_refused(path: Path, length: int) -> None:
    with pytest.raises(CheckpointError, match="size of"):
        one_tensor(path, pickled_tensor("0", length, (2, 3), (3, 1)))


def test_both_spellings_of_weight_norm_are_one_name(path: Path) -> None:
    names = ("conv.weight_g", "conv.parametrizations.weight.original1")
    assert set(Checkpoint(save(path, [(n, MATRIX) for n in names])).records) == {"conv.weight_g", "conv.weight_v"}


@pytest.mark.parametrize("other", ["conv.parametrizations.weight.original0", "module.conv.weight_g"])
def test_one_tensor_in_two_spellings_is_refused_for_nobody_knows_which_is_meant(path: Path, other: str) -> None:
    with pytest.raises(CheckpointError, match=r"tensor conv\.weight_g stands in it twice"):
        Checkpoint(save(path, [("conv.weight_g", MATRIX), (other, MATRIX)]))


def test_a_data_parallel_run_leaves_a_prefix_that_is_taken_off(path: Path) -> None:
    assert set(Checkpoint(save(path, [("module.x", MATRIX)])).records) == {"x"}


def test_a_state_dict_may_be_nested_in_a_training_checkpoint(path: Path) -> None:
    assert np.array_equal(Checkpoint(save(path, [("x", MATRIX)], nested=True)).read("x"), MATRIX)


def test_what_is_no_tensor_is_passed_over(path: Path) -> None:
    pickled = pickled_dict([("epoch", b"K\x07"), ("x", pickled_tensor("0", 6, (2, 3), (3, 1)))])
    assert set(Checkpoint(write_archive(path, [("0", RAW)], [pickled])).records) == {"x"}


def test_a_tensor_that_nobody_asks_for_is_never_read(path: Path) -> None:
    unused = pickled_tensor("gone", 1 << 50, (1 << 50,), (1,), kind="QuantizedStorage")
    used = pickled_tensor("0", 6, (2, 3), (3, 1))
    checkpoint = Checkpoint(write_archive(path, [("0", RAW)], [pickled_dict([("lm_head", unused), ("x", used)])]))
    assert np.array_equal(checkpoint.read("x"), MATRIX)
    with pytest.raises(CheckpointError, match="no entry archive/data/gone"):
        checkpoint.read("lm_head")


class TorchPickler(pickle.Pickler):
    """Python's own pickler under torch's names, so that its choice of opcodes is torch's."""

    def __init__(self, file: io.BytesIO, torch: types.ModuleType, utils: types.ModuleType) -> None:
        super().__init__(file, protocol=2)
        self.torch, self.utils = torch, utils

    def persistent_id(self, value: Any) -> Any:
        if isinstance(value, bytes):
            return "storage", self.torch.FloatStorage, value.decode(), "cpu", 6
        return None

    def reducer_override(self, value: Any) -> Any:
        if isinstance(value, np.ndarray):
            strides = tuple(s // 4 for s in value.strides)
            return self.utils._rebuild_tensor_v2, (b"0", 0, value.shape, strides, False, OrderedDict())
        return NotImplemented


def test_a_pickle_by_pythons_own_pickler_is_read(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    torch, utils = types.ModuleType("torch"), types.ModuleType("torch._utils")
    torch.FloatStorage = type("FloatStorage", (), {"__module__": "torch"})  # type: ignore[attr-defined]
    utils._rebuild_tensor_v2 = lambda *_: None  # type: ignore[attr-defined]
    utils._rebuild_tensor_v2.__module__ = "torch._utils"
    utils._rebuild_tensor_v2.__qualname__ = "_rebuild_tensor_v2"
    monkeypatch.setitem(sys.modules, "torch", torch)
    monkeypatch.setitem(sys.modules, "torch._utils", utils)
    state = OrderedDict([("x", MATRIX), ("y", MATRIX)])
    state._metadata = OrderedDict([("", {"version": 1})])  # type: ignore[attr-defined]
    TorchPickler(pickled := io.BytesIO(), torch, utils).dump(state)
    opcodes = pickled.getvalue().removeprefix(b"\x80\x02").removesuffix(b".")
    checkpoint = Checkpoint(write_archive(path, [("0", RAW)], [opcodes]))
    assert set(checkpoint.records) == {"x", "y"}
    assert np.array_equal(checkpoint.read("y"), MATRIX)


def test_a_missing_file_is_named_with_the_ways_to_get_it(path: Path) -> None:
    with pytest.raises(CheckpointNotFound, match=r"weights\.pth: .*Download .*mount .*--model_path") as caught:
        Checkpoint(path)
    assert isinstance(caught.value, FileNotFoundError)


def test_a_folder_is_no_checkpoint(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="cannot be read"):
        Checkpoint(tmp_path)


@pytest.mark.parametrize("make", [os.mkfifo, lambda path: path.symlink_to("/dev/zero")], ids=["pipe", "device"])
def test_what_may_have_no_end_is_not_even_opened(path: Path, make: Any) -> None:
    make(path)
    with pytest.raises(CheckpointError, match="not a regular file"):
        Checkpoint(path)


def test_a_directory_of_a_million_entries_is_not_read(path: Path) -> None:
    entries = b"".join(struct.pack("<4s42x", b"PK\x01\x02") for _ in range(100_000))
    path.write_bytes(entries + struct.pack("<4s4xHHIIH", b"PK\x05\x06", 65_535, 65_535, len(entries), 0, 0))
    with pytest.raises(CheckpointError, match="not a checkpoint"):
        Checkpoint(path)


def test_a_pickle_larger_than_any_checkpoints_is_not_read(path: Path) -> None:
    with pytest.raises(CheckpointError, match="larger than 4 MiB"):
        Checkpoint(write_archive(path, [], [b"]q\x00" + b"h\x00h\x00\x86q\x00" * 1_000_000]))


@pytest.mark.parametrize("content", [b"", b"hello, I am no checkpoint", b"PK\x03\x04" + bytes(100), b"<html>" * 99])
def test_a_file_that_is_no_checkpoint_is_refused(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match=r"weights\.pth"):
        Checkpoint(path)


@given(st.data())
@settings(max_examples=50)
def test_a_truncated_file_is_refused(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    path = tmp_path_factory.getbasetemp() / "truncated.pth"
    whole = save(path, [("x", MATRIX)]).read_bytes()
    path.write_bytes(whole[: data.draw(st.integers(0, len(whole) - 1))])
    with pytest.raises(CheckpointError):
        Checkpoint(path)


def test_an_old_style_file_is_told_how_to_become_a_new_one(path: Path) -> None:
    path.write_bytes(pickle.dumps({"x": 1}, protocol=2) * 3)
    with pytest.raises(CheckpointError, match=r"old-style .*torch\.save\(torch\.load\(path, weights_only=True\)"):
        Checkpoint(path)


def test_a_compressed_file_is_refused(path: Path) -> None:
    save(path, [("x", MATRIX)])
    packed = path.with_name("packed.pth")
    with zipfile.ZipFile(path) as stored, zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as deflated:
        for name in stored.namelist():
            deflated.writestr(name, stored.read(name))
    with pytest.raises(CheckpointError, match="compressed"):
        Checkpoint(packed)


def test_a_zip_of_something_else_is_refused(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("holiday.txt", "sun")
    with pytest.raises(CheckpointError, match=r"no data\.pkl"):
        Checkpoint(path)


def test_a_big_endian_file_is_refused(path: Path) -> None:
    save(path, [("x", MATRIX)])
    path.write_bytes(path.read_bytes().replace(b"little", b"bigend"))
    with pytest.raises(CheckpointError, match="big-endian"):
        Checkpoint(path)


class Payload:
    """What a hostile pickle would run."""

    def __init__(self, victim: Path) -> None:
        self.victim = victim

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.victim),)


@pytest.mark.parametrize("protocol", range(6))
def test_code_in_a_pickle_is_refused_and_not_run(path: Path, protocol: int) -> None:
    victim = path.with_name("victim")
    hostile = pickle.dumps({"x": Payload(victim)}, protocol)
    assert pickle.loads(hostile)
    assert victim.is_dir()
    victim.rmdir()
    with pytest.raises(CheckpointError, match="its pickle"):
        Checkpoint(write_archive(path, [], [hostile.removeprefix(b"\x80\x02").removesuffix(b".")]))
    assert not victim.exists()


@pytest.mark.parametrize(
    "pickled",
    [
        pytest.param(b"r\xff\xff\xff\xff", id="a memo slot without a value"),
        pytest.param(b"}r\xff\xff\xff\x7f", id="a memo of two thousand million slots"),
        pytest.param(b"X\xff\xff\xff\xffabc", id="a text that ends early"),
        pytest.param(b"\x8e\xff\xff\xff\xff\xff\xff\xff\x7f", id="an exabyte of bytes"),
        pytest.param(b"}(" + b")" + b"\x86h\x00" * 9 + b"K\x01u", id="a memo that was never written"),
        pytest.param(b"}()q\x00" + b"h\x00\x86q\x00" * 60 + b"K\x01u", id="a key whose hash takes for ever"),
        pytest.param(b"ccollections\nOrderedDict\n(]tR", id="a dict filled by a call"),
        pytest.param(b"ctorch._utils\n_rebuild_tensor_v2\n)R", id="a tensor of nothing"),
        pytest.param(b"ctorch._utils\n_rebuild_parameter\n)R", id="a parameter of nothing"),
        pytest.param(b"ctorch\nFloatStorage\n)R", id="a call of a storage"),
        pytest.param(b"K\x01K\x01Q", id="a reference to no storage"),
        pytest.param(b"K\x01", id="a number"),
        pytest.param(b"]", id="a list"),
        pytest.param(b"", id="nothing"),
        pytest.param(b"0" * 9, id="an empty stack"),
    ],
)
def test_a_pickle_that_is_no_state_dict_is_refused(path: Path, pickled: bytes) -> None:
    with pytest.raises(CheckpointError, match=r"weights\.pth"):
        Checkpoint(write_archive(path, [], [pickled])).read("x")


mutations = st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.binary(min_size=1, max_size=8)), max_size=4)


@given(mutations.filter(bool), st.booleans())
@settings(max_examples=300)
@pytest.mark.long
def test_mutated_bytes_load_or_raise_a_checkpoint_error(
    tmp_path_factory: pytest.TempPathFactory, changes: list[tuple[float, bytes]], aligned: bool
) -> None:
    path = tmp_path_factory.getbasetemp() / "mutated.pth"
    items = [("a", MATRIX), ("module.b", MATRIX.astype(np.float16)), ("c", MATRIX[0])]
    content = bytearray(save(path, items, aligned=aligned).read_bytes())
    for place, change in changes:
        at = int(place * len(content))
        content[at : at + len(change)] = change
    path.write_bytes(content)
    with contextlib.suppress(CheckpointError):
        checkpoint = Checkpoint(path)
        for name in checkpoint.records:
            assert checkpoint.read(name).nbytes <= 4 * len(content)
        checkpoint.identity(checkpoint.records)
