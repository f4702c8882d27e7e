"""Sound in the containers of phones, browsers and films: M4A, MP4, MOV, 3GP, WebM, AMR, AAC, WMA, AVI and the like.

PyAV (ffmpeg's libraries in a wheel) reads them. It forgives as every decoder does, so what the container promises is
held against what came out. Which demuxer may read a file is said by its first bytes, never left to ffmpeg to guess.
"""

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import numpy as np

from emotalk.audio.containers import Coded
from emotalk.audio.containers.packets import measure_frame
from emotalk.audio.containers.programmes import TransportStream
from emotalk.audio.limits import CONVERT
from emotalk.audio.source import BLOCK, Block
from emotalk.errors import NotAudio, TruncatedAudio, UnsupportedAudio
from emotalk.extras import how_to_install

_MISSING_SECONDS = 0.25
"""A container rounds its length, and counts what an encoder laid before and behind the sound."""
_GUESSED = ("aac", "ac3", "asf", "avi", "dts", "mp3", "wav")
"""Demuxers that may guess a length from the rate of bits; what is cut shows elsewhere."""
_DECODERS = {"amrnb": "libopencore_amrnb", "amrwb": "libopencore_amrwb"}
"""ffmpeg's own know nothing of the noise that a telephone sends for silence."""
_FRAMED = ("mp2", "mp2float", "mp3", "mp3float", "ac3", "eac3")
"""Codecs whose frames say how long they are, and whose decoders make up what a cut one lacks."""
_FILLED = ("aac", "opus", "mp3", "mp3float")
"""Codecs whose last packet is filled up; an MP4 says exactly what of it is sound."""
_LATE_STREAMS = 100
_GAP_SECONDS = 0.05
"""A longer hole between two packets is silence: what is heard must stay in time with what is seen."""


class MediaFile:
    """Whatever PyAV reads: the first sound in it. See Source."""

    may_be_divided_by: tuple[float, ...] = ()

    def __init__(self, coded: Coded, lenient: bool = False) -> None:
        """Read the headers. Raises UnsupportedAudio where PyAV is not installed, NotAudio, TruncatedAudio.

        `lenient`: what cannot be decoded is stepped over, and a part is as good as a whole.
        """
        self._coded, self._lenient = coded, lenient
        self._av = _av(coded.format)
        with self._open() as container:
            stream = self._choose_stream(container)
            self.rate, self.channels = int(stream.rate or 0), int(stream.channels or 0)
            self.frames: int | None = None
            if not self.rate:
                raise self._make_unreadable_error()
            self.unheard = _name_unheard(container)
            if coded.demuxer == "mpegts" and not lenient:
                self._check_transport(stream)
            self._promised = 0.0 if lenient or coded.demuxer in _GUESSED else _read_promised_seconds(container, stream)
            filled = coded.demuxer == "mov" and stream.codec_context.name in _FILLED
            self._most = round(self._promised * self.rate) if filled else 0

    def blocks(self) -> Iterator[Block]:
        """See Source."""
        yield from _trim(self._decode_with_gaps(), self._most) if self._most else self._decode_with_gaps()

    def _decode_with_gaps(self) -> Iterator[Block]:
        position = 0
        with self._open() as container:
            stream = self._choose_stream(container)
            start = Fraction(container.start_time or 0, 1_000_000)
            for frame in self._decode_frames(container, stream):
                gap = self._measure_gap(frame, start, position) if position or frame.pts else 0
                yield from (np.zeros((min(BLOCK, gap - at), self.channels), np.float32) for at in range(0, gap, BLOCK))
                block = _to_samples(frame, self.channels)
                position += gap + len(block)
                yield block
        self._check_whole(position)

    def _decode_frames(self, container: Any, stream: Any) -> Iterator[Any]:
        decoder = self._choose_decoder(stream)
        for packet in self._read_packets(container, stream):
            try:
                yield from filter(self._is_complete, decoder.decode(packet))
            except self._av.error.FFmpegError as error:
                self._give_up(error)

    def _choose_decoder(self, stream: Any) -> Any:
        codec = stream.codec_context
        better = _DECODERS.get(codec.name)
        if better not in self._av.codecs_available:
            return codec
        decoder = self._av.CodecContext.create(better, "r")
        decoder.sample_rate, decoder.layout = codec.sample_rate, codec.layout
        return decoder

    def _is_complete(self, frame: Any) -> bool:
        """PyAV reads beyond the memory of a frame of more than eight channels: one that fits has one or two."""
        rate, channels = frame.sample_rate, frame.layout.nb_channels
        if (rate, channels) != (self.rate, self.channels) and not self._lenient:
            change = f"from {self.rate} Hz with {self.channels} channels to {rate} Hz with {channels}"
            raise TruncatedAudio(f"the {self._coded.format} is damaged, or changes {change} midway", CONVERT)
        return bool((rate, channels) == (self.rate, self.channels))

    def _read_packets(self, container: Any, stream: Any) -> Iterator[Any]:
        last = None
        for packet in self._demux(container, stream):
            last = packet if packet.size else last
            yield packet
        framed = stream.codec_context.name in _FRAMED and not self._lenient
        if last and framed and measure_frame(bytes(last)) > last.size:
            raise self._make_damage_error("its last frame is cut")

    def _demux(self, container: Any, stream: Any) -> Iterator[Any]:
        for _ in range(_LATE_STREAMS):
            try:
                yield from container.demux(stream)
                break
            except IndexError:
                continue  # PyAV does not know a stream that appeared on the way; behind its first packet come ours
            except self._av.error.FFmpegError as error:
                self._give_up(error)
                break

    def _check_transport(self, stream: Any) -> None:
        transport = TransportStream.of(self._coded.buffer, self._coded.start)
        if late := transport.late_sound():
            problem = f"the {self._coded.format} gets another sound track midway (PID {min(late)}), as joined files do"
            raise TruncatedAudio(problem, "Send its parts one by one")
        if (hole := transport.hole(stream.id)) is not None:
            raise self._make_damage_error(f"packets are missing after {hole:.1f} s")

    def _give_up(self, error: Exception) -> None:
        if not self._lenient:
            raise self._make_damage_error(f"its sound cannot be decoded ({_word_error(error)})") from error

    def _measure_gap(self, frame: Any, start: Fraction, position: int) -> int:
        """Samples of silence that are due before this frame."""
        if frame.pts is None or frame.time_base is None:
            return 0
        due = round((frame.pts * frame.time_base - start) * self.rate)
        return due - position if due - position > _GAP_SECONDS * self.rate else 0

    def _check_whole(self, position: int) -> None:
        seconds = position / self.rate
        if self._promised - seconds > _MISSING_SECONDS:
            raise self._make_damage_error(f"it promises {self._promised:.2f} s and holds {seconds:.2f} s")

    def _make_damage_error(self, how: str) -> TruncatedAudio:
        return TruncatedAudio(f"the {self._coded.format} is cut or damaged: {how}", "Send the whole file")

    def _open(self) -> Any:
        try:
            return self._av.open(self._coded.open(), format=self._coded.demuxer, metadata_errors="ignore")
        except (self._av.error.FFmpegError, ValueError) as error:
            raise self._make_unreadable_error() from error

    def _make_unreadable_error(self) -> NotAudio:
        problem = f"this begins like the kind {self._coded.format}, and cannot be opened: it is cut or damaged"
        return NotAudio(problem, f"Send the whole file. {CONVERT}")

    def _choose_stream(self, container: Any) -> Any:
        readable = [each for each in container.streams.audio if each.codec_context is not None]
        stream = max(readable, key=_is_chosen, default=None)
        if stream is None and container.streams.audio:
            raise UnsupportedAudio(f"the {self._coded.format} has sound in a codec that is not read", CONVERT)
        if stream is None:
            raise NotAudio(f"the {self._coded.format} has no sound", "Send a recording that has some")
        codec = stream.codec_context
        codec.thread_count = 1
        if (self._coded.demuxer, codec.name) == ("caf", "alac"):
            # ffmpeg cuts its last frame, which is short, twice.
            codec.flags2 |= self._av.codec.context.Flags2.skip_manual
        return stream


