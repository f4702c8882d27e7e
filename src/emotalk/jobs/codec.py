"""Jobs, parts and dead letters ⇄ bytes.

    E M T K | kind (J, P or D) | version | protobuf message of proto/records.proto

What does not begin like this is not ours; what has a higher version is left for a newer program.

Why so: docs/decisions/0011.
"""

import logging
import math
from dataclasses import replace

import numpy as np
from google.protobuf.message import DecodeError, Message
from numpy.typing import NDArray

from emotalk.chunking import Chunking
from emotalk.errors import ForeignRecord, InvalidRequest, NewerRecord
from emotalk.face import BLENDSHAPES, HEAD_NAMES, Frames, split_head
from emotalk.feelings import FeelingTrack
from emotalk.jobs.job import DeadLetter, Failure, Job, Part
from emotalk.performance import PARAMETERS, Performance
from emotalk.queues.base import MARK, Result
from emotalk.shaping import Gains
from emotalk.wire import records_pb2
from emotalk.wire.convert import from_message

log = logging.getLogger(__name__)

_SINCE = {each.name: each.record for each in PARAMETERS}
FIRST_VERSION = 1
VERSION = max(_SINCE.values())
"""The latest that this program reads. A record has the lowest that says all it holds, so that older workers read it."""
_MOST_SAMPLES = 2**40
"""Two years: longer than any job, and short enough for every clock."""
_HEAD = len(MARK) + 2


def encode_job(job: Job) -> bytes:
    """Job → record."""
    asked = job.performance
    later = asked.later()
    return _pack(
        b"J",
        records_pb2.Job(
            request_id=job.request_id,
            session_id=job.session_id,
            digest=job.digest,
            submitted_at=job.submitted_at,
            samples=job.samples,
            emotion_level=asked.emotion_level,
            person_id=asked.person_id,
            post_processing=asked.post_processing,
            chunk_steps=asked.chunking.steps,
            overlap_steps=asked.chunking.overlap_steps,
            gains=job.gains.gains,
            offsets=job.gains.offsets,
            seed=job.seed,
            flac=job.flac,
            performance=records_pb2.Performance(**later) if later else None,
        ),
        max((_SINCE[name] for name in later), default=FIRST_VERSION),
    )


def decode_job(record: bytes) -> Job:
    """Record → job. Raises ForeignRecord, NewerRecord."""
    m = records_pb2.Job()
    _parse(b"J", record, m)
    try:
        performance, gains = _read_performance(m), Gains(dict(m.gains), dict(m.offsets))
    except InvalidRequest as error:
        raise ForeignRecord(f"a job with impossible parameters: {error}") from error
    if not (m.request_id and m.samples and m.flac):
        raise ForeignRecord("a job without id or sound")
    if m.samples > _MOST_SAMPLES or not math.isfinite(m.submitted_at):
        raise ForeignRecord("a job with an impossible length or time")
    return Job(m.request_id, m.session_id, m.digest, m.submitted_at, m.samples, performance, m.flac, gains, m.seed)


def _read_performance(m: records_pb2.Job) -> Performance:
    chunking = Chunking(m.chunk_steps, m.overlap_steps)
    performance = replace(
        from_message(Performance, m.performance),
        emotion_level=m.emotion_level,
        person_id=m.person_id,
        post_processing=m.post_processing,
        chunk_duration=chunking.duration,
        chunk_overlap=chunking.overlap,
    )
    performance.check()
    return performance


def encode_part(part: Part) -> bytes:
    """Part → record."""
    face, head = split_head(part.frames)
    message = records_pb2.Part(
        request_id=part.request_id,
        fingerprint=part.fingerprint,
        chunk_index=part.chunk_index,
        first_frame=part.first_frame,
        total_frames=part.total_frames,
        ends_chunk=part.ends_chunk,
        frames=_to_bytes(face),
        head=b"" if head is None else _to_bytes(head),
        digest=part.digest,
        epoch=part.epoch,
        first_step=part.feelings.first if len(part.feelings.rows) else 0,
        feelings=part.feelings.pack(),
    )
    if part.failure:
        message.failure.kind, message.failure.message = part.failure.kind, part.failure.message
    return _pack(b"P", message)


