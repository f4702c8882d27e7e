"""Cuts an engine's stream into the chunks of the answer, at the same frames for every kind of engine.

Chunk i ends where window i's tail begins to wait for its successor: with 25 s / 0.5 s the first holds frames 0..734.
"""

import numpy as np

from emotalk.chunking.windows import Chunking
from emotalk.face import Frames


class Cut:
    """Collects frames and releases them chunk by chunk, whatever the pushes."""

    def __init__(self, chunking: Chunking) -> None:
        self._chunking = chunking
        self._index = 0
        self._first = 0
        self._held: list[Frames] = []
        self._length = 0

    def add(self, frames: Frames, arrived: int) -> list[Frames]:
        """Take frames [n, 52] after `arrived` samples in all; return the chunks that are complete."""
        self._held.append(frames)
        self._length += len(frames)
        chunks = []
        while arrived > self._chunking.released_at(self._index) and self._has_some():
            chunks.append(self._take(self._chunking.boundary(self._index) - self._first))
        return chunks

    def finish(self, frames: Frames, arrived: int) -> list[Frames]:
        """Take the last frames; return the chunks that remain, the last one with all that is left."""
        return [*self.add(frames, arrived), self._take(self._length)] if arrived else []

    def _has_some(self) -> bool:
        return self._first + self._length >= self._chunking.boundary(self._index)

    def _take(self, count: int) -> Frames:
        joined = np.concatenate(self._held)
        chunk, rest = joined[:count], joined[count:]
        self._held = [rest]
        self._first += count
        self._length -= count
        self._index += 1
        return chunk


class Uncut:
    """Releases frames as they come: for whoever watches while it is being spoken."""

    def add(self, frames: Frames, arrived: int) -> list[Frames]:
        """Take frames [n, 52]; return them, if there are any."""
        return [frames] if len(frames) else []

    def finish(self, frames: Frames, arrived: int) -> list[Frames]:
        """Take the last frames; return them, be they none."""
        return [frames] if arrived else []
