"""Smooth, gains, clamp, in this order: a gain must not leave the range. The lids are laid over it afterwards: smoothing
must not blur a blink."""

import numpy as np
from numpy.typing import NDArray

from emotalk.face import INDEX, Frames, no_frames
from emotalk.shaping.limits import Gains, clamp
from emotalk.shaping.smooth import Smooth

_EYES = slice(INDEX["eyeBlinkLeft"], INDEX["eyeBlinkRight"] + 1)


class Shaping:
    """One clip on its way from the engine's raw frames to a face; runs two frames behind."""

    def __init__(self, gains: Gains) -> None:
        self._smooth = Smooth()
        self._gains = gains

    def push(self, frames: Frames) -> Frames:
        """Take raw float32 [n, 52]; return the shaped frames that are ready."""
        return self._after(self._smooth.push(frames))

    def finish(self) -> Frames:
        """Return the last frames."""
        return self._after(self._smooth.finish())

    def _after(self, smooth: Frames) -> Frames:
        return clamp(self._gains.apply(smooth))


class Raw:
    """The engine's frames as they are, with the same two verbs."""

    def push(self, frames: Frames) -> Frames:
        """Pass through."""
        return frames

    def finish(self) -> Frames:
        """Nothing is held back."""
        return no_frames()


def lay_lids(frames: Frames, shut: NDArray[np.float32]) -> Frames:
    """Both eyes of float32 [n, 52] shut by [n] in 0..1, whatever they were; returns a copy."""
    blinking = frames.copy()
    blinking[:, _EYES] = shut[:, None]
    return blinking
