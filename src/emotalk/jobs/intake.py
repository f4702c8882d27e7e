"""From what a caller sent to a job: validated, decoded, addressed. The one way in, for every door."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from hashlib import blake2b

from emotalk.audio import Limits, Prepared, Sent, prepare
from emotalk.errors import AudioTooLong, InvalidRequest
from emotalk.jobs.codec import encode_job
from emotalk.jobs.job import Job
from emotalk.performance import Performance
from emotalk.queues.base import Record
from emotalk.queues.strangers import LONGEST_ID, is_id
from emotalk.shaping import Gains


@dataclass(frozen=True)
class Order:
    """What a caller asked for, as it was sent; audio in any accepted format. `fresh`: its id is new."""

    audio: bytes
    request_id: str = ""
    session_id: str = ""
    performance: Performance = field(default_factory=Performance)
    fresh: bool = False

    def digest(self) -> str:
        """Identifies the content: the same id with another digest is another request."""
        return self._digest

    @cached_property
    def _digest(self) -> str:
        # Once: it is asked for at the door and again for the record, and the sound may have 64 MiB.
        parameters = (self.session_id, *self.performance.identity())
        return blake2b(self.audio, digest_size=16, key=blake2b(repr(parameters).encode()).digest()).hexdigest()


@dataclass(frozen=True)
class Intake:
    """What this house accepts, and the gains it stamps on every job; `prepare` is where the sound is decoded."""

    limits: Limits = field(default_factory=Limits)
    gains: Gains = field(default_factory=Gains)
    prepare: Callable[[bytes, Limits, Sent], Prepared] = prepare

    def check(self, order: Order) -> None:
        """Refuse what can be refused without looking at the sound. Raises InvalidRequest."""
        for name in ("request_id", "session_id"):
            check_id(name, getattr(order, name))
        order.performance.check()
        _ = _describe_sent(order).raw

    def accept(self, order: Order, clock: Callable[[], float]) -> Job:
        """Decode and validate everything. Raises InvalidRequest (AudioError for the sound).

        Stamped when the sound is ready: what follows is the wait in the queue.
        """
        self.check(order)
        sound = self.prepare(order.audio, self.limits, _describe_sent(order))
        request_id = order.request_id or make_id()
        identity = (request_id, order.session_id, order.digest(), clock())
        performance = order.performance.for_worker()
        job = Job(*identity, sound.samples, performance, sound.flac, self.gains, request_id, sound.missing)
        _check_room(job, self.limits.queued_bytes)
        return job


def _describe_sent(order: Order) -> Sent:
    return Sent(order.performance.audio_format, order.performance.lenient)


def make_id() -> str:
    """A fresh request id."""
    return uuid.uuid4().hex


def as_request(job: Job, client: str = "") -> Record:
    """The job as the request log takes it. `client`: who sent it, for a person to read."""
    headers = {
        "seconds": f"{job.seconds:.3f}",
        "frames": str(job.frames),
        "submitted_at": f"{job.submitted_at:.6f}",
        **({"client": client} if client else {}),
        **({"missing": job.missing} if job.missing else {}),
    }
    return Record(job.request_id, job.key, job.digest, encode_job(job), headers)


def _check_room(job: Job, room: int) -> None:
    """Half an hour fits at 16 bits whatever it is; noise that was resampled is kept at 24, and may not."""
    sound, beside = len(job.flac), len(encode_job(replace(job, flac=b"")))
    if sound + beside > room:
        fits = max(0.0, job.seconds * (room - beside) / sound)
        raise AudioTooLong(
            f"the clip takes {(sound + beside) / 2**20:.2f} MiB in the queue, the limit is {room / 2**20:.2f} MiB:"
            f" about {fits:.0f} s of it fit",
            "Cut it into parts, or send 16 bits at 16 kHz, which takes less (ffmpeg -i INPUT -vn -ac 1 -ar 16000"
            " -sample_fmt s16 output.flac). The operator can raise --max-message-mib, up to what the queue"
            " takes",
        )


def check_id(field_name: str, value: str) -> None:
    """Raise InvalidRequest for what cannot be an id; none at all is for its reader to judge."""
    if value and not is_id(value):
        raise InvalidRequest(
            field_name, "is too long or has control characters", f"Use up to {LONGEST_ID} printable characters"
        )
