"""Parts of the result log → the responses of one answer, each frame exactly once.

A job that is delivered twice publishes its parts twice. Frames that were seen are dropped, a gap is never skipped (a
later delivery fills it), and an answer begun by one engine is never continued by another. Who asks from a frame on is
told nothing before it, and is served by these same rules.

Why so: docs/decisions/0009.
"""

from dataclasses import dataclass, field

import numpy as np

from emotalk.errors import BY_NAME, EmoTalkError, InvalidRequest, JobCancelled, JobFailed, ResultsDiffer
from emotalk.face import Frames
from emotalk.feelings import FeelingTrack, joined
from emotalk.jobs import Failure, Part


@dataclass(frozen=True)
class Response:
    """What a client is missing of one chunk: float32 [n, 52] from absolute frame `first_frame`.

    n ≥ 1, but for the final one where nothing is missing.
    """

    chunk_index: int
    first_frame: int
    frames: Frames
    is_final: bool
    feelings: FeelingTrack = field(default_factory=FeelingTrack)


class Assembly:
    """One client's view of one answer; it has the frames before `from_frame`."""

    def __init__(self, from_frame: int = 0) -> None:
        self._from = from_frame
        self._fingerprint = ""
        self._next = 0
        self._sent = 0
        self._held: list[Frames] = []
        self._feelings: list[FeelingTrack] = []
        self.complete = False

    def add(self, part: Part) -> Response | None:
        """Take the next part of the log; return a response when its chunk is whole.

        Raises JobFailed or the error that ended the job, ResultsDiffer for a second engine's frames, InvalidRequest for
        a `from_frame` beyond the end.
        """
        if part.failure:
            raise failed(part.failure)
        if self._from > part.total_frames:
            problem = f"is {self._from}, and the answer has {part.total_frames} frames"
            raise InvalidRequest("from_frame", problem, "Send the number of the first frame that is missing")
        if part.first_frame == 0:
            self._begin(part.fingerprint)
        skip = self._next - part.first_frame
        if part.fingerprint != self._fingerprint or skip < 0 or skip >= len(part.frames):
            return None
        self._held.append(part.frames[skip:])
        end = part.first_frame + len(part.frames)
        self._feelings.append(part.feelings.of_frames(self._next, end))
        self._next = end
        return self._respond(part) if part.ends_chunk else None

    def _begin(self, fingerprint: str) -> None:
        """A delivery begins at frame 0. What comes later of another engine is a straggler of one that is over."""
        if fingerprint == self._fingerprint:
            return
        if self._sent:
            raise ResultsDiffer(
                f"frames 0..{self._sent - 1} came from engine {self._fingerprint}, the rest would come from "
                f"{fingerprint}: ask again under a new request_id"
            )
        self._fingerprint, self._next, self._held, self._feelings = fingerprint, 0, [], []

    def _respond(self, part: Part) -> Response | None:
        frames, first = np.concatenate(self._held), self._sent
        feelings = joined(self._feelings)
        self._held, self._feelings, self._sent = [], [], self._next
        self.complete = self._sent == part.total_frames
        missing = frames[max(0, self._from - first) :]
        if not len(missing) and not self.complete:
            return None
        start = self._sent - len(missing)
        return Response(part.chunk_index, start, missing, self.complete, feelings.of_frames(start, self._sent))


def failed(failure: Failure) -> EmoTalkError:
    """The error that the worker wrote down, as an exception; its class decides the status that the client sees."""
    if failure.kind == JobCancelled.__name__:
        return JobCancelled(failure.message)
    error = JobFailed(f"the job was given up ({failure.kind}): {failure.message}")
    error.retriable = BY_NAME.get(failure.kind, JobFailed).retriable
    return error