def decode_part(record: bytes) -> Part:
    """Record → part. Raises ForeignRecord, NewerRecord."""
    m = records_pb2.Part()
    _parse(b"P", record, m)
    failure = Failure(m.failure.kind, m.failure.message) if m.HasField("failure") else None
    return Part(
        m.request_id,
        m.fingerprint,
        m.chunk_index,
        m.first_frame,
        m.total_frames,
        m.ends_chunk,
        _read_frames(m),
        failure,
        m.digest,
        m.epoch,
        _read_feelings(m),
    )


def part_of(result: Result) -> Part | None:
    """The part that a result brings the request that it is addressed to; None where a stranger wrote it.

    Raises NewerRecord.
    """
    try:
        part = decode_part(result.payload)
        if part.request_id != result.request_id:
            raise ForeignRecord(f"the record is addressed as {result.request_id} and is a part of another answer")
    except ForeignRecord as foreign:
        place = {"partition": result.cursor[0], "offset": result.cursor[1]}
        log.warning("result skipped", extra={"request_id": result.request_id, **place, "error": str(foreign)})
        return None
    return part


def encode_letter(letter: DeadLetter) -> bytes:
    """Dead letter → record."""
    return _pack(
        b"D",
        records_pb2.DeadLetter(
            request_id=letter.request_id,
            payload=letter.payload,
            failure=records_pb2.Failure(kind=letter.failure.kind, message=letter.failure.message),
            attempts=letter.attempts,
            buried_at=letter.buried_at,
            partition=letter.partition,
            offset=letter.offset,
        ),
    )


def decode_letter(record: bytes) -> DeadLetter:
    """Record → dead letter. Raises ForeignRecord, NewerRecord."""
    m = records_pb2.DeadLetter()
    _parse(b"D", record, m)
    failure = Failure(m.failure.kind, m.failure.message)
    return DeadLetter(m.request_id, m.payload, failure, m.attempts, m.buried_at, m.partition, m.offset)


def _pack(kind: bytes, message: Message, version: int = FIRST_VERSION) -> bytes:
    # Deterministic, so that the same job is the same bytes: maps have no order of their own.
    return MARK + kind + bytes([version]) + message.SerializeToString(deterministic=True)


def _parse(kind: bytes, record: bytes, into: Message) -> None:
    if record[: len(MARK)] != MARK or len(record) < _HEAD:
        raise ForeignRecord("the record was not written by EmoTalk API")
    # Before the kind: a newer version may have kinds that this one has never heard of.
    if record[5] > VERSION:
        raise NewerRecord(f"a record of version {record[5]}; this program reads up to {VERSION}: upgrade it")
    if record[4:5] != kind or record[5] == 0:
        raise ForeignRecord(f"the record is not a {kind.decode()} of EmoTalk API")
    try:
        into.ParseFromString(record[_HEAD:])
    except DecodeError as error:
        raise ForeignRecord("the record is damaged") from error


def _read_frames(m: records_pb2.Part) -> Frames:
    face = _read_rows(m.frames, BLENDSHAPES)
    return np.concatenate([face, _read_rows(m.head, len(HEAD_NAMES), len(face))], axis=1) if m.head else face


def _read_feelings(m: records_pb2.Part) -> FeelingTrack:
    try:
        return FeelingTrack.unpack(m.first_step, m.feelings)
    except ValueError as error:
        raise ForeignRecord("the record ends inside a step") from error


def _read_rows(data: bytes, columns: int, count: int | None = None) -> NDArray[np.float32]:
    if len(data) % (4 * columns) or count not in (None, len(data) // (4 * columns)):
        raise ForeignRecord("the record ends inside a frame")
    rows = np.frombuffer(data, "<f4").reshape(-1, columns).astype(np.float32, copy=False)
    if not np.isfinite(rows).all():
        raise ForeignRecord("the record has frames that are not numbers")
    return rows


def _to_bytes(rows: NDArray[np.float32]) -> bytes:
    return rows.astype("<f4", copy=False).tobytes()
