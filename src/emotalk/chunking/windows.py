"""Where windows lie, on the grid of 0.1 s (1600 samples, 3 frames).

With 25 s windows and 0.5 s overlap, a clip of 60 s (in seconds):

    window 0   [ 0.0 ───────────────── 25.0 ]
    window 1               [ 24.5 ───────────────── 49.5 ]
    window 2                        [ 35.0 ───────────────── 60.0 ]     reaches back instead of being a stump

Only the last window may end off the grid. A window leaves when the first sample beyond its end has arrived, so that the
last one is always known to be the last: how the audio was cut into pushes changes nothing.

Why so: docs/decisions/0003.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from emotalk.errors import InvalidRequest
from emotalk.face import Pcm
from emotalk.timebase import STEP_FRAMES, STEP_SAMPLES, STEPS_PER_SECOND

DEFAULT_DURATION = 25.0
DEFAULT_OVERLAP = 0.5
MIN_DURATION = 1.0
MAX_DURATION = 120.0


@dataclass(frozen=True)
class Chunking:
    """Window length and overlap in steps of 0.1 s."""

    steps: int = 250
    overlap_steps: int = 5

    @classmethod
    def of(cls, duration: float = DEFAULT_DURATION, overlap: float = DEFAULT_OVERLAP) -> "Chunking":
        """Round seconds to the grid. Raises InvalidRequest for what cannot be."""
        if not MIN_DURATION <= duration <= MAX_DURATION:
            raise InvalidRequest(
                "chunk_duration", f"{duration:g} s is out of range", f"Use {MIN_DURATION:g}..{MAX_DURATION:g} seconds"
            )
        if not math.isfinite(overlap) or overlap < 0:
            raise InvalidRequest("chunk_overlap", f"{overlap:g} s is not an overlap", "Use 0 (none) or a few tenths")
        steps, overlap_steps = _to_grid(duration), _to_grid(overlap)
        if 2 * overlap_steps >= steps:
            raise InvalidRequest(
                "chunk_overlap",
                f"{overlap:g} s is half a chunk of {duration:g} s or more",
                f"Use up to {(steps - 1) // 2 / STEPS_PER_SECOND:g} seconds",
            )
        return cls(steps, overlap_steps)

    @property
    def duration(self) -> float:
        """Seconds of a window."""
        return self.steps / STEPS_PER_SECOND

    @property
    def overlap(self) -> float:
        """Seconds that two windows share."""
        return self.overlap_steps / STEPS_PER_SECOND

    @property
    def hop_steps(self) -> int:
        """Steps from one window's start to the next one's."""
        return self.steps - self.overlap_steps

    @property
    def samples(self) -> int:
        """Samples of a full window."""
        return self.steps * STEP_SAMPLES

    @property
    def hop_samples(self) -> int:
        """Samples from one window's start to the next one's."""
        return self.hop_steps * STEP_SAMPLES

    @property
    def overlap_frames(self) -> int:
        """Frames that two full windows share."""
        return self.overlap_steps * STEP_FRAMES

    def released_at(self, index: int) -> int:
        """Samples that must have arrived, and one more, for window `index` to be known not to be the last."""
        return index * self.hop_samples + self.samples

    def boundary(self, index: int) -> int:
        """Absolute frame before which chunk `index` ends, if it is not the last: its tail waits for its successor."""
        return (index + 1) * self.hop_steps * STEP_FRAMES

    def chunks(self, samples: int) -> int:
        """Chunks, and windows, of a clip of `samples` ≥ 1 at 16 kHz."""
        beyond = max(0, samples - self.samples)
        return 1 + -(-beyond // self.hop_samples)


def _to_grid(seconds: float) -> int:
    return math.floor(seconds * STEPS_PER_SECOND + 0.5)


@dataclass(frozen=True)
class Window:
    """A stretch of the clip: float32 samples from absolute sample `start`, a multiple of 1600."""

    start: int
    samples: Pcm

    @property
    def first_frame(self) -> int:
        """Absolute number of the window's first frame."""
        return self.start // STEP_SAMPLES * STEP_FRAMES


class Windows:
    """Cuts a stream into windows; holds one window of audio and one push, however long the clip."""

    def __init__(self, chunking: Chunking) -> None:
        self._chunking = chunking
        self._index = 0
        self._arrived = 0
        self._held: list[Pcm] = []
        self._held_start = 0

    def push(self, pcm: Pcm) -> list[Window]:
        """Take float32 [n]; return the full windows that are known not to be the last."""
        self._held.append(np.array(pcm, np.float32))  # a copy: the caller may use its buffer again
        self._arrived += len(pcm)
        full = list(self._take_full_windows())
        self._forget()
        return full

    def finish(self) -> list[Window]:
        """Return the last window; nothing for a clip without samples."""
        if self._arrived == 0:
            return []
        start = 0
        if self._index > 0:
            # The last window reaches back for context, but starts on the grid like every other.
            start = -(-(self._arrived - self._chunking.samples) // STEP_SAMPLES) * STEP_SAMPLES
        return [self._take_window(start, self._arrived)]

    def _take_full_windows(self) -> Iterator[Window]:
        while self._arrived > self._chunking.released_at(self._index):
            start = self._index * self._chunking.hop_samples
            yield self._take_window(start, start + self._chunking.samples)
            self._index += 1

    def _take_window(self, start: int, end: int) -> Window:
        if len(self._held) > 1:
            self._held = [np.concatenate(self._held)]
        return Window(start, self._held[0][start - self._held_start : end - self._held_start])

    def _forget(self) -> None:
        # The last window starts after the last full one did: that much is kept, and no more.
        start = max(0, self._index - 1) * self._chunking.hop_samples
        if start > self._held_start:
            self._held = [self._held[0][start - self._held_start :].copy()]
            self._held_start = start
