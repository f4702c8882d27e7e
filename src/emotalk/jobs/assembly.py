"""Parts of the result log → the responses of one answer, each frame exactly once.

A job that is delivered twice publishes its parts twice. Frames that were seen are dropped, and a gap is never skipped:
a later delivery fills it. Where another engine does the job again, its frames are held until they reach what was sent.
If they are the same, it goes on; if not, the answer starts again or ends, but nothing is spliced. Who asks from a frame
on is told nothing before it, and is served by these same rules.

Why so: docs/decisions/0009.
"""

from dataclasses import dataclass, field
from hashlib import blake2b

import numpy as np

from emotalk.errors import BY_NAME, EmoTalkError, InvalidRequest, JobCancelled, JobFailed, ResultsDiffer
from emotalk.face import Frames
from emotalk.feelings import FeelingTrack, join_tracks
from emotalk.jobs import Failure, Part


@dataclass(frozen=True)
class Response:
    """What a client is missing of one chunk: float32 [n, 52] from absolute frame `first_frame`.

    n ≥ 1, but for the final one where nothing is missing. `restarted`: what came before it is void.
    """

    chunk_index: int
    first_frame: int
    frames: Frames
    is_final: bool
    feelings: FeelingTrack = field(default_factory=FeelingTrack)
    restarted: bool = False


class _Rendering:
    """The frames of one engine from `first` on, in order and without a gap, as far as they have come."""

    def __init__(self, fingerprint: str) -> None:
        self.fingerprint = fingerprint
        self.first = self.end = 0
        self._frames: list[Frames] = []
        self._feelings: list[FeelingTrack] = []

    def take(self, part: Part) -> bool:
        """Keep what is new of a part; False where nothing is, or where a gap lies before it."""
        skip = self.end - part.first_frame
        if skip < 0 or skip >= len(part.frames):
            return False
        end = part.first_frame + len(part.frames)
        self._frames.append(part.frames[skip:])
        self._feelings.append(part.feelings.of_frames(self.end, end))
        self.end = end
        return True

    def give(self, end: int) -> tuple[Frames, FeelingTrack]:
        """Frames and feelings up to frame `end`; they are not held any more."""
        frames, feelings, first = np.concatenate(self._frames), join_tracks(self._feelings), self.first
        self.first = end
        self._frames, self._feelings = [frames[end - first :]], [feelings.of_frames(end, self.end)]
        return frames[: end - first], feelings.of_frames(first, end)

    def begins_with(self, frames: int, digest: bytes) -> bool:
        """Are its first frames those of which this is the digest?"""
        return blake2b(np.concatenate(self._frames)[:frames].tobytes()).digest() == digest


class Assembly:
    """One client's view of one answer; it has the frames before `from_frame`, and may be told to forget them."""

    def __init__(self, from_frame: int = 0, may_restart: bool = False) -> None:
        self._from, self._may_restart = from_frame, may_restart
        self._delivery = _Rendering("")
        self._rival: _Rendering | None = None
        self._sent, self._digest = 0, blake2b()
        self.complete = False

    def add(self, part: Part) -> Response | None:
        """Take the next part of the log; return a response when its chunk is whole.

        Raises JobFailed or the error that ended the job, ResultsDiffer for other frames of a second engine,
        InvalidRequest for a `from_frame` beyond the end.
        """
        if part.failure:
            raise to_error(part.failure)
        if self._from > part.total_frames:
            problem = f"is {self._from}, and the answer has {part.total_frames} frames"
            raise InvalidRequest("from_frame", problem, "Send the number of the first frame that is missing")
        if part.first_frame == 0:
            self._begin(part.fingerprint)
        delivery = next(
            (each for each in (self._delivery, self._rival) if each and each.fingerprint == part.fingerprint), None
        )
        if delivery is None or not delivery.take(part) or not part.ends_chunk:
            return None
        if delivery is self._rival:
            return self._compare(delivery, part)
        return self._respond(part)

    def _begin(self, fingerprint: str) -> None:
        """A delivery begins at frame 0. What comes later of another engine is a straggler of one that is over."""
        if fingerprint == self._delivery.fingerprint:
            return
        if not self._sent:
            self._delivery = _Rendering(fingerprint)
        elif self._rival is None or self._rival.fingerprint != fingerprint:
            self._rival = _Rendering(fingerprint)

    def _compare(self, rival: _Rendering, part: Part) -> Response | None:
        """Once another engine has done again what was sent: the same frames, or an answer that starts again."""
        if rival.end < self._sent:
            return None
        same = rival.begins_with(self._sent, self._digest.digest())
        if not same and not self._may_restart:
            raise ResultsDiffer(
                f"frames 0..{self._sent - 1} came from engine {self._delivery.fingerprint}, and {rival.fingerprint} "
                "computes others: ask again under a new request_id, or with may_restart"
            )
        self._delivery, self._rival = rival, None
        if same:
            rival.give(self._sent)
        else:
            self._from, self._sent, self._digest = 0, 0, blake2b()
        return self._respond(part, restarted=not same) if rival.end > self._sent else None

    def _respond(self, part: Part, restarted: bool = False) -> Response | None:
        first, self._sent = self._sent, self._delivery.end
        frames, feelings = self._delivery.give(self._sent)
        self._digest.update(frames.tobytes())
        self.complete = self._sent == part.total_frames
        missing = frames[max(0, self._from - first) :]
        if not len(missing) and not self.complete:
            return None
        start = self._sent - len(missing)
        feelings = feelings.of_frames(start, self._sent)
        return Response(part.chunk_index, start, missing, self.complete, feelings, restarted)


def to_error(failure: Failure) -> EmoTalkError:
    """The error that the worker wrote down, as an exception; its class decides the status that the client sees."""
    if failure.kind == JobCancelled.__name__:
        return JobCancelled(failure.message)
    error = JobFailed(f"the job was given up ({failure.kind}): {failure.message}")
    error.retriable = BY_NAME.get(failure.kind, JobFailed).retriable
    return error
