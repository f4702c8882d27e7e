"""Bytes → mono float32 at 16 kHz, block by block and with bounded memory."""

import mmap
from collections import deque
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from emotalk.audio.containers import DEMUXERS, Buffer, Coded, locate, sniff
from emotalk.audio.gauge import Gauge
from emotalk.audio.limits import check_length, check_shape, make_endless_error
from emotalk.audio.raw import locate_raw
from emotalk.audio.resample import cut_blocks, resample
from emotalk.audio.sent import AS_IT_IS, Sent
from emotalk.audio.source import Block, Source, open_source
from emotalk.errors import AudioError, BadSamples, EmptyAudio, NotAudio, TruncatedAudio
from emotalk.face import Pcm
from emotalk.limits import DEFAULT_LIMITS, Limits, check_size
from emotalk.timebase import SAMPLE_RATE, resampled_length


class AudioReader:
    """A checked audio file, ready to be read; every call of `blocks` starts at its beginning.

    `format` (WAV, FLAC, OGG, MP3, …), `rate` in Hz and `channels` are the file's own. `samples` is the exact length at
    16 kHz, or None for a file whose header does not tell it. `missing`: what is wrong with a damaged file that is read
    all the same, or which sound of a film is not heard; else empty.
    """

    def __init__(self, source: Source, name: str, limits: Limits, missing: str = "") -> None:
        """Raises AudioError if the headers alone show that the file cannot be used."""
        self._source, self._limits, self.missing = source, limits, missing or source.unheard
        self.format, self.rate, self.channels = name, source.rate, source.channels
        frames = source.frames
        check_shape(self.rate, self.channels)
        if frames == 0:
            raise _make_empty_error()
        check_length(frames or 0, self.rate, limits)
        self.samples = None if frames is None else resampled_length(frames, self.rate)

    def blocks(self, size: int = SAMPLE_RATE) -> Iterator[Pcm]:
        """The sound as float32 blocks of `size` samples at 16 kHz (the last may be shorter), in [-1, 1].

        Stereo becomes the mean of left and right, or the one that is not silent. Samples beyond full scale are
        clipped, and the same samples come out whatever `size` is. Raises TruncatedAudio, BadSamples or AudioTooLong
        on the way, as soon as it shows.
        """
        return cut_blocks(resample(self._mix_to_mono(), self.rate), size)

    def whole(self) -> Pcm:
        """All of it, float32 [N]."""
        return _gather(self.blocks(), self.samples or 0)

    def _mix_to_mono(self) -> Iterator[Pcm]:
        gauge = self._gauge()
        left, right = map(np.float32, gauge.shares)
        for block in self._check_blocks():
            scaled = block * gauge.scale if gauge.scale != 1 else block
            yield _mix(np.clip(scaled, -1, 1).astype(np.float32, copy=False), left, right)

    def _gauge(self) -> Gauge:
        """Whatever can only be told from all samples; most files need no such look."""
        gauge = Gauge(self._source.may_be_divided_by)
        if self.channels == 2 or gauge.divided_by:
            for block in self._check_blocks():
                gauge.look(block)
        return gauge

    def _check_blocks(self) -> Iterator[Block]:
        read = 0
        for block in self._source.blocks():
            _check_finite(block, read, self.rate)
            read += len(block)
            if read > self._limits.max_seconds * self.rate:
                raise make_endless_error(read, self.rate, self._limits)
            yield block
        if not read:
            raise _make_empty_error()


def open_audio(source: bytes | Path, limits: Limits = DEFAULT_LIMITS, sent: Sent = AS_IT_IS) -> AudioReader:
    """Check the headers of a file and get ready to read it. Decodes nothing yet, unless damage is to be put up with.

    `limits.max_bytes` holds for bytes and pipes only: a larger file at a path is mapped. Raises AudioError, OSError.
    """
    buffer = _map(source, limits) if isinstance(source, Path) else source
    if isinstance(buffer, bytes):
        check_size(len(buffer), limits)
    if not sent.lenient:
        return _open(buffer, limits, sent)
    try:
        reader = _open(buffer, limits, sent)
        deque(reader.blocks(), maxlen=0)
    except TruncatedAudio as damage:
        return _open_damaged(buffer, limits, damage)
    return reader


def _open(buffer: Buffer, limits: Limits, sent: Sent) -> AudioReader:
    coded = locate_raw(buffer, sent.raw) if sent.raw else locate(buffer, limits)
    if coded.raw:
        check_shape(coded.raw.rate, coded.raw.channels)
    return AudioReader(open_source(coded), coded.format, limits)


def _open_damaged(buffer: Buffer, limits: Limits, damage: TruncatedAudio) -> AudioReader:
    """By PyAV, which steps over what cannot be read and goes on behind it."""
    kind, start, demuxer = sniff(buffer)
    coded = Coded(kind, buffer, start, len(buffer), demuxer=demuxer or DEMUXERS[kind], counted=False)
    try:
        return AudioReader(open_source(coded, lenient=True), coded.format, limits, damage.problem)
    except NotAudio:
        raise damage from None


def decode(data: bytes, limits: Limits = DEFAULT_LIMITS) -> Pcm:
    """Decode a file of any kind that is read to mono float32 [N] at 16 kHz in [-1, 1].

    N = resampled_length(n, rate), exactly. Holds the result and one block. Raises AudioError.
    """
    return open_audio(data, limits).whole()


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
    """Only what is large is mapped: who writes a mapped file anew ends the process that reads it."""
    with path.open("rb") as file:
        data = file.read(limits.max_bytes + 1)
        if len(data) <= limits.max_bytes or not path.is_file():
            return data
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


def _check_finite(block: Block, read: int, rate: int) -> None:
    finite = np.isfinite(block).all(axis=1)
    if not finite.all():
        at = (read + int(np.argmin(finite))) / rate
        raise BadSamples(
            f"the sample at {at:.4f} s is not a finite number", "Write it again without NaN or infinite samples"
        )


def _mix(block: NDArray[np.float32], left: np.float32, right: np.float32) -> Pcm:
    """Stereo → mono: mostly the mean of left and right, exact for 16-bit samples."""
    if block.shape[1] == 1:
        return block[:, 0]
    return block[:, 0] * left + block[:, 1] * right


def _make_empty_error() -> AudioError:
    return EmptyAudio("there are no samples", "Send a recording that is not empty")
