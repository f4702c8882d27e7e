"""Smooth, gains, blinks, clamp, in this order: smoothing must not blur a blink, nor a gain leave the range."""

from emotalk.face import Frames, no_frames
from emotalk.shaping.blink import Blink
from emotalk.shaping.limits import Gains, clamp
from emotalk.shaping.smooth import Smooth


class Shaping:
    """One clip on its way from the engine's raw frames to a face; runs two frames behind."""

    def __init__(self, gains: Gains, seed: str) -> None:
        self._smooth = Smooth()
        self._gains = gains
        self._blink = Blink(seed)

    def push(self, frames: Frames) -> Frames:
        """Take raw float32 [n, 52]; return the shaped frames that are ready."""
        return self._after(self._smooth.push(frames))

    def finish(self) -> Frames:
        """Return the last frames."""
        return self._after(self._smooth.finish())

    def _after(self, smooth: Frames) -> Frames:
        return clamp(self._blink.push(self._gains.apply(smooth)))


class Raw:
    """The engine's frames as they are, with the same two verbs."""

    def push(self, frames: Frames) -> Frames:
        """Pass through."""
        return frames

    def finish(self) -> Frames:
        """Nothing is held back."""
        return no_frames()
