"""A torch checkpoint without torch: which tensors it holds, and each as float32, bounds-checked, from the file."""

import math
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emotalk.engines.emotalk.archive import StoredZip
from emotalk.engines.emotalk.mapped import Bytes
from emotalk.engines.emotalk.pickled import Storage, TensorRecord, describe
from emotalk.errors import CheckpointError

Array = NDArray[np.float32]
Shape = tuple[int, ...]

_LARGEST_PICKLE = 4 << 20
"""Bytes; the published file's has 0.2 MB. A hostile one costs a few seconds at most."""
_PICKLE = "/data.pkl"
_BFLOAT16 = "BFloat16Storage"
_DTYPES = {"FloatStorage": "<f4", "HalfStorage": "<f2", "DoubleStorage": "<f8", _BFLOAT16: "<u2"}

# torch's weight norm writes its two halves under either spelling, by version.
_WEIGHT_NORM = re.compile(r"parametrizations\.weight\.original([01])$")
_HALVES = {"0": "weight_g", "1": "weight_v"}


class Checkpoint:
    """The tensors of one file by their published names. Opening reads the directory and the pickle, no weights."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._zip = StoredZip(path)
        self.release = self._zip.release
        self._root = self._find_root()
        self._check_byte_order()
        self.records = self._read_records()

    def shape(self, name: str) -> Shape:
        """The shape of a tensor. Raises CheckpointError if it is missing."""
        return self._record(name).shape

    def check(self, expected: Iterable[tuple[str, Shape]]) -> None:
        """Raise CheckpointError unless every tensor is there in its shape, and all of them fit into the file."""
        numbers = 0
        for name, shape in expected:
            record = self._record(name)
            if record.shape != shape:
                raise self.make_error(f"tensor {name}: expected shape {list(shape)}, found {list(record.shape)}")
            numbers += math.prod(shape) * self._find_dtype(name, record.storage).itemsize
        # Many views of few bytes would be copied into memory that nobody has.
        if numbers > self._zip.size:
            raise self.make_error("its tensors claim more bytes than the file has")

    def read(self, name: str) -> Array:
        """A tensor as float32, C-contiguous, where it lies in the file if it is so there. Raises CheckpointError."""
        record = self._record(name)
        view = self._view_tensor(name, record)
        if record.storage.kind == _BFLOAT16:
            return (view.astype(np.uint32) << 16).view(np.float32)
        with np.errstate(over="ignore"):  # a float64 beyond float32 is infinite here, and the engine refuses its answer
            return np.require(view, np.float32, ["C", "A"])

    def identity(self, names: Iterable[str]) -> str:
        """A text that is the same for the same weights: what each tensor is, and the CRC-32 of the bytes it views."""
        lines = [f"{self._zip.size}"]
        for name in sorted(names):
            record = self._record(name)
            checksum = self._zip.crc(self._name_entry(record.storage))
            lines.append(f"{name} {record[1:]} {record.storage.kind} {checksum:08x}")
        return "\n".join(lines)

    def make_error(self, problem: str) -> CheckpointError:
        """The error for a problem of this file."""
        return CheckpointError(f"{self.path}: {problem}. Use the published EmoTalk.pth, or download it again.")

    def _find_root(self) -> str:
        roots = [name.removesuffix(_PICKLE) for name in self._zip.entries if name.endswith(_PICKLE)]
        if len(roots) != 1:
            raise self.make_error("a zip, but not one that torch.save wrote (no data.pkl)")
        return roots[0]

    def _check_byte_order(self) -> None:
        name = f"{self._root}/byteorder"
        if name in self._zip.entries and self._zip.read(name).tobytes().strip() != b"little":
            raise self.make_error("it was written on a big-endian machine")

    def _read_records(self) -> dict[str, TensorRecord]:
        pickled = self._zip.read(self._root + _PICKLE)
        if pickled.size > _LARGEST_PICKLE:
            raise self.make_error(f"its pickle is larger than {_LARGEST_PICKLE >> 20} MiB")
        try:
            described = describe(pickled.tobytes())
        except ValueError as error:
            raise self.make_error(str(error)) from error
        tensors = {name: value for name, value in self._find_state(described).items() if _is_tensor(name, value)}
        return self._rename_tensors(tensors)

    def _rename_tensors(self, found: dict[str, TensorRecord]) -> dict[str, TensorRecord]:
        records: dict[str, TensorRecord] = {}
        for name, record in found.items():
            if (published := _to_published(name)) in records:
                raise self.make_error(f"tensor {published} stands in it twice, in two spellings")
            records[published] = record
        return records

    def _find_state(self, described: Any) -> dict[Any, Any]:
        state = described.get("state_dict", described) if isinstance(described, dict) else None
        if not isinstance(state, dict):
            raise self.make_error("it holds no state dict")
        return state

    def _record(self, name: str) -> TensorRecord:
        if name not in self.records:
            raise self.make_error(f"tensor {name} is missing")
        return self.records[name]

    def _name_entry(self, storage: Storage) -> str:
        return f"{self._root}/data/{storage.key}"

    def _find_dtype(self, name: str, storage: Storage) -> np.dtype[Any]:
        if storage.kind not in _DTYPES:
            raise self.make_error(f"tensor {name}: {storage.kind} holds no weights")
        return np.dtype(_DTYPES[storage.kind])

    def _read_numbers(self, name: str, storage: Storage) -> NDArray[Any]:
        raw: Bytes = self._zip.read(self._name_entry(storage))
        dtype = self._find_dtype(name, storage)
        if storage.length * dtype.itemsize > raw.size:
            raise self.make_error(f"tensor {name}: its storage is shorter than it says")
        return raw[: storage.length * dtype.itemsize].view(dtype)

    def _view_tensor(self, name: str, record: TensorRecord) -> NDArray[Any]:
        numbers = self._read_numbers(name, record.storage)
        if not _inside(record):
            raise self.make_error(f"tensor {name}: it reaches past the end of its storage")
        strides = [stride * numbers.itemsize for stride in record.strides]
        return np.lib.stride_tricks.as_strided(numbers[record.offset :], record.shape, strides)


def _inside(record: TensorRecord) -> bool:
    """Whether every element lies in the storage, and no more of them than it has (no view that repeats its numbers)."""
    if len(record.shape) != len(record.strides) or 0 in record.shape:
        return False
    last = record.offset + sum((d - 1) * s for d, s in zip(record.shape, record.strides, strict=True))
    return last < record.storage.length and math.prod(record.shape) <= record.storage.length


def _is_tensor(name: Any, value: Any) -> bool:
    return isinstance(name, str) and isinstance(value, TensorRecord)


def _to_published(name: str) -> str:
    """The published name: without the prefix of a data-parallel run, in the older spelling of weight norm."""
    return _WEIGHT_NORM.sub(lambda half: _HALVES[half[1]], name.removeprefix("module."))
