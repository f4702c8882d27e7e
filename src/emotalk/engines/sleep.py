"""The sleep engine: takes its time and no processor, to try out how a fleet of workers scales on one machine."""

import time
from collections.abc import Callable

from emotalk.engines.base import EngineCard
from emotalk.engines.tone import ToneEngine
from emotalk.face import Frames, Pcm, Style
from emotalk.timebase import SAMPLE_RATE

REAL_TIME_FACTOR = 0.1


class SleepEngine:
    """A window engine that needs a tenth of its sound's duration, and then answers the tone engine's frames."""

    card = EngineCard("sleep", licence="MIT", fingerprint="sleep-1")

    def __init__(self, pause: Callable[[float], object] = time.sleep) -> None:
        self._pause = pause

    def animate(self, window: Pcm, style: Style) -> Frames:
        """float32 [n] at 16 kHz → float32 [frame_count(n), 52] in 0..1."""
        self._pause(REAL_TIME_FACTOR * len(window) / SAMPLE_RATE)
        return ToneEngine().animate(window, style)
