"""Between the contract's messages and our own values."""

from typing import Any

from emotalk.face import Frames
from emotalk.timebase import timecode
from emotalk.wire import emotalk_pb2

_STATES = {
    "queued": emotalk_pb2.Job.QUEUED,
    "running": emotalk_pb2.Job.RUNNING,
    "done": emotalk_pb2.Job.DONE,
    "failed": emotalk_pb2.Job.FAILED,
    "dead": emotalk_pb2.Job.BURIED,
    "cancelled": emotalk_pb2.Job.CANCELLED,
}


def to_response(
    request_id: str, chunk_index: int, first_frame: int, frames: Frames, is_final: bool
) -> emotalk_pb2.BlendshapeResponse:
    """A chunk float32 [n, 52] whose first frame has absolute number `first_frame` → message."""
    response = emotalk_pb2.BlendshapeResponse(request_id=request_id, chunk_index=chunk_index, is_final=is_final)
    for number, row in enumerate(frames.tolist(), first_frame):
        response.frames.add(timecode=timecode(number), frame_number=number, blendshapes=row)
    return response


def to_job(job_id: str, state: str, **facts: Any) -> emotalk_pb2.Job:
    """Where a job stands → message; `state` as the queues name it, facts that are None are left out."""
    known = {name: value for name, value in facts.items() if value is not None}
    return emotalk_pb2.Job(request_id=job_id, state=_STATES.get(state, emotalk_pb2.Job.STATE_UNKNOWN), **known)


def to_failure(request_id: str, message: str) -> emotalk_pb2.BlendshapeResponse:
    """The one response that precedes a failure status; it has no frames and is never final."""
    return emotalk_pb2.BlendshapeResponse(request_id=request_id, error_message=message)
