"""From sound to face: engine, stitch, expression, cut and shaping in one session with two verbs.

The one place where they meet: the worker, `animate` and live streams all run through here.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from emotalk.chunking import Chunking, Cut, Uncut, latency_of, open_live, open_session
from emotalk.engines.base import Engine, EngineSession, Latency, WindowEngine, push_many
from emotalk.errors import EmoTalkError, EngineError, InvalidRequest
from emotalk.expression import LIDS_AHEAD, Emotions, ExpressedSession, express, fingerprint_of
from emotalk.face import Frames, Pcm, Style
from emotalk.feelings import EmotionKey, FeelingTrack, join_tracks
from emotalk.performance import Performance
from emotalk.shaping import Gains, Raw, Shaping, lay_lids
from emotalk.tape import Tape
from emotalk.timebase import STEP_FRAMES, frame_count, seconds


@dataclass(frozen=True)
class FaceChunk:
    """A piece of the answer: float32 [n ≥ 1, 52] from absolute frame `first_frame`; [n, 55] with the head behind it."""

    index: int
    first_frame: int
    frames: Frames
    feelings: FeelingTrack = field(default_factory=FeelingTrack)


class Pipeline:
    """A shared engine; `open` starts a clip."""

    def __init__(self, engine: Engine | WindowEngine) -> None:
        self.engine = engine

    @property
    def fingerprint(self) -> str:
        """Names all that an answer's bytes depend on, beside the sound and the performance."""
        return fingerprint_of(self.engine.card)

    def open(
        self, performance: Performance, gains: Gains | None = None, seed: str = "", uncut: bool = False
    ) -> "Session":
        """Start a clip. `seed` decides all chance: the request id of a job, the digest of the audio for `animate`.

        `uncut`: the same frames in chunks of any length, as soon as the engine has them. Raises InvalidRequest.
        """
        gains, seed = _give(performance, gains, seed)
        engine = open_session(self.engine, performance.style, performance.chunking, seed=seed)
        cut = Uncut() if uncut else Cut(performance.chunking)
        return Session(self._express(engine, performance, seed, "clip"), cut, performance, gains)

    def live(
        self, performance: Performance, latency: float | None = None, gains: Gains | None = None, seed: str = ""
    ) -> "Session":
        """Start a live stream: frames come out as soon as the engine has them; its chunking is not used.

        `latency`: the desired seconds from a sound to its frames; None leaves it to the engine. Raises InvalidRequest.
        """
        gains, seed = _give(performance, gains, seed)
        engine = open_live(self.engine, performance.style, latency, seed)
        return Session(self._express(engine, performance, seed, latency_of(latency)), Uncut(), performance, gains)

    def push_many(self, sessions: Sequence["Session"], sounds: Sequence[Pcm]) -> list["list[FaceChunk] | EmoTalkError"]:
        """`push` of several different sessions: each gets what it would get alone, or the error that it would raise."""
        mouths = push_many(self.engine, [each.engine_session for each in sessions], sounds)
        return [
            mouth if isinstance(mouth, EmoTalkError) else session.try_receive(sound, mouth)
            for session, sound, mouth in zip(sessions, sounds, mouths, strict=True)
        ]

    def _express(
        self, session: EngineSession, performance: Performance, seed: str, latency: Latency
    ) -> ExpressedSession:
        asked = performance.emotion, performance.emotions, performance.emotion_strength
        emotions = Emotions(*asked, performance.preferred_emotion_strength)
        return express(session, self.engine.card, performance.style, seed, emotions, latency)


class Take(Performance):
    """What a performance was called until 0.2, with its gains and its seed in it; kept for one version."""

    def __init__(
        self,
        style: Style | None = None,
        chunking: Chunking | None = None,
        gains: Gains | None = None,
        post_processing: bool = True,
        seed: str = "",
    ) -> None:
        style, chunking = style or Style(), chunking or Chunking()
        super().__init__(style.emotion_level, style.person_id, post_processing, chunking.duration, chunking.overlap)
        vars(self).update(gains=gains or Gains(), seed=seed)


