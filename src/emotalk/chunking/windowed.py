"""Wraps a window engine into a streaming one: windows in, stitched frames out."""

from dataclasses import dataclass

import numpy as np

from emotalk.chunking.batches import Batches
from emotalk.chunking.stitch import Stitch
from emotalk.chunking.windows import Chunking, Window, Windows
from emotalk.engines.base import BatchEngine, Engine, EngineCard, EngineSession, Latency, WindowEngine
from emotalk.errors import EngineError
from emotalk.face import BLENDSHAPES, Frames, Pcm, Style, no_frames
from emotalk.timebase import STEPS_PER_SECOND, frame_count

LIVE_WINDOW, LIVE_OVERLAP = 1.0, 0.2
NEAR_LATENCY = 0.5
"""Who may wait so many seconds gets the look-ahead that is called near."""


@dataclass(frozen=True)
class Windowed:
    """A window engine that keeps the engine protocol. Of a recorded clip, windows may wait to be computed together."""

    engine: WindowEngine
    chunking: Chunking
    recorded: bool = True

    @property
    def card(self) -> EngineCard:
        """The wrapped engine's."""
        return self.engine.card

    def open(self, style: Style, latency: Latency = "clip", seed: str = "") -> "WindowedSession":
        """Start a clip; it waits for whole windows, whatever the latency."""
        at_once = _count_windows_at_once(self.engine, self.chunking) if self.recorded else 1
        return WindowedSession(self.engine, style, self.chunking, at_once)


class WindowedSession:
    """One clip cut into windows, animated and stitched."""

    def __init__(self, engine: WindowEngine, style: Style, chunking: Chunking, at_once: int = 1) -> None:
        self._engine, self._style = engine, style
        self._windows = Windows(chunking)
        self._batches = Batches(at_once)
        self._stitch = Stitch(chunking.overlap_frames)

    def push(self, pcm: Pcm) -> Frames:
        """Take float32 [n]; return the stitched frames that are ready."""
        groups = self._batches.push(self._windows.push(pcm))
        return _join([self._add(*each, last=False) for group in groups for each in self._animate(group)])

    def finish(self) -> Frames:
        """Animate the windows that wait and the last one, and return the rest."""
        groups = self._batches.finish(self._windows.finish())
        animated = [each for group in groups for each in self._animate(group)]
        last = len(animated) - 1
        return _join([self._add(*each, last=i == last) for i, each in enumerate(animated)])

    def _animate(self, group: list[Window]) -> list[tuple[Window, Frames]]:
        engine, sounds = self._engine, [window.samples for window in group]
        if len(group) > 1 and isinstance(engine, BatchEngine):
            return list(zip(group, engine.animate_batch(sounds, self._style), strict=True))
        return [(window, engine.animate(window.samples, self._style)) for window in group]

    def _add(self, window: Window, frames: Frames, last: bool) -> Frames:
        expected = (frame_count(len(window.samples)), BLENDSHAPES)
        if frames.shape != expected:
            raise EngineError(f"engine {self._engine.card.name} answered {frames.shape} where {expected} was due")
        return self._stitch.add(window.first_frame, frames, last)


def _count_windows_at_once(engine: WindowEngine, chunking: Chunking) -> int:
    """How many full windows make a batch."""
    seconds = engine.batch_seconds if isinstance(engine, BatchEngine) else 0.0
    return max(1, int(seconds * STEPS_PER_SECOND) // chunking.steps)


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
    if isinstance(engine, WindowEngine):
        return Windowed(engine, chunking, recorded=False).open(style)
    return open_session(engine, style, chunking, latency_of(latency), seed)


def latency_of(seconds: float | None) -> Latency:
    """What a live stream that may wait so long is given (None: it would wait as little as can be)."""
    return "near" if (seconds or 0) >= NEAR_LATENCY else "live"


def _join(blocks: list[Frames]) -> Frames:
    return np.concatenate(blocks) if blocks else no_frames()
