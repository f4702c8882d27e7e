"""A clip's frames by a clock that only goes forward; and a face at rest when they end, however they end."""

import time
from collections.abc import Callable, Sequence
from contextlib import suppress

import numpy as np

from emotalk.errors import ReceiverGone
from emotalk.face import FaceClip, Frames
from emotalk.play.base import Receiver
from emotalk.timebase import timecode

REST_SECONDS = 0.25
_AGAIN = 2
"""How often the face at rest is repeated: a datagram may be lost, and none comes after it."""


def play(
    clip: FaceClip,
    receivers: Sequence[Receiver],
    loop: bool = False,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> int:
    """Send each frame when it is due, and bring the face to rest; returns how many of the clip's frames were sent.

    Due times count from the start, so that nothing adds up: an hour ends on its last frame, and a loop's rounds follow
    each other as frames do. Whoever wakes late shows the frame of now and leaves out those that have passed, except the
    last one. An interruption (Ctrl-C, SIGTERM) brings the face to rest as well, and goes on.
    """
    showing = _Showing(clip, receivers, clock, sleep)
    try:
        while loop or showing.frame < len(clip.frames):
            showing.wait(None if loop else len(clip.frames) - 1)
            showing.show(showing.frame % len(clip.frames))
    finally:
        showing.rest()
    return showing.sent


class _Showing:
    """`frame` is the next one, counted over all rounds."""

    def __init__(
        self, clip: FaceClip, receivers: Sequence[Receiver], clock: Callable[[], float], sleep: Callable[[float], None]
    ) -> None:
        self._clip, self._receivers, self._clock, self._sleep = clip, receivers, clock, sleep
        self._start, self.frame, self.sent = clock(), 0, 0
        self._last: int | None = None

    def wait(self, at_most: int | None) -> None:
        """Until the next frame is due, or skip those that have passed, though not frame `at_most`."""
        wait = self._start + timecode(self.frame, self._clip.fps) - self._clock()
        if wait > 0:
            self._sleep(wait)
            return
        due = int((self._clock() - self._start) * float(self._clip.fps) + 1e-6)
        self.frame = max(self.frame, due if at_most is None else min(due, at_most))

    def show(self, row: int) -> None:
        """Row `row` of the clip as the next frame."""
        self._last = row
        values, head = self._clip.frames[row], None if self._clip.head is None else self._clip.head[row]
        for receiver in self._receivers:
            self._send(receiver, values, head)
        self.frame, self.sent = self.frame + 1, self.sent + 1

    def rest(self) -> None:
        """From what was shown last to a face at rest, smoothly."""
        if self._last is None:
            return
        values, neutral = self._clip.frames[self._last], self._clip.neutral
        head = None if self._clip.head is None else self._clip.head[self._last]
        steps = max(1, round(REST_SECONDS * self._clip.fps))
        for step in (*range(1, steps + 1), *[steps] * _AGAIN):
            self.wait(self.frame)
            share = np.float32((1 - np.cos(np.pi * step / steps)) / 2)
            face = values * (1 - share) + neutral * share
            for receiver in self._receivers:
                with suppress(ReceiverGone):
                    self._send(receiver, face, None if head is None else head * (1 - share))
            self.frame += 1

    def _send(self, receiver: Receiver, values: Frames, head: Frames | None) -> None:
        turn = () if head is None else (head.tolist(),)
        receiver.send(self.frame, timecode(self.frame, self._clip.fps), values.tolist(), *turn)
