"""Blinks laid over the animation: seven frames each, first at frame 0..60, then every 60..180 frames.

When and how is a function of (seed, blink index) alone, by blake2b: not Python's salted hash, nor a generator whose
stream may change between library versions. So a job that is delivered twice blinks at the same frames.
The four curves are figures of the reference's post-processing.
"""

from collections.abc import Iterator
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from emotalk.face import INDEX, Frames

CURVES: NDArray[np.float32] = np.array(
    [
        [0.36537236, 0.950235724, 0.95593375, 0.916715622, 0.367256105, 0.119113259, 0.025357503],
        [0.234776169, 0.909951985, 0.944758058, 0.777862132, 0.191071674, 0.235437036, 0.089163929],
        [0.870040774, 0.949833691, 0.949418545, 0.695911646, 0.191071674, 0.072576277, 0.007108896],
        [0.000307991, 0.556701422, 0.952656746, 0.942345619, 0.425857186, 0.148335218, 0.017659493],
    ],
    np.float32,
)
BLINK_FRAMES = CURVES.shape[1]
LATEST_FIRST = 60
SHORTEST_GAP, LONGEST_GAP = 60, 180
_EYES = slice(INDEX["eyeBlinkLeft"], INDEX["eyeBlinkRight"] + 1)


def blinks(seed: str) -> Iterator[tuple[int, int]]:
    """Endless (first frame, curve) pairs, in order."""
    start, index = 0, 0
    while True:
        draw = blake2b(f"{seed}\0{index}".encode(), digest_size=16).digest()
        when, curve = int.from_bytes(draw[:8], "big"), int.from_bytes(draw[8:], "big") % len(CURVES)
        start += when % (LATEST_FIRST + 1) if index == 0 else SHORTEST_GAP + when % (LONGEST_GAP - SHORTEST_GAP + 1)
        yield start, curve
        index += 1


class Blink:
    """One clip on its way: replaces both eyes' blink curves; knows the absolute frame it stands at."""

    def __init__(self, seed: str) -> None:
        self._blinks = blinks(seed)
        self._start, self._curve = next(self._blinks)
        self._frame = 0

    def push(self, frames: Frames) -> Frames:
        """Lay blinks over float32 [n, 52]; returns a copy."""
        blinking = frames.copy()
        blinking[:, _EYES] = 0
        end = self._frame + len(frames)
        while self._start < end:
            self._lay(blinking)
            if self._start + BLINK_FRAMES > end:
                break  # its rest falls into the next block
            self._start, self._curve = next(self._blinks)
        self._frame = end
        return blinking

    def _lay(self, frames: Frames) -> None:
        offset = self._start - self._frame
        first, last = max(0, offset), min(len(frames), offset + BLINK_FRAMES)
        frames[first:last, _EYES] = CURVES[self._curve, first - offset : last - offset, None]
