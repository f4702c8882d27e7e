"""The zip that `torch.save` writes, as views of the mapped file.

Nothing is copied and nothing is unpacked: an entry must be stored, and its bytes must lie inside the file.
"""

import struct
import zipfile
from pathlib import Path
from typing import BinaryIO

from emotalk.engines.emotalk.mapped import Bytes, MappedFile, open_regular
from emotalk.errors import CheckpointError, CheckpointNotFound

_LOCAL_HEADER = struct.Struct("<4s22xHH")
_LOCAL_MAGIC = b"PK\x03\x04"
_ENCRYPTED = 1
_LARGEST_DIRECTORY = 4 << 20
"""Bytes; the published file's has 0.1 MB."""
_PICKLE_MAGIC = b"\x80"


class StoredZip:
    """The entries of one file, read-only. A file that is replaced (not rewritten in place) stays readable."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            with open_regular(path) as file:
                self.entries = _read_directory(path, file)
                mapped = MappedFile(file)
                self._bytes, self.release = mapped.bytes, mapped.release
        except FileNotFoundError as error:
            raise CheckpointNotFound(
                f"{path}: there are no weights at this path. Download EmoTalk.pth and mount or copy it there, "
                "or say where it is with --model_path."
            ) from error
        except (OSError, ValueError) as error:
            raise _reword(path, error) from error

    @property
    def size(self) -> int:
        """Bytes of the whole file."""
        return self._bytes.size

    def crc(self, name: str) -> int:
        """The CRC-32 that the directory records for an entry; the entry itself is not read."""
        return self._find_entry(name).CRC

    def read(self, name: str) -> Bytes:
        """The bytes of an entry, uint8 [n], where they lie in the file. Raises CheckpointError."""
        entry = self._find_entry(name)
        if entry.compress_type != zipfile.ZIP_STORED or entry.flag_bits & _ENCRYPTED:
            raise self._make_error(f"{name} is compressed or encrypted", "Write the file again with torch.save")
        start = self._find_data(entry)
        if start + entry.file_size > self.size:
            raise self._make_error(f"{name} reaches past the end of the file", "Download it again")
        return self._bytes[start : start + entry.file_size]

    def _find_entry(self, name: str) -> zipfile.ZipInfo:
        if name not in self.entries:
            raise self._make_error(f"it has no entry {name}", "Download it again")
        return self.entries[name]

    def _find_data(self, entry: zipfile.ZipInfo) -> int:
        """The local header repeats the name and has an extra field of its own: only it knows where the data starts."""
        start, end = entry.header_offset, entry.header_offset + _LOCAL_HEADER.size
        if start < 0 or end > self.size:
            raise self._make_error(f"{entry.filename} lies outside the file", "Download it again")
        magic, name, extra = _LOCAL_HEADER.unpack(self._bytes[start:end].tobytes())
        if magic != _LOCAL_MAGIC:
            raise self._make_error(f"{entry.filename} is not where the directory says", "Download it again")
        return int(end + name + extra)

    def _make_error(self, problem: str, fix: str) -> CheckpointError:
        return CheckpointError(f"{self.path}: {problem}. {fix}.")


class _Frugal:
    """A file of which zipfile reads no more at once than a checkpoint's directory could be long."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.seek, self.tell = file.seek, file.tell

    def read(self, size: int = _LARGEST_DIRECTORY) -> bytes:
        """As a file's; all of it only if that is little. Raises BadZipFile."""
        if not 0 <= size <= _LARGEST_DIRECTORY:
            raise zipfile.BadZipFile("its directory is too long")
        return self._file.read(size)


def _read_directory(path: Path, file: BinaryIO) -> dict[str, zipfile.ZipInfo]:
    try:
        with zipfile.ZipFile(_Frugal(file)) as archive:
            return {entry.filename: entry for entry in archive.infolist()}
    except (zipfile.BadZipFile, NotImplementedError, struct.error) as error:
        file.seek(0)
        raise _make_zip_error(path, file.read(1)) from error


def _make_zip_error(path: Path, first: bytes) -> CheckpointError:
    if first == _PICKLE_MAGIC:
        return CheckpointError(
            f"{path}: an old-style .pth, which cannot be read safely. Write it again with a torch of today: "
            "torch.save(torch.load(path, weights_only=True), path)."
        )
    return CheckpointError(f"{path}: not a checkpoint, or a truncated one. Compare its size and download it again.")


def _reword(path: Path, error: Exception) -> CheckpointError:
    if isinstance(error, CheckpointError):
        return error
    return CheckpointError(f"{path}: the weights cannot be read: {error}. Check the file and its permissions.")
