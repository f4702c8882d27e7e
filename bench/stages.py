"""The way of one clip, stage by stage, with the product's own code and an engine that costs nothing."""

import io
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import soundfile

from bench.clips import FreeEngine
from emotalk.audio import decode, decode_flac_blocks, encode_flac
from emotalk.chunking import Cut, open_session
from emotalk.face import Frames, Pcm
from emotalk.jobs import Job, Part
from emotalk.jobs.assembly import Assembly
from emotalk.jobs.codec import decode_job, decode_part, encode_part
from emotalk.jobs.intake import Intake, Order, as_request
from emotalk.pipeline import Pipeline
from emotalk.shaping import Shaping
from emotalk.wire.convert import to_response
from emotalk.worker.animation import PUSH_SAMPLES, Animation

REQUEST = "0" * 32
Stage = tuple[str, Callable[[], object]]


@dataclass(frozen=True)
class Clip:
    """A clip in every form that it takes on its way."""

    wav: bytes
    pcm: Pcm
    record: bytes
    frames: Frames
    parts: list[bytes]

    @classmethod
    def read(cls, path: Path) -> "Clip":
        """From a WAV file."""
        wav = path.read_bytes()
        record = accept(wav)
        parts = list(animate(record))
        frames = np.concatenate([decode_part(each).frames for each in parts])
        return cls(wav, decode(wav), record, frames, parts)


def accept(wav: bytes) -> bytes:
    """The server's half on the way in: a file → the record of the request log."""
    return as_request(Intake().accept(Order(wav, REQUEST), time.time)).payload


def animate(record: bytes, *, keep: bool = True) -> list[bytes]:
    """The worker's half: a record → the records of the result log; none where they are not kept."""
    kept: list[bytes] = []

    def publish(parts: list[Part]) -> None:
        records = [encode_part(each) for each in parts]
        kept.extend(records if keep else [])

    animation = Animation(Pipeline(FreeEngine()), decode_job(record), publish, time.monotonic)
    animation.wait(600)
    if animation.error:
        raise animation.error
    return kept


def respond(parts: Iterable[bytes]) -> Iterator[bytes]:
    """The server's half on the way out: records → responses as they go over the wire."""
    assembly = Assembly()
    for part in parts:
        if response := assembly.add(decode_part(part)):
            chunk = response.chunk_index, response.first_frame, response.frames, response.is_final
            yield to_response(REQUEST, *chunk).SerializeToString()


def whole_way(clip: Clip) -> Iterator[bytes]:
    """In at the server's door, out at the server's door."""
    return respond(animate(accept(clip.wav)))


def exhaust(values: Iterable[object]) -> None:
    """Take everything, keep nothing."""
    deque(values, maxlen=0)


def limits(clip: Clip) -> list[Stage]:
    """What the sound costs at least: one copy of its samples, one decoding of its FLAC."""
    flac = decode_job(clip.record).flac
    return [
        ("limit: copy the samples", clip.pcm.copy),
        ("limit: libsndfile decodes FLAC", lambda: soundfile.read(io.BytesIO(flac), dtype="float32")),
    ]


def stages(clip: Clip) -> list[Stage]:
    """Each stage alone, in the order of the way."""
    job = decode_job(clip.record)
    return [
        ("server: decode WAV", partial(decode, clip.wav)),
        ("server: encode FLAC", partial(encode_flac, clip.pcm)),
        ("worker: decode FLAC", lambda: exhaust(decode_flac_blocks(job.flac, PUSH_SAMPLES))),
        ("worker: windows, stitch, cut", lambda: _cut(job, clip.pcm)),
        ("worker: shape", lambda: _shape(job, clip.frames)),
        ("worker: records (protobuf)", lambda: exhaust(map(encode_part, _parts(clip.frames)))),
        ("server: responses (protobuf)", lambda: exhaust(respond(clip.parts))),
    ]


def _cut(job: Job, pcm: Pcm) -> None:
    chunking = job.performance.chunking
    session, cut = open_session(FreeEngine(), job.performance.style, chunking), Cut(chunking)
    for at in range(0, len(pcm), PUSH_SAMPLES):
        cut.add(session.push(pcm[at : at + PUSH_SAMPLES]), min(len(pcm), at + PUSH_SAMPLES))
    cut.finish(session.finish(), len(pcm))


def _shape(job: Job, frames: Frames) -> None:
    shaping = Shaping(job.gains)
    for at in range(0, len(frames), 735):
        shaping.push(frames[at : at + 735])
    shaping.finish()


def _parts(frames: Frames) -> Iterator[Part]:
    for at in range(0, len(frames), 256):
        yield Part(REQUEST, "free-1", 0, at, len(frames), True, frames[at : at + 256])
