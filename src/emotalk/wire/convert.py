"""Between the contract's messages and our own values."""

from collections.abc import Iterable
from dataclasses import is_dataclass
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

import numpy as np
from google.protobuf.message import Message

from emotalk.errors import InvalidRequest
from emotalk.face import BLENDSHAPES, Frames, Turns
from emotalk.feelings import FEELINGS, HEARD, FeelingTrack
from emotalk.performance import FIRST, PARAMETERS, Performance
from emotalk.timebase import timecode
from emotalk.wire import emotalk_pb2

T = TypeVar("T")
M = TypeVar("M", bound=Message)
_FIXES = {each.name: each.fix for each in PARAMETERS}
_STATES = {
    "queued": emotalk_pb2.Job.QUEUED,
    "running": emotalk_pb2.Job.RUNNING,
    "done": emotalk_pb2.Job.DONE,
    "failed": emotalk_pb2.Job.FAILED,
    "dead": emotalk_pb2.Job.BURIED,
    "cancelled": emotalk_pb2.Job.CANCELLED,
}


def make_message(kind: type[M], **fields: Any) -> M:
    """A message of these fields. Raises InvalidRequest for the first whose value its field cannot hold.

    That is another type, a number of too many bits, or what UTF-8 cannot spell: half of a surrogate pair.
    """
    try:
        return kind(**fields)
    except (TypeError, ValueError) as error:
        name = next(name for name, value in fields.items() if not _fits(kind, name, value))
        fix = _FIXES.get(name, str(error).rstrip(".!"))
        raise InvalidRequest(name, f"{str(fields[name])[:60]!r} cannot be used", fix) from error


def _fits(kind: type[Message], name: str, value: Any) -> bool:
    try:
        kind(**{name: value})
    except (TypeError, ValueError):
        return False
    return True


def to_response(
    request_id: str,
    chunk_index: int,
    first_frame: int,
    frames: Frames,
    is_final: bool,
    feelings: FeelingTrack | None = None,
) -> emotalk_pb2.BlendshapeResponse:
    """A chunk float32 [n, 52] or [n, 55] whose first frame has absolute number `first_frame` → message."""
    response = emotalk_pb2.BlendshapeResponse(request_id=request_id, chunk_index=chunk_index, is_final=is_final)
    for number, row in enumerate(frames.tolist(), first_frame):
        frame = response.frames.add(timecode=timecode(number), frame_number=number, blendshapes=row[:BLENDSHAPES])
        if len(row) > BLENDSHAPES:
            frame.head.yaw, frame.head.pitch, frame.head.roll = row[BLENDSHAPES:]
    if feelings and len(feelings.rows):
        write_feelings(feelings, response.feelings)
    return response


def heads_of(frames: Iterable[emotalk_pb2.BlendshapeFrame]) -> Turns | None:
    """The head of each frame, float32 [n, 3]; None where not all have one."""
    frames = list(frames)
    if not frames or not all(frame.HasField("head") for frame in frames):
        return None
    return np.array([(frame.head.yaw, frame.head.pitch, frame.head.roll) for frame in frames], np.float32)


def write_feelings(track: FeelingTrack, into: emotalk_pb2.FeelingTrack) -> None:
    """Steps [n, 16] → message."""
    activation, probabilities, drawn = np.split(track.rows, [1, 1 + len(HEARD)], axis=1)
    into.first_step = track.first
    into.activation.extend(activation.ravel().tolist())
    into.probabilities.extend(probabilities.ravel().tolist())
    into.drawn.extend(drawn.ravel().tolist())


def feelings_of(response: emotalk_pb2.BlendshapeResponse) -> FeelingTrack:
    """What was felt in a response; empty where values are missing."""
    message = response.feelings
    columns = (message.activation, 1), (message.probabilities, len(HEARD)), (message.drawn, len(FEELINGS))
    if any(len(values) != width * len(message.activation) for values, width in columns):
        return FeelingTrack()
    rows = [np.array(values, np.float32).reshape(-1, width) for values, width in columns]
    return FeelingTrack(message.first_step, np.concatenate(rows, axis=1))


def to_job(job_id: str, state: str, **facts: Any) -> emotalk_pb2.Job:
    """Where a job stands → message; `state` as the queues name it, facts that are None are left out."""
    known = {name: value for name, value in facts.items() if value is not None}
    return emotalk_pb2.Job(request_id=job_id, state=_STATES.get(state, emotalk_pb2.Job.STATE_UNKNOWN), **known)


def to_failure(request_id: str, message: str) -> emotalk_pb2.BlendshapeResponse:
    """The one response that precedes a failure status; it has no frames and is never final."""
    return emotalk_pb2.BlendshapeResponse(request_id=request_id, error_message=message)


def write_performance(performance: Performance, into: emotalk_pb2.AudioRequest | emotalk_pb2.AudioSettings) -> None:
    """Fill the flat fields, which every server reads; what they cannot say makes it a whole `performance` besides."""
    flat = [name for name in FIRST if name in into.DESCRIPTOR.fields_by_name]
    message: Message = into
    message.MergeFrom(make_message(type(message), **{name: getattr(performance, name) for name in flat}))
    changed = performance.list_changed()
    if changed.keys() - set(flat):
        into.performance.MergeFrom(make_message(emotalk_pb2.Performance, **changed))


def read_performance(message: emotalk_pb2.AudioRequest | emotalk_pb2.AudioSettings) -> Performance:
    """What was asked: by `performance` alone where the message has one, else by the flat fields."""
    return from_message(Performance, message.performance if message.HasField("performance") else message)


def from_message(kind: type[T], message: Message) -> T:
    """Message → dataclass whose fields have the same names; what is not set keeps its default."""
    kinds = get_type_hints(kind)
    return kind(
        **{name: _to_value(each, getattr(message, name)) for name, each in kinds.items() if _is_set(message, name)}
    )


def _is_set(message: Message, name: str) -> bool:
    """A field without presence is always set; one that the message does not have is not."""
    field = message.DESCRIPTOR.fields_by_name.get(name)
    if field is None or field.is_repeated:
        return bool(field and getattr(message, name))
    return not field.has_presence or message.HasField(name)


def _to_value(kind: Any, value: Any) -> Any:
    if isinstance(kind, type) and is_dataclass(kind):
        return from_message(kind, value)
    if get_origin(kind) is dict:
        return dict(value)
    if get_origin(kind) is tuple:
        return tuple(_to_value(get_args(kind)[0], each) for each in value)
    return value
