"""One conversation with the live engine, as values: what a contract hands to the pool, and what it gets back.

The messages of `proto/live.proto` carry them to the engine's process (framing.py).
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Literal

import numpy as np

from emotalk.audio.limits import HIGHEST_RATE, LOWEST_RATE
from emotalk.chunking import latency_of
from emotalk.errors import BadSamples, InvalidRequest
from emotalk.face import Frames, Pcm
from emotalk.feelings import EmotionKey, FeelingTrack
from emotalk.jobs.intake import check_id
from emotalk.performance import Performance
from emotalk.shaping import Adjustment
from emotalk.wire import emotalk_pb2, live_pb2
from emotalk.wire.convert import from_message, to_response

MOST_LATENCY = 5.0

Encoding = Literal["pcm16", "float32"]
_SAMPLES: dict[str, str] = {"pcm16": "<i2", "float32": "<f4"}


@dataclass(frozen=True)
class Opening:
    """How somebody is heard and drawn: mono, little-endian samples at `sample_rate` Hz. Raises InvalidRequest.

    `latency`: desired seconds from a sound to its frames (None: the engine's choice). `as_clip`: the very frames of
    the same sound as a clip, with the engine's long look-ahead, for sound that comes faster than it is spoken.
    `adjustment`: what is still changed of the finished face (None: nothing). `as_response`: the answers are messages of
    emotalk.proto, which a server passes on as they are.
    """

    request_id: str
    performance: Performance
    sample_rate: int
    encoding: Encoding = "pcm16"
    latency: float | None = None
    as_clip: bool = False
    adjustment: Adjustment | None = None
    as_response: bool = False

    @property
    def bytes_per_second(self) -> int:
        """Of its sound."""
        return self.sample_rate * np.dtype(_SAMPLES[self.encoding]).itemsize

    @property
    def is_near(self) -> bool:
        """May it wait for its frames, and is drawn from windows?"""
        return not self.as_clip and latency_of(self.latency) == "near"

    def __post_init__(self) -> None:
        check_id("request_id", self.request_id)
        self.performance.check(live=not self.as_clip)
        if not LOWEST_RATE <= self.sample_rate <= HIGHEST_RATE:
            fix = f"Use {LOWEST_RATE}..{HIGHEST_RATE}"
            raise InvalidRequest("sample_rate", f"{self.sample_rate} Hz is out of range", fix)
        if self.latency is not None and not 0 <= self.latency <= MOST_LATENCY:
            raise InvalidRequest("latency_hint", f"{self.latency:g} is out of range", f"Use 0..{MOST_LATENCY:g} s")


@dataclass(frozen=True)
class SoundBlock:
    """The next samples, cut anywhere between two. What else comes along with sound is a field of this."""

    audio: bytes
    emotions: tuple[EmotionKey, ...] | None = None
    """From this sound on; None: as before."""


@dataclass(frozen=True)
class LiveChunk:
    """The next frames, float32 [n, 52] or [n, 55], from absolute frame `first_frame`; the final one may have none."""

    index: int
    first_frame: int
    frames: Frames
    is_final: bool
    feelings: FeelingTrack = field(default_factory=FeelingTrack)


def samples_of(block: SoundBlock, encoding: Encoding) -> Pcm:
    """A block → float32 [n] in -1..1. Raises InvalidRequest."""
    kind = np.dtype(_SAMPLES[encoding])
    if len(block.audio) % kind.itemsize:
        raise InvalidRequest("audio", f"{len(block.audio)} bytes are not whole samples", "Cut between two samples")
    samples: Pcm = np.frombuffer(block.audio, kind).astype(np.float32)
    if kind.kind == "i":
        return samples / np.float32(2**15)
    if not np.isfinite(samples).all():
        raise BadSamples("a sample is not a finite number", "Send samples in -1..1", "audio")
    return np.clip(samples, -1, 1)


def pack_opening(opening: Opening, trace: Mapping[str, str]) -> bytes:
    """Opening, and the headers of the trace that it is part of → message."""
    return live_pb2.Opening(
        request_id=opening.request_id,
        sample_rate=opening.sample_rate,
        encoding=opening.encoding,
        latency=opening.latency,
        as_clip=opening.as_clip,
        performance=emotalk_pb2.Performance(**opening.performance.list_changed()),
        adjustment=live_pb2.Adjustment(**asdict(opening.adjustment)) if opening.adjustment else None,
        as_response=opening.as_response,
        trace=trace,
    ).SerializeToString()


def unpack_opening(data: bytes) -> tuple[Opening, Mapping[str, str]]:
    """Message → opening and headers. Raises InvalidRequest."""
    message = live_pb2.Opening.FromString(data)
    return _read_opening(message), dict(message.trace)


def pack_feelings(keys: Iterable[EmotionKey]) -> bytes:
    """What is felt from the next sound on → message."""
    return live_pb2.Felt(emotions=[asdict(key) for key in keys]).SerializeToString()


def unpack_feelings(data: bytes) -> tuple[EmotionKey, ...]:
    """Message → key frames."""
    return tuple(from_message(EmotionKey, key) for key in live_pb2.Felt.FromString(data).emotions)


def _read_opening(message: live_pb2.Opening) -> Opening:
    return Opening(
        message.request_id,
        from_message(Performance, message.performance),
        message.sample_rate,
        "float32" if message.encoding == "float32" else "pcm16",
        message.latency if message.HasField("latency") else None,
        message.as_clip,
        from_message(Adjustment, message.adjustment) if message.HasField("adjustment") else None,
        message.as_response,
    )


def pack_chunk(chunk: LiveChunk, opening: Opening) -> bytes:
    """Frames → message, as the opening asks for it."""
    if opening.as_response:
        where = opening.request_id, chunk.index, chunk.first_frame
        return to_response(*where, chunk.frames, chunk.is_final, chunk.feelings).SerializeToString()
    return live_pb2.Drawn(
        index=chunk.index,
        first_frame=chunk.first_frame,
        frames=chunk.frames.astype("<f4").tobytes(),
        columns=chunk.frames.shape[1],
        first_step=chunk.feelings.first if len(chunk.feelings.rows) else 0,
        feelings=chunk.feelings.pack(),
        is_final=chunk.is_final,
    ).SerializeToString()


def unpack_chunk(data: bytes) -> LiveChunk:
    """Message → frames, where they were not asked for as a response."""
    message = live_pb2.Drawn.FromString(data)
    frames: Frames = np.frombuffer(message.frames, "<f4").reshape(-1, message.columns)
    feelings = FeelingTrack.unpack(message.first_step, message.feelings)
    return LiveChunk(message.index, message.first_frame, frames, message.is_final, feelings)
