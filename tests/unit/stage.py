"""What worker, pipeline and server tests play with: jobs, scripted engines, a queue that fails on cue, a clock."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from emotalk.audio import encode_flac
from emotalk.engines.base import EngineCard
from emotalk.engines.tone import ToneEngine
from emotalk.face import Frames, Pcm, Style
from emotalk.feelings import EmotionKey
from emotalk.jobs import Job, Part
from emotalk.jobs.codec import decode_part
from emotalk.performance import Performance
from emotalk.queues.base import Result

NOW = 1_800_000_000.0
IN_SECONDS = Performance(chunk_duration=1.0, chunk_overlap=0.2)
"""A chunk a second."""
CHANGED: dict[str, Any] = {
    "emotion_level": 0,
    "person_id": 1,
    "post_processing": False,
    "chunk_duration": 24.0,
    "chunk_overlap": 0.75,
    "head": True,
    "audio_format": "pcm16le:16000",
    "lenient": True,
    "emotion": "joy=0.8",
    "emotions": (EmotionKey(0.0, {"joy": 0.8}), EmotionKey(2.5, {"anger": 0.5, "joy": 0.25})),
    "emotion_strength": 0.5,
    "preferred_emotion_strength": 0.25,
}
"""Each parameter of a performance, and a value that is not its default."""


def tones(samples: int, seed: int = 0) -> Pcm:
    """16-bit sound with a different loudness in every frame."""
    t = np.arange(samples)
    wave = np.sin(t * (0.05 + 0.01 * seed)) * (0.2 + 0.7 * (t // 533 % 97) / 97)
    return np.asarray(np.rint(wave * 32767 * 0.9) / 32768, np.float32)


def job(
    request_id: str = "one", seconds: float = 3.0, *, performance: Performance = IN_SECONDS, session_id: str = "s"
) -> Job:
    """A job as the intake would make it."""
    pcm = tones(round(seconds * 16_000))
    digest = f"digest of {request_id}"
    return Job(request_id, session_id, digest, NOW, len(pcm), performance, encode_flac(pcm), seed=request_id)


@dataclass
class Clock:
    """Stands still until somebody waits on it."""

    now: float = 100.0
    waits: list[float] = field(default_factory=list)

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now += seconds


class Scripted:
    """The tone engine with a cue before each window: a callable is called, an exception is raised."""

    def __init__(self, *cues: "BaseException | Callable[[], object] | None", fingerprint: str = "tone-1") -> None:
        self.card = EngineCard("scripted", licence="MIT", fingerprint=fingerprint)
        self.cues = list(cues)
        self.windows = 0

    def animate(self, window: Pcm, style: Style) -> Frames:
        self.windows += 1
        cue = self.cues.pop(0) if self.cues else None
        if isinstance(cue, BaseException):
            raise cue
        if cue is not None:
            cue()
        return ToneEngine().animate(window, style)


class Unreliable:
    """A consumer whose verbs fail on cue and who writes down everything that was done, in order."""

    def __init__(self, real: Any) -> None:
        self.real = real
        self.cues: dict[str, list[BaseException | Callable[[], object]]] = {}
        self.after: dict[str, list[BaseException]] = {}
        self.done: list[str] = []

    def on(self, verb: str, *cues: "BaseException | Callable[[], object]") -> "Unreliable":
        """Before the next calls of `verb`, in this order."""
        self.cues.setdefault(verb, []).extend(cues)
        return self

    def then(self, verb: str, *errors: BaseException) -> "Unreliable":
        """The next calls of `verb` happen, and their callers never hear of it."""
        self.after.setdefault(verb, []).extend(errors)
        return self

    def __getattr__(self, verb: str) -> Callable[..., Any]:
        def call(*args: Any) -> Any:
            if self.cues.get(verb):
                cue = self.cues[verb].pop(0)
                if isinstance(cue, BaseException):
                    raise cue
                cue()
            answer = getattr(self.real, verb)(*args)
            self.done.append(verb)
            if self.after.get(verb):
                raise self.after[verb].pop(0)
            return answer

        return call


def parts_of(results: Sequence[Result]) -> list[Part]:
    return [decode_part(result.payload) for result in results]


def cut_into_parts(frames: Frames, sizes: Sequence[int], fingerprint: str = "a", ends: int = 2) -> list[Part]:
    """Frames as parts of these sizes; every `ends`-th part, and the last, ends a chunk."""
    parts, first = [], 0
    for index, size in enumerate(sizes):
        last = index == len(sizes) - 1
        chunk = frames[first : first + size]
        parts.append(
            Part("one", fingerprint, index // ends, first, len(frames), last or index % ends == ends - 1, chunk)
        )
        first += size
    return parts


def numbered(count: int) -> Frames:
    """Frame f holds f in every place."""
    return np.repeat(np.arange(count, dtype=np.float32)[:, None], 52, axis=1)


def again(parts: Sequence[Part], fingerprint: str) -> list[Part]:
    """The same delivery by another engine."""
    return [replace(part, fingerprint=fingerprint) for part in parts]