def _give(performance: Performance, gains: Gains | None, seed: str) -> tuple[Gains, str]:
    performance.check()
    known = vars(performance) if isinstance(performance, Take) else {}
    return gains or known.get("gains", Gains()), seed or known.get("seed", "")


class Session:
    """One clip. Whatever the pushes, the same chunks with the same bytes come out."""

    def __init__(self, face: ExpressedSession, cut: Cut | Uncut, performance: Performance, gains: Gains) -> None:
        self._face, self._cut, self._performance = face, cut, performance
        self._shaping = Shaping(gains) if performance.post_processing else Raw()
        self._motion, self._feelings = Tape(row=(4,)), FeelingTrack()
        self._arrived = 0
        self._sent = 0
        self._index = 0

    def feel(self, keys: Sequence[EmotionKey]) -> None:
        """What the caller wants felt from the next sound on, instead of all that was said. Raises InvalidRequest."""
        self._face.feel(keys, seconds(self._arrived))

    @property
    def engine_session(self) -> EngineSession:
        """The engine's own; see Pipeline.push_many."""
        return self._face.engine_session

    def push(self, pcm: Pcm) -> list[FaceChunk]:
        """Take float32 [n] at 16 kHz; return the chunks that are ready. Raises InvalidRequest, EngineError."""
        pcm = np.asarray(pcm)
        if pcm.ndim != 1 or pcm.dtype.kind != "f":
            problem = f"{pcm.dtype} {list(pcm.shape)} is not float32 [n], mono"
            raise InvalidRequest("pcm", problem, "Divide 16-bit numbers by 32768, and take one channel")
        return self._receive(pcm, self.engine_session.push(pcm))

    def try_receive(self, pcm: Pcm, mouth: Frames) -> list[FaceChunk] | EmoTalkError:
        """The rest of `push`, for who has pushed to the engine's session: what it returns, or what it raises."""
        try:
            return self._receive(pcm, mouth)
        except EmoTalkError as error:
            return error

    def _receive(self, pcm: Pcm, mouth: Frames) -> list[FaceChunk]:
        self._arrived += len(pcm)
        raw = self._cut.add(self._draw(self._face.receive(pcm, mouth)), self._arrived)
        return [self._make_chunk(self._shaping.push(block)) for block in raw]

    def finish(self) -> list[FaceChunk]:
        """Return the remaining chunks; the last frame of the clip is the last frame of the last one."""
        raw = self._cut.finish(self._draw(self._face.finish()), self._arrived)
        chunks = [self._make_chunk(self._shaping.push(block)) for block in raw[:-1]]
        for block in raw[-1:]:
            chunks.append(self._make_chunk(np.concatenate([self._shaping.push(block), self._shaping.finish()])))
        self._check_count()
        return chunks

    def _draw(self, frames: Frames) -> Frames:
        self._motion.append(self._face.motion)
        self._feelings = join_tracks([self._feelings, self._face.feelings])
        return frames

    def _make_chunk(self, frames: Frames) -> FaceChunk:
        due = np.arange(self._sent, self._sent + len(frames))
        if self._performance.post_processing:
            frames = lay_lids(frames, self._motion.take(due + LIDS_AHEAD)[:, 3])
        if self._performance.head:
            frames = np.concatenate([frames, self._motion.take(due)[:, :3]], axis=1)
        stop = self._sent + len(frames)
        chunk = FaceChunk(self._index, self._sent, frames, self._feelings.of_frames(self._sent, stop))
        self._feelings = self._feelings.of_frames(stop, max(stop, STEP_FRAMES * self._feelings.end))
        self._index += 1
        self._sent = stop
        self._motion.forget(self._sent)
        return chunk

    def _check_count(self) -> None:
        due = frame_count(self._arrived)
        if self._sent != due:
            raise EngineError(f"the engine answered {self._sent} frames where {due} were due")
