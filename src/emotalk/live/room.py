"""The speakers of one engine's process: one loop draws whatever is due, of many streams in one call of the engine.

    due, and not ahead of its own time      all of them, the latest first, as one batch
    ahead: a clip, a flood                  one at a time, while nobody else is due; who has had least is next

So whoever sends faster than they speak gets what is left over, and at least their own pace. A stream that fails ends
alone. Nothing is stored, nothing can be resumed.

Why so: docs/decisions/0037.
"""

import logging
import time
from collections.abc import Callable
from typing import Any, TypeVar

from emotalk import metrics
from emotalk.engines.base import ManyStreams
from emotalk.errors import EmoTalkError, EngineError
from emotalk.face import Pcm
from emotalk.live.conversation import Opening
from emotalk.live.speaker import SLICE, Listener, Speaker
from emotalk.pipeline import FaceChunk, Pipeline, Session
from emotalk.shaping import Gains

log = logging.getLogger(__name__)

T = TypeVar("T")

AHEAD_SECONDS = 0.5
"""Pieces are sent a little early now and then; beyond that, they come faster than anybody speaks."""
BATCH = 16
"""More at once would gain nothing more, and the first of them would wait for the last."""
CLIP_SLICE = 5 * SLICE


class LiveRoom:
    """Draws whoever speaks, in the thread that calls `step`."""

    def __init__(
        self, pipeline: Pipeline, gains: Gains, max_seconds: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.pipeline = pipeline
        self._gains, self._max_seconds, self._clock = gains, max_seconds, clock
        # One by one, an answer leaves at once; together, all leave when the last is done.
        self._batch = BATCH if isinstance(pipeline.engine, ManyStreams) else 1
        self.streams: set[Speaker] = set()

    def open(self, opening: Opening, listener: Listener) -> Speaker:
        """Somebody begins to speak; `leave` when it is over. Raises InvalidRequest, EngineError."""
        session = self._open_session(opening)
        stream = Speaker(opening, session, self._max_seconds, listener, self._clock)
        self.streams.add(stream)
        return stream

    def leave(self, stream: Speaker) -> None:
        """It is over, or its caller has gone."""
        self.streams.discard(stream)

    def latest(self) -> float:
        """Seconds for which the oldest sound of all who speak at their own pace has been waiting."""
        now = self._clock()
        return max((each.late(now) for each in list(self.streams) if each.ahead(now) <= AHEAD_SECONDS), default=0.0)

    def step(self) -> bool:
        """Draw once what is due; False: nothing is."""
        now = self._clock()
        due = sorted((each for each in self.streams if each.is_due), key=lambda each: each.ahead(now))
        if not due:
            return False
        in_time = [each for each in due if each.ahead(now) <= AHEAD_SECONDS][: self._batch]
        if in_time:
            self._draw(in_time, SLICE)
        else:
            self._draw([min(due, key=lambda each: each.drawn)], CLIP_SLICE)
        return True

    def _open_session(self, opening: Opening) -> Session:
        """The request's id decides the blinks, as a job's does."""
        if opening.as_clip:
            return self.pipeline.open(opening.performance, self._gains, opening.request_id, uncut=True)
        return self.pipeline.live(opening.performance, opening.latency, self._gains, opening.request_id)

    def _draw(self, streams: list[Speaker], most: int) -> None:
        taken = [(each, _try(_take_next, each, most)) for each in streams]
        pushed = [(each, pcm) for each, pcm in taken if pcm is not None and len(pcm)]
        if not pushed:
            return
        drawn = self._push([each for each, _ in pushed], [pcm for _, pcm in pushed])
        for (stream, _), chunks in zip(pushed, drawn, strict=True):
            _try(_give, stream, chunks)

    def _push(self, streams: list[Speaker], sounds: list[Pcm]) -> list[list[FaceChunk] | EmoTalkError]:
        try:
            return self.pipeline.push_many([each.session for each in streams], sounds)
        except Exception as defect:
            log.exception("defect in the engine")
            return [_make_defect_error(defect)] * len(streams)


def _take_next(stream: Speaker, most: int) -> Pcm | None:
    """The samples to push; None where the stream has ended, and then its rest is drawn."""
    pcm = stream.take(most)
    if pcm is None:
        stream.finish()
    return pcm


def _give(stream: Speaker, chunks: list[FaceChunk] | EmoTalkError) -> None:
    if not isinstance(chunks, EmoTalkError) and (delay := stream.delay(chunks)) is not None:
        metrics.LIVE_DELAY.observe(delay)
    stream.give(chunks)


def _try(call: Callable[..., T], stream: Speaker, argument: Any) -> T | None:
    """Call for one stream; an error ends that stream alone, and gives None."""
    try:
        return call(stream, argument)
    except EmoTalkError as error:
        stream.fail(error)
    except Exception as defect:
        log.exception("defect in a live stream")
        stream.fail(_make_defect_error(defect))
    return None


def _make_defect_error(defect: Exception) -> EngineError:
    return EngineError(f"a defect of ours ended this stream ({type(defect).__name__}); the server's log has the rest")
