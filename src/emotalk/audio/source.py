"""Coded sound → blocks of samples as they are in the file, by libsndfile or PyAV.

soundfile (libsndfile) reads WAV, FLAC, OGG, MP3, AIFF, CAF, AU and W64 from one wheel, without ffmpeg beside it.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Protocol

import numpy as np
import soundfile
from numpy.typing import NDArray

from emotalk.audio.containers import Coded, CodedFile
from emotalk.audio.containers.tags import BEGINNINGS, refuse_rest
from emotalk.errors import AudioError, TruncatedAudio

BLOCK = 32_768  # fixed, so that the resampler sees the same blocks whatever its reader asks for

Block = NDArray[np.floating]
"""[n, channels]; full scale is 1."""

_SECOND_READERS = {"CAF": "caf", "MP3": "mp3"}
"""PyAV's, where libsndfile fails: it reads PCM in a CAF and ALAC of some writers; and in a working folder that
has `._` or `.AppleDouble`, as shares for Macs have them, it takes these for half of any MP3."""
_DIVISORS = {"FLOAT": (2.0**15,), "DOUBLE": (2.0**15,), "PCM_32": (2.0**16, 2.0**8)}
"""Of 16-bit samples divided twice; of 16, or 24, bits in the low end of 32, as ALSA records S24_LE."""
_NEAR_THE_END = 2 * BLOCK
_SMALL_STEP = 64


class Source(Protocol):
    """A file of sound. `frames`: how long the file says it is, None where it does not."""

    rate: int
    channels: int
    frames: int | None
    unheard: str
    """What else is in the file that nobody hears; mostly empty."""
    may_be_divided_by: tuple[float, ...]
    """By what a writer may have divided its samples once too often, the most first; none: they are what they seem."""

    def blocks(self) -> Iterator[Block]:
        """All samples, from the first one on, at each call. Raises AudioError where they end before they should."""
        ...


class SoundFile:
    """Whatever libsndfile reads."""

    unheard = ""

    def __init__(self, coded: Coded) -> None:
        """Read the header. Raises TruncatedAudio."""
        self._coded = coded
        with self._open(CodedFile(coded)) as file:
            self.rate, self.channels = int(file.samplerate), int(file.channels)
            # 64-bit floats may be finite and still too large for 32 bits: they are read as they are.
            self._type = "float64" if file.subtype in ("DOUBLE", "PCM_32") else "float32"
            self.may_be_divided_by = _DIVISORS.get(file.subtype, ())
            self.frames = min(int(file.frames), coded.most or file.frames) if coded.counted else None

    def blocks(self) -> Iterator[Block]:
        """See Source."""
        read, data = 0, CodedFile(self._coded)
        with self._open(data) as file:
            while (block := self._read(file, data, read)).size:
                read += len(block)
                yield block
        if read < (self.frames or 0):
            raise self._make_damage_error(read)
        if self._ends_unsaid:
            at = max(self._coded.start + data.tell() - _SMALL_STEP, 0)
            refuse_rest(self._coded.buffer, self._find_flac_end(at), "FLAC")

    @property
    def _ends_unsaid(self) -> bool:
        return self._coded.format == "FLAC" and bool(self.frames) and not self._coded.alone

    def _find_flac_end(self, at: int) -> int:
        """The decoder has seen a few bytes beyond the end, in which another file may begin."""
        seen = self._coded.buffer[at : at + _SMALL_STEP + 3]
        return at + min((found for each in BEGINNINGS if (found := seen.find(each)) >= 0), default=_SMALL_STEP)

    def _read(self, file: soundfile.SoundFile, data: CodedFile, read: int) -> Block:
        # A FLAC does not say where it ends, so near its end the decoder is fed by the spoonful, and asked for no more
        # than there is: what lies behind is not for it to judge.
        wanted = BLOCK if self.frames is None else min(BLOCK, self.frames - read)
        if self._ends_unsaid and (self.frames or 0) - read <= _NEAR_THE_END:
            data.step = _SMALL_STEP
        try:
            block: Block = file.read(wanted, self._type, always_2d=True)
        except soundfile.SoundFileError as error:
            raise self._make_damage_error(read) from error
        return block

    def _make_damage_error(self, read: int) -> AudioError:
        known = "" if self.frames is None else f" of the {self.frames / self.rate:.2f} s it promises"
        return TruncatedAudio(
            f"the {self._coded.format} is cut or damaged: it cannot be decoded beyond {read / self.rate:.2f} s{known}",
            "Send the whole file, or encode it again",
        )

    def _open(self, data: CodedFile) -> soundfile.SoundFile:
        raw = self._coded.raw
        try:
            if raw is None:
                return _ForwardOnly(data)
            shape = {"samplerate": raw.rate, "channels": raw.channels, "subtype": raw.subtype, "endian": raw.endian}
            return _ForwardOnly(data, format="RAW", **shape)
        except soundfile.SoundFileError as error:
            raise TruncatedAudio(
                f"the {self._coded.format} is cut or damaged within its headers",
                "Send the whole file, or encode it again",
            ) from error


class _ForwardOnly(soundfile.SoundFile):  # type: ignore[misc]  # soundfile has no types
    """soundfile seeks after every read where it can, which fails at the end of a FLAC of unknown length."""

    def seekable(self) -> bool:
        return False


def open_source(coded: Coded, lenient: bool = False) -> Source:
    """The decoder for it; `lenient`: see MediaFile. Raises AudioError."""
    if not coded.demuxer:
        try:
            return SoundFile(coded)
        except TruncatedAudio:
            if coded.format not in _SECOND_READERS:
                raise
        coded = replace(coded, demuxer=_SECOND_READERS[coded.format])
    # Not at the top: it is an extra, and takes long to load.
    from emotalk.audio.media import MediaFile

    return MediaFile(coded, lenient)
