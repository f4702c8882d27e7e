"""The tone engine's frames from a streaming engine: what a session must do, at the cost of nothing."""

from dataclasses import dataclass, field

import numpy as np

from emotalk.engines.base import EngineCard, Latency
from emotalk.engines.tone import CARD, ToneEngine
from emotalk.face import Frames, Pcm, Style
from emotalk.timebase import STEP_SAMPLES


@dataclass(frozen=True)
class StreamingToneEngine:
    """The same frames from a streaming engine, 0.1 s at a time."""

    card: EngineCard = CARD

    def open(self, style: Style, latency: Latency = "clip", seed: str = "") -> "ToneSession":
        """Start a clip; it never waits for more than 0.1 s."""
        return ToneSession(style)


@dataclass
class ToneSession:
    """One clip; what does not fill 0.1 s waits."""

    style: Style
    _waiting: Pcm = field(default_factory=lambda: np.zeros(0, np.float32))

    def push(self, pcm: Pcm) -> Frames:
        """Take float32 [n]; return the frames of the steps that are full."""
        sound = np.concatenate([self._waiting, np.asarray(pcm, np.float32)])
        full = len(sound) // STEP_SAMPLES * STEP_SAMPLES
        self._waiting = sound[full:].copy()
        return ToneEngine().animate(sound[:full], self.style)

    def finish(self) -> Frames:
        """Return the frames that remain."""
        rest, self._waiting = self._waiting, self._waiting[:0]
        return ToneEngine().animate(rest, self.style)