def _av(name: str) -> Any:
    try:
        import av
    except ImportError as error:
        raise UnsupportedAudio(
            f"this is of the kind {name}, which PyAV reads, and PyAV is not installed here",
            f"Install it: {how_to_install('media')}. {CONVERT}",
        ) from error
    return av


def _trim(blocks: Iterator[Block], most: int) -> Iterator[Block]:
    """Without the part of the last block that lies beyond `most` samples."""
    heard, beyond = 0, None
    for block in blocks:
        if beyond is not None:
            yield beyond
        inside = most - heard if heard < most else len(block)
        heard += len(block)
        yield block[:inside]
        beyond = block[inside:]


def _word_error(error: Exception) -> str:
    return str(getattr(error, "strerror", "") or error)


def _is_chosen(stream: Any) -> bool:
    """Does the file say that this one is to be heard where nobody chooses? The first one, where none is so called."""
    return bool(stream.disposition & stream.disposition.default)


def _name_unheard(container: Any) -> str:
    others = len(container.streams.audio) - 1
    return f"it has {others + 1} sound tracks, and only one is used" if others else ""


def _read_promised_seconds(container: Any, stream: Any) -> float:
    """Seconds of sound that the container says it holds; 0 where it does not say."""
    if stream.duration is not None and stream.time_base is not None:
        return float(stream.duration * stream.time_base)
    sounds_alone = len(container.streams) == 1
    late = container.start_time or 0 if container.format.name.startswith("matroska") else 0  # it counts from 0
    return (container.duration - late) / 1e6 if container.duration is not None and sounds_alone else 0.0


def _to_samples(frame: Any, channels: int) -> Block:
    """A decoded frame → [n, channels]."""
    try:
        values: Block = frame.to_ndarray()
    except ValueError as error:
        raise UnsupportedAudio(
            f"it has samples of the kind {frame.format.name}, which are not read", CONVERT
        ) from error
    if values.dtype.kind == "u":
        values = (values.astype(np.float32) - np.float32(128)) / np.float32(128)
    elif values.dtype.kind == "i":
        values = values / np.float64(2 ** (8 * values.dtype.itemsize - 1))
    if not frame.format.is_planar:
        return values.reshape(-1, channels)
    return values.T
