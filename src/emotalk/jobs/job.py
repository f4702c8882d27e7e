"""The three things that stand in the logs: a job, a part of its answer, a dead letter."""

from dataclasses import dataclass, field

from emotalk.face import Frames, no_frames
from emotalk.feelings import FeelingTrack
from emotalk.performance import Performance
from emotalk.shaping import Gains
from emotalk.timebase import frame_count, seconds

PART_FRAMES = 256


@dataclass(frozen=True)
class Job:
    """An accepted request. `flac` holds exactly `samples` at 16 kHz; `submitted_at` in seconds since 1970.

    `gains` are the house's; `seed` decides the blinks. `missing`: what the sound lacks; its worker does not need it.
    """

    request_id: str
    session_id: str
    digest: str
    submitted_at: float
    samples: int
    performance: Performance
    flac: bytes
    gains: Gains = field(default_factory=Gains)
    seed: str = ""
    missing: str = ""

    @property
    def seconds(self) -> float:
        """Length of the clip."""
        return seconds(self.samples)

    @property
    def frames(self) -> int:
        """Frames of the whole answer."""
        return frame_count(self.samples)

    @property
    def key(self) -> str:
        """What orders it: jobs of one key are done in the order of their arrival."""
        return self.session_id or self.request_id


@dataclass(frozen=True)
class Failure:
    """Why there will be no (more) frames: the name of a class in emotalk.errors, and its sentence."""

    kind: str
    message: str


@dataclass(frozen=True)
class Part:
    """At most 256 frames of one chunk; or, with `failure`, the end of an answer that could not be completed."""

    request_id: str
    fingerprint: str
    chunk_index: int = 0
    first_frame: int = 0
    total_frames: int = 0
    ends_chunk: bool = False
    frames: Frames = field(default_factory=no_frames)
    failure: Failure | None = None
    digest: str = ""
    epoch: int = 0
    feelings: FeelingTrack = field(default_factory=FeelingTrack)

    @property
    def ends_answer(self) -> bool:
        """Will nothing more come?"""
        return self.failure is not None or self.first_frame + len(self.frames) >= self.total_frames > 0

    def answers(self, digest: str, epoch: int = 0) -> bool:
        """Does this part belong to the job of that content, and to that run of it (0: whichever)?

        Two servers may have taken one id for two requests; one that failed may have been sent again.
        """
        return self.digest in ("", digest) and (not self.epoch or not epoch or self.epoch == epoch)


@dataclass(frozen=True)
class DeadLetter:
    """A request that was given up, whole: `payload` is what stood in the request log."""

    request_id: str
    payload: bytes
    failure: Failure
    attempts: int
    buried_at: float
    partition: int
    offset: int
