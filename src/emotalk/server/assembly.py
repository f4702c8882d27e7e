"""Parts of the result log → the responses of one answer, each frame exactly once.

A job that is delivered twice publishes its parts twice. Frames that were seen are dropped, a gap is never skipped (a
later delivery fills it), and an answer begun by one engine is never continued by another.
"""

from dataclasses import dataclass

import numpy as np

from emotalk import errors
from emotalk.errors import EmoTalkError, JobFailed, ResultsDiffer
from emotalk.face import Frames
from emotalk.jobs import Failure, Part


@dataclass(frozen=True)
class Response:
    """One chunk, whole: float32 [n ≥ 1, 52] from absolute frame `first_frame`."""

    chunk_index: int
    first_frame: int
    frames: Frames
    is_final: bool


class Assembly:
    """One client's view of one answer."""

    def __init__(self) -> None:
        self._fingerprint = ""
        self._next = 0
        self._sent = 0
        self._held: list[Frames] = []
        self.complete = False

    def add(self, part: Part) -> Response | None:
        """Take the next part of the log; return a response when its chunk is whole.

        Raises JobFailed or the error that ended the job, ResultsDiffer for a second engine's frames.
        """
        if part.failure:
            raise failed(part.failure)
        if part.first_frame == 0:
            self._begin(part.fingerprint)
        skip = self._next - part.first_frame
        if part.fingerprint != self._fingerprint or skip < 0 or skip >= len(part.frames):
            return None
        self._held.append(part.frames[skip:])
        self._next = part.first_frame + len(part.frames)
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
        self._fingerprint, self._next, self._held = fingerprint, 0, []

    def _respond(self, part: Part) -> Response:
        frames, first = np.concatenate(self._held), self._sent
        self._held, self._sent = [], self._next
        self.complete = self._sent == part.total_frames
        return Response(part.chunk_index, first, frames, self.complete)


def failed(failure: Failure) -> EmoTalkError:
    """The error that the worker wrote down, as an exception; its class decides the status that the client sees."""
    kind = getattr(errors, failure.kind, None)
    error = JobFailed(f"the job was given up ({failure.kind}): {failure.message}")
    error.retriable = bool(isinstance(kind, type) and issubclass(kind, EmoTalkError) and kind.retriable)
    return error
