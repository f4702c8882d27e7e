"""Where a job stands, as the client hands it out."""

from dataclasses import dataclass

from emotalk.wire import emotalk_pb2


@dataclass(frozen=True)
class JobStatus:
    """`state`: queued, running, done, failed, buried or cancelled. Moments are seconds since 1970, 0 if yet to come.

    `queue_position`: unfinished requests before it, while it is queued and where the server knows. `frames_done` of
    `frames_total` are published. `epoch` counts the runs of the id: a cancelled one may be sent again, a buried one is
    retried by hand. `missing`: what a damaged file lacked that was sent with `lenient`.
    """

    request_id: str
    state: str
    queue_position: int | None = None
    frames_done: int = 0
    frames_total: int = 0
    audio_seconds: float = 0.0
    attempts: int = 0
    epoch: int = 0
    error_message: str = ""
    submitted_at: float = 0.0
    started_at: float = 0.0
    finished_at: float = 0.0
    missing: str = ""

    @property
    def over(self) -> bool:
        """Will it change no more, unless it is sent again?"""
        return self.state not in ("queued", "running")


def read_job(message: emotalk_pb2.Job) -> JobStatus:
    """As the wire has it → as we hand it out."""
    position = message.queue_position if message.HasField("queue_position") else None
    return JobStatus(
        message.request_id,
        emotalk_pb2.Job.State.Name(message.state).removeprefix("STATE_").lower(),
        position,
        message.frames_done,
        message.frames_total,
        message.audio_seconds,
        message.attempts,
        message.epoch,
        message.error_message,
        message.submitted_at,
        message.started_at,
        message.finished_at,
        message.missing,
    )
