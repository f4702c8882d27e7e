"""One who speaks, in the engine's process: the sound that waits, the session that draws it, and how late it is."""

import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Protocol

from emotalk.errors import EmoTalkError, EmptyAudio
from emotalk.face import Frames, Pcm
from emotalk.live.conversation import LiveChunk, Opening, SoundBlock
from emotalk.live.sound import WaitingSound
from emotalk.pipeline import FaceChunk, Session
from emotalk.shaping import Adjusted, Raw
from emotalk.timebase import SAMPLE_RATE, seconds, timecode

SLICE = SAMPLE_RATE // 10
"""Samples that are drawn of one stream at once: who sends more than there is time for waits behind who does not."""


class Listener(Protocol):
    """Gets the frames of one stream."""

    @property
    def is_blocked(self) -> bool:
        """Can it take nothing at the moment? Then nothing is drawn for it."""
        ...

    def hear(self, chunk: LiveChunk) -> None:
        """The next frames."""
        ...

    def end(self, error: EmoTalkError | None) -> None:
        """No more come; `error` says why, where that is not the end of the sound."""
        ...


class Speaker:
    """One live stream: `hear` its sound, `take` what is to be pushed, `give` back what its session drew of that.

    Its frames go to `listener`; times are those of `clock`. The room (room.py) decides whose turn it is.
    """

    def __init__(
        self,
        opening: Opening,
        session: Session,
        max_seconds: float,
        listener: Listener,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.session, self.listener = session, listener
        self._sound = WaitingSound(opening, max_seconds, session.feel)
        self._adjusted = Adjusted(opening.adjustment) if opening.adjustment else Raw()
        self._as_clip, self._clock, self._opened = opening.as_clip, clock, clock()
        self._rate = opening.bytes_per_second
        self._arrivals: deque[tuple[float, float]] = deque()
        self._heard = 0.0
        self.drawn = 0
        """Samples at 16 kHz that were taken so far."""
        self.is_over = False

    @property
    def is_due(self) -> bool:
        """Could something be drawn, and would it be taken?"""
        return not self.is_over and self._sound.is_waiting and not self.listener.is_blocked

    @property
    def waiting(self) -> float:
        """Seconds of sound that have come and are not drawn."""
        return self._sound.seconds

    def ahead(self, now: float) -> float:
        """Seconds of sound that are drawn beyond what could have been spoken since it began."""
        return seconds(self.drawn) - (now - self._opened)

    def late(self, now: float) -> float:
        """Seconds since the arrival of the oldest sound that is not drawn."""
        due = (moment for end, moment in list(self._arrivals) if end > seconds(self.drawn))
        return now - next(due, now)

    def hear(self, block: SoundBlock) -> None:
        """The next sound."""
        self._heard += len(block.audio) / self._rate
        self._arrivals.append((self._heard, self._clock()))
        self._sound.add(block)

    def end(self) -> None:
        """No more comes."""
        self._sound.end()

    def take(self, most: int) -> Pcm | None:
        """Up to `most` samples to push to the session; None: all is pushed, finish. Raises InvalidRequest."""
        pcm = self._sound.take(most)
        self.drawn += len(pcm)
        return None if self._sound.is_over and not len(pcm) else pcm

    def give(self, drawn: Sequence[FaceChunk] | EmoTalkError) -> None:
        """What the session gave, or raised, for what was taken."""
        if isinstance(drawn, EmoTalkError):
            return self.fail(drawn)
        for chunk in drawn:
            self.listener.hear(_to_live_chunk(chunk, self._adjusted.push(chunk.frames), is_final=False))

    def finish(self) -> None:
        """The rest of the session. Raises EngineError, EmptyAudio."""
        rest = self.session.finish()
        if not rest:
            raise EmptyAudio("no sound came", "Send samples before you end the stream", "audio")
        for chunk in rest:
            self.listener.hear(_to_live_chunk(chunk, self._adjusted.push(chunk.frames), is_final=chunk is rest[-1]))
        self._end_with(None)

    def fail(self, error: EmoTalkError) -> None:
        """End the stream with this error."""
        self._end_with(error)

    def delay(self, chunks: Sequence[FaceChunk]) -> float | None:
        """Seconds from the arrival of the last sound of these frames' own time until now."""
        if self._as_clip or not chunks:
            return None
        spoken = timecode(chunks[-1].first_frame + len(chunks[-1].frames))
        while len(self._arrivals) > 1 and self._arrivals[0][0] < min(spoken, self._heard):
            self._arrivals.popleft()
        return self._clock() - self._arrivals[0][1] if self._arrivals else None

    def _end_with(self, error: EmoTalkError | None) -> None:
        self.is_over = True
        self._arrivals.clear()
        self.listener.end(error)


def _to_live_chunk(chunk: FaceChunk, frames: Frames, is_final: bool) -> LiveChunk:
    return LiveChunk(chunk.index, chunk.first_frame, frames, is_final, chunk.feelings)
