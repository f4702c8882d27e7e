"""The converted file: a checkpoint's used tensors, the large matrices in bfloat16, laid out to be mapped as they are.

The format is safetensors (a length, a JSON header, the numbers), so that common tools can open it. Half the bytes of
the checkpoint, and nothing to convert at start. Its metadata names the checkpoint by digest and holds a CRC-32 of each
64 MiB of numbers. A reader who has the checkpoint knows what the whole header must be, so nothing in it is trusted.

Why so: docs/decisions/0019.
"""

import json
import os
import tempfile
import zlib
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from emotalk.engines.emotalk.mapped import Bytes, MappedFile, open_regular
from emotalk.engines.emotalk.narrow import is_narrowed, narrow
from emotalk.engines.emotalk.weights import UsedTensors, Weights
from emotalk.errors import CheckpointError, ConfigurationError

SUFFIX = ".bf16.safetensors"

_FORMAT = "emotalk bf16 1"
_LENGTH_BYTES = 8
_ALIGNMENT = 64
_CHECKED_AT_ONCE = 64 << 20
_LARGEST_HEADER = 1 << 20


def converted_path(checkpoint: Path) -> Path:
    """Where the converted file of a checkpoint is looked for: EmoTalk.pth → EmoTalk.bf16.safetensors, beside it."""
    return checkpoint.with_suffix(SUFFIX)


def convert(source: UsedTensors, out: Path) -> None:
    """Write the converted file of a checkpoint, all or nothing: a reader sees the old file or the whole new one.

    Raises CheckpointError if a tensor cannot be read, ConfigurationError if `out` is the checkpoint itself, OSError
    naming `out` if it cannot be written.
    """
    if out.exists() and out.samefile(source.checkpoint.path):
        raise ConfigurationError(f"output: {out} is the checkpoint itself. Name another file.")
    if out.exists() and not out.is_file():
        raise ConfigurationError(f"output: {out} is not a regular file. Name another file.")
    try:
        _replace(source, out)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(out)) from error


def _replace(source: UsedTensors, out: Path) -> None:
    out.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=out.parent, prefix=f".{out.name}.")
    unfinished = Path(name)
    try:
        with os.fdopen(descriptor, "wb+") as file:
            write(source, file)
            os.fsync(file.fileno())
        unfinished.chmod(0o644)
        unfinished.replace(out)
    finally:
        unfinished.unlink(missing_ok=True)


def write(source: UsedTensors, file: BinaryIO) -> None:
    """Write the converted file of a checkpoint into an open, empty file."""
    layout = _Layout.of(source)
    file.write(layout.header([0] * layout.blocks))
    for name in layout.names:
        file.write(_store(source, name).data)
    file.flush()
    source.checkpoint.release()
    sums = _checksum_blocks(MappedFile(file).bytes[layout.start :])
    file.seek(0)
    file.write(layout.header(sums))
    file.flush()


def read(source: UsedTensors, file: BinaryIO) -> Weights:
    """The narrow weights, where they lie in a converted file that was just written from `source`."""
    layout, mapped = _Layout.of(source), MappedFile(file)
    tensors = {name: layout.view(mapped.bytes, name) for name in layout.names}
    return Weights(tensors, source.digest, release=mapped.release)


def open_converted(source: UsedTensors, path: Path) -> Weights:
    """The narrow weights of a checkpoint from its converted file.

    Raises FileNotFoundError, and CheckpointError if the file is damaged or was made from other weights.
    """
    with open_regular(path) as file:
        layout, found = _Layout.of(source), _read_metadata(path, file)
        if found.get("format") != _FORMAT or found.get("source") != source.digest:
            raise _make_error(path, "it was made from another checkpoint or by another version")
        found_bytes = MappedFile(file).bytes
        header = layout.header(_checksum_blocks(found_bytes[layout.start :]))
        if found_bytes.size != layout.size or found_bytes[: layout.start].tobytes() != header:
            raise _make_error(path, "it is damaged")
        return read(source, file)


class _Layout:
    """Where each tensor lies. Those whose bytes fill whole cache lines come first, so that all but the last align."""

    def __init__(self, tensors: Mapping[str, tuple[str, tuple[int, ...], int]], digest: str) -> None:
        self.names = sorted(tensors, key=lambda name: (tensors[name][2] % _ALIGNMENT != 0, name))
        self._tensors, self._digest = tensors, digest
        ends = np.cumsum([tensors[name][2] for name in self.names]).tolist()
        self._offsets = dict(zip(self.names, zip([0, *ends], ends, strict=False), strict=True))
        self.blocks = -(-ends[-1] // _CHECKED_AT_ONCE)
        self.start = len(self.header([0] * self.blocks))
        self.size = self.start + ends[-1]

    @classmethod
    def of(cls, source: UsedTensors) -> "_Layout":
        def describe(name: str, shape: tuple[int, ...]) -> tuple[str, tuple[int, ...], int]:
            kind, width = ("BF16", 2) if is_narrowed(name) else ("F32", 4)
            return kind, shape, width * int(np.prod(shape))

        return cls({name: describe(name, shape) for name, shape in source.shapes.items()}, source.digest)

    def header(self, sums: list[int]) -> bytes:
        """The file's bytes up to the first number."""
        metadata = {"format": _FORMAT, "source": self._digest, "crc32": " ".join(f"{crc:08x}" for crc in sums)}
        entries: dict[str, Any] = {"__metadata__": metadata}
        for name in self.names:
            kind, shape, _ = self._tensors[name]
            entries[name] = {"dtype": kind, "shape": list(shape), "data_offsets": list(self._offsets[name])}
        text = json.dumps(entries, separators=(",", ":")).encode()
        text += b" " * (-(_LENGTH_BYTES + len(text)) % _ALIGNMENT)
        return len(text).to_bytes(_LENGTH_BYTES, "little") + text

    def view(self, mapped: Bytes, name: str) -> NDArray[Any]:
        """A tensor, where it lies."""
        kind, shape, _ = self._tensors[name]
        begin, end = (self.start + offset for offset in self._offsets[name])
        return mapped[begin:end].view(np.uint16 if kind == "BF16" else np.float32).reshape(shape)


def _store(source: UsedTensors, name: str) -> NDArray[Any]:
    values = source.checkpoint.read(name)
    return narrow(values) if is_narrowed(name) else np.ascontiguousarray(values)


def _checksum_blocks(numbers: Bytes) -> list[int]:
    with ThreadPoolExecutor() as pool:
        return list(pool.map(zlib.crc32, _split_blocks(numbers)))


def _split_blocks(numbers: Bytes) -> Iterator[Bytes]:
    return (numbers[start : start + _CHECKED_AT_ONCE] for start in range(0, numbers.size, _CHECKED_AT_ONCE))


def _read_metadata(path: Path, file: BinaryIO) -> Mapping[str, Any]:
    length = int.from_bytes(file.read(_LENGTH_BYTES), "little")
    if not 2 <= length <= _LARGEST_HEADER:
        raise _make_error(path, "it is damaged")
    try:
        metadata = json.loads(file.read(length)).get("__metadata__", {})
    except (ValueError, AttributeError, RecursionError) as error:
        raise _make_error(path, "it is damaged") from error
    return metadata if isinstance(metadata, dict) else {}


def _make_error(path: Path, problem: str) -> CheckpointError:
    return CheckpointError(f"{path}: {problem}. Write it again with: emotalk convert, or remove it.")
