"""Wraps a window engine into a streaming one: windows in, stitched frames out."""

from dataclasses import dataclass

import numpy as np

from emotalk.chunking.stitch import Stitch
from emotalk.chunking.windows import Chunking, Window, Windows
from emotalk.engines.base import Engine, EngineCard, EngineSession, Latency, WindowEngine
from emotalk.errors import EngineError
from emotalk.face import BLENDSHAPES, Frames, Pcm, Style, no_frames
from emotalk.timebase import frame_count

LIVE_WINDOW, LIVE_OVERLAP = 1.0, 0.2
CLIP_LATENCY = 2.0
"""Who may wait so many seconds gets a clip's look-ahead."""


@dataclass(frozen=True)
class Windowed:
    """A window engine that keeps the engine protocol."""

    engine: WindowEngine
    chunking: Chunking

    @property
    def card(self) -> EngineCard:
        """The wrapped engine's."""
        return self.engine.card

    def open(self, style: Style, latency: Latency = "clip", seed: str = "") -> "WindowedSession":
        """Start a clip; it waits for whole windows, whatever the latency."""
        return WindowedSession(self.engine, style, self.chunking)


class WindowedSession:
    """One clip cut into windows, animated and stitched."""

    def __init__(self, engine: WindowEngine, style: Style, chunking: Chunking) -> None:
        self._engine, self._style = engine, style
        self._windows = Windows(chunking)
        self._stitch = Stitch(chunking.overlap_frames)

    def push(self, pcm: Pcm) -> Frames:
        """Take float32 [n]; return the stitched frames that are ready."""
        ready = [self._animate(window, last=False) for window in self._windows.push(pcm)]
        return _joined(ready)

    def finish(self) -> Frames:
        """Animate the last window and return the rest."""
        return _joined([self._animate(window, last=True) for window in self._windows.finish()])

    def _animate(self, window: Window, last: bool) -> Frames:
        frames = self._engine.animate(window.samples, self._style)
        expected = (frame_count(len(window.samples)), BLENDSHAPES)
        if frames.shape != expected:
            raise EngineError(f"engine {self._engine.card.name} answered {frames.shape} where {expected} was due")
        return self._stitch.add(window.first_frame, frames, last)


def open_session(
    engine: Engine | WindowEngine, style: Style, chunking: Chunking, latency: Latency = "clip", seed: str = ""
) -> EngineSession:
    """Start a clip on either kind of engine."""
    if isinstance(engine, WindowEngine):
        return Windowed(engine, chunking).open(style)
    return engine.open(style, latency, seed)


def open_live(engine: Engine | WindowEngine, style: Style, latency: float | None, seed: str = "") -> EngineSession:
    """Start a live stream for somebody who may wait `latency` seconds for a frame (None: as short as it goes).

    A window engine answers a window at a time: the shortest, or as long as may be waited.
    """
    chunking = Chunking.of(max(latency or LIVE_WINDOW, LIVE_WINDOW), LIVE_OVERLAP)
    return open_session(engine, style, chunking, "clip" if (latency or 0) >= CLIP_LATENCY else "live", seed)


def _joined(blocks: list[Frames]) -> Frames:
    return np.concatenate(blocks) if blocks else no_frames()
