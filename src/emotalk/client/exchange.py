"""What is asked, what comes back, and when a broken call is worth another.

Why so: docs/decisions/0017.
"""

import time
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import grpc
import numpy as np

from emotalk.client.connection import is_outage, to_error
from emotalk.errors import JobFailed
from emotalk.face import BLENDSHAPES, Frames, Turns
from emotalk.feelings import FeelingTrack
from emotalk.limits import LONGEST_WAIT
from emotalk.performance import Performance
from emotalk.timebase import timecode
from emotalk.wire import emotalk_pb2
from emotalk.wire.convert import feelings_of, heads_of, make_message, write_performance

DEFAULT_TIMEOUT = 3600.0
DEFAULT_PATIENCE = 30.0
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 10.0
_SEND_ANEW = (grpc.StatusCode.NOT_FOUND, grpc.StatusCode.UNIMPLEMENTED)


@dataclass(frozen=True)
class Chunk:
    """A piece of the answer: float32 [n, 52] from absolute frame `first_frame`; the last one `is_final`.

    `head`: float32 [n, 3], yaw, pitch and roll in degrees, where it was asked for.
    `feelings`: what was heard and drawn. `restarted`: the job was done again by another engine; the chunks
    before it are void.
    """

    request_id: str
    index: int
    first_frame: int
    frames: Frames
    is_final: bool
    head: Turns | None = None
    feelings: FeelingTrack = field(default_factory=FeelingTrack)
    restarted: bool = False

    @property
    def columns(self) -> Frames:
        """Frames and head side by side, as FaceClip.of takes them."""
        return self.frames if self.head is None else np.concatenate([self.frames, self.head], axis=1)

    def as_dict(self) -> dict[str, Any]:
        """The shape that the first version's client returned."""
        rows = enumerate(self.frames.tolist(), self.first_frame)
        frames = [{"timecode": timecode(n), "frame_number": n, "blendshapes": row} for n, row in rows]
        for frame, (yaw, pitch, roll) in zip(frames, [] if self.head is None else self.head.tolist(), strict=False):
            frame["head"] = {"yaw": yaw, "pitch": pitch, "roll": roll}
        return {"chunk_index": self.index, "frames": frames}


@dataclass(frozen=True)
class _Sound:
    audio: bytes


# A dataclass takes the fields of its last base first: the sound, then how it is performed.
@dataclass(frozen=True)
class Request(Performance, _Sound):
    """What to ask for: `audio` is the contents of a WAV, FLAC, OGG or MP3 file, the rest is a Performance."""

    session_id: str = ""
    request_id: str = field(default_factory=lambda: uuid.uuid4().hex)

    def message(self, may_restart: bool = False) -> emotalk_pb2.AudioRequest:
        """As the wire has it."""
        message = make_message(
            emotalk_pb2.AudioRequest,
            request_id=self.request_id,
            audio_data=self.audio,
            session_id=self.session_id,
            may_restart=may_restart,
        )
        write_performance(self, message)
        return message


class Exchange:
    """What has been handed out of one answer, and how a broken call is followed by another, if at all.

    `known`: the server has the request, so the rest of its answer can be asked for by its id alone. `may_restart`:
    the caller forgets its chunks where another engine computes others.
    """

    def __init__(
        self, timeout: float, patience: float, from_frame: int = 0, known: bool = False, may_restart: bool = False
    ) -> None:
        self._until = time.monotonic() + min(timeout, LONGEST_WAIT)
        self._patience = patience
        self._waited = 0.0
        self._pause = FIRST_PAUSE
        self._next = from_frame
        self._may_send = not known
        self.known = known
        self.may_restart = may_restart
        self.resuming = False
        self.complete = False

    @property
    def left(self) -> float:
        """Seconds until the deadline."""
        return max(0.001, self._until - time.monotonic())

    def rest(self, request_id: str) -> emotalk_pb2.StreamResultsRequest:
        """What to ask for from the next missing frame on."""
        self.resuming = True
        return make_message(
            emotalk_pb2.StreamResultsRequest,
            request_id=request_id,
            from_frame=self._next,
            may_restart=self.may_restart,
        )

    def take(self, response: emotalk_pb2.BlendshapeResponse) -> Chunk | None:
        """A response → the chunk of its new frames; None without any. Raises JobFailed for what is not an answer."""
        if response.frames or response.is_final:  # a failure in a response's place is not progress
            self._waited, self._pause, self.known = 0.0, FIRST_PAUSE, True
        if response.restarted:
            self._next = 0
        fresh = [frame for frame in response.frames if frame.frame_number >= self._next]
        self.complete = response.is_final
        if not fresh:
            return None
        first, self._next = self._next, self._next + len(fresh)
        whole = all(len(frame.blendshapes) == BLENDSHAPES for frame in fresh)
        if not whole or [frame.frame_number for frame in fresh] != list(range(first, self._next)):
            raise JobFailed(f"the server's answer cannot be used: from frame {first} on, frames or values are missing")
        frames = np.array([frame.blendshapes for frame in fresh], np.float32)
        where = response.request_id, response.chunk_index, first
        feelings = feelings_of(response).of_frames(first, self._next)
        return Chunk(*where, frames, response.is_final, heads_of(fresh), feelings, response.restarted)

    def check(self) -> None:
        """Raise JobFailed where a call ended well but the answer did not: a server that is none of ours."""
        if not self.complete:
            raise JobFailed("the answer ended before its last frame")

    def pause_after(self, error: grpc.RpcError, where: str) -> float:
        """Seconds to wait before asking `where` again. Raises the named error where that would not help.

        A server that does not know the id, or this call, is sent the request anew: only what was seen is not taken.
        """
        if self.resuming and self._may_send and error.code() in _SEND_ANEW:
            self.known = self.resuming = False
            return 0.0
        pause, self._pause = self._pause, min(LONGEST_PAUSE, 2 * self._pause)
        self._waited += pause
        if not is_outage(error) or self._waited > self._patience or pause >= self.left:
            raise to_error(error, where) from error
        return pause


def whole(chunks: Iterable[Chunk]) -> list[Chunk]:
    """All chunks of an answer, without those that are void since it began anew."""
    kept: list[Chunk] = []
    for chunk in chunks:
        kept = [*([] if chunk.restarted else kept), chunk]
    return kept
