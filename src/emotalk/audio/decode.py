"""Bytes → mono float32 at 16 kHz, block by block and with bounded memory.

soundfile (libsndfile) reads WAV, FLAC, OGG and MP3 from one wheel, without ffmpeg beside it.
"""

import io
import mmap
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from emotalk.audio.containers import Buffer, Coded, locate
from emotalk.audio.limits import check_length, check_shape, endless
from emotalk.audio.resample import recut, resample
from emotalk.errors import AudioError, BadSamples, EmptyAudio, TruncatedAudio
from emotalk.face import Pcm
from emotalk.limits import DEFAULT_LIMITS, Limits, check_size
from emotalk.timebase import SAMPLE_RATE, resampled_length

BLOCK = 32_768  # fixed, so that the resampler sees the same blocks whatever its reader asks for


class AudioReader:
    """A checked audio file, ready to be read; every call of `blocks` starts at its beginning.

    `format` (WAV, FLAC, OGG, MP3), `rate` in Hz and `channels` are the file's own. `samples` is the exact length at
    16 kHz, or None for a FLAC whose writer did not know it.
    """

    def __init__(self, coded: Coded, limits: Limits) -> None:
        """Read the headers. Raises AudioError if they alone show that the file cannot be used."""
        self._coded, self._limits = coded, limits
        if coded.raw:
            check_shape(coded.raw.rate, coded.raw.channels)
        with _open(coded) as file:
            self.format, self.rate, self.channels = coded.format, int(file.samplerate), int(file.channels)
            self._wide = file.subtype == "DOUBLE"
            self._frames: int | None = int(file.frames) if coded.counted else None
        check_shape(self.rate, self.channels)
        if self._frames == 0:
            raise _empty()
        check_length(self._frames or 0, self.rate, limits)
        self.samples = None if self._frames is None else resampled_length(self._frames, self.rate)

    def blocks(self, size: int = SAMPLE_RATE) -> Iterator[Pcm]:
        """The sound as float32 blocks of `size` samples at 16 kHz (the last may be shorter), in [-1, 1].

        Stereo becomes the mean of left and right, samples beyond full scale are clipped, and the same samples come out
        whatever `size` is. Raises TruncatedAudio, BadSamples or AudioTooLong on the way, as soon as it shows.
        """
        return recut(resample(self._mono(), self.rate), size)

    def _mono(self) -> Iterator[Pcm]:
        read = 0
        with _open(self._coded) as file:
            while (block := self._read(file, read)).size:
                _check_finite(block, read, self.rate)
                read += len(block)
                if read > self._limits.max_seconds * self.rate:
                    raise endless(read, self.rate, self._limits)
                yield _mix(np.clip(block, -1, 1).astype(np.float32, copy=False))
        if read < (self._frames or 0):
            raise self._damaged(read)
        if not read:
            raise _empty()

    def _read(self, file: soundfile.SoundFile, read: int) -> NDArray[np.floating]:
        # 64-bit floats may be finite and still too large for 32 bits: they are read as they are, then clipped.
        try:
            block: NDArray[np.floating] = file.read(BLOCK, "float64" if self._wide else "float32", always_2d=True)
        except soundfile.SoundFileError as error:
            raise self._damaged(read) from error
        return block

    def _damaged(self, read: int) -> AudioError:
        known = "" if self._frames is None else f" of the {self._frames / self.rate:.2f} s it promises"
        return TruncatedAudio(
            f"the {self.format} is cut or damaged: it cannot be decoded beyond {read / self.rate:.2f} s{known}",
            "Send the whole file, or encode it anew",
        )


class _ForwardOnly(soundfile.SoundFile):  # type: ignore[misc]  # soundfile has no types
    """soundfile seeks after every read where it can, which fails at the end of a FLAC of unknown length."""

    def seekable(self) -> bool:
        return False


def open_audio(source: bytes | Path, limits: Limits = DEFAULT_LIMITS) -> AudioReader:
    """Check the headers of a file and get ready to read it. Decodes nothing yet.

    A regular file at a path is mapped, not read: `limits.max_bytes` holds for bytes and pipes only. Raises AudioError,
    OSError.
    """
    buffer = _map(source, limits) if isinstance(source, Path) else source
    if isinstance(buffer, bytes):
        check_size(len(buffer), limits)
    return AudioReader(locate(buffer, limits), limits)


def decode(data: bytes, limits: Limits = DEFAULT_LIMITS) -> Pcm:
    """Decode a WAV, FLAC, OGG or MP3 file to mono float32 [N] at 16 kHz in [-1, 1].

    N = resampled_length(n, rate), exactly. Holds the result and one block. Raises AudioError.
    """
    reader = open_audio(data, limits)
    return _gather(reader.blocks(), reader.samples or 0)


def _gather(blocks: Iterable[Pcm], expected: int) -> Pcm:
    pcm, filled = np.empty(expected, np.float32), 0
    for block in blocks:
        if filled + block.size > pcm.size:
            pcm.resize(filled + block.size + pcm.size // 2, refcheck=False)
        pcm[filled : filled + block.size] = block
        filled += block.size
    pcm.resize(filled, refcheck=False)
    return pcm


def _map(path: Path, limits: Limits) -> Buffer:
    with path.open("rb") as file:
        if not path.is_file():
            return file.read(limits.max_bytes + 1)
        if not file.seek(0, io.SEEK_END):
            return b""
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


def _open(coded: Coded) -> soundfile.SoundFile:
    raw = coded.raw
    try:
        if raw is None:
            return _ForwardOnly(coded.open())
        shape = {"samplerate": raw.rate, "channels": raw.channels, "subtype": raw.subtype, "endian": raw.endian}
        return _ForwardOnly(coded.open(), format="RAW", **shape)
    except soundfile.SoundFileError as error:
        raise TruncatedAudio(
            f"the {coded.format} is cut or damaged within its headers", "Send the whole file, or encode it anew"
        ) from error


def _check_finite(block: NDArray[np.floating], read: int, rate: int) -> None:
    finite = np.isfinite(block).all(axis=1)
    if not finite.all():
        at = (read + int(np.argmin(finite))) / rate
        raise BadSamples(
            f"the sample at {at:.4f} s is not a finite number", "Write it anew without NaN or infinite samples"
        )


def _mix(block: NDArray[np.float32]) -> Pcm:
    """Stereo → mono: the mean of left and right, exact for 16-bit samples."""
    return block[:, 0] if block.shape[1] == 1 else (block[:, 0] + block[:, 1]) * np.float32(0.5)


def _empty() -> AudioError:
    return EmptyAudio("there are no samples", "Send a recording that is not empty")
