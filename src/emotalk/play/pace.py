"""Thirty frames a second by a clock that only goes forward."""

import time
from collections.abc import Callable, Sequence

from emotalk.face import FaceClip
from emotalk.play.base import Receiver
from emotalk.timebase import FPS, timecode


def play(
    clip: FaceClip,
    receivers: Sequence[Receiver],
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> int:
    """Send each frame when it is due; returns how many were sent.

    Due times count from the start, so that nothing adds up: an hour ends on its last frame. Whoever wakes late shows
    the frame of now and leaves out those that have passed, except the last one, which is how the face stays.
    """
    start, sent, frame = clock(), 0, 0
    while frame < len(clip.frames):
        wait = start + timecode(frame) - clock()
        if wait > 0:
            sleep(wait)
        else:
            frame = max(frame, min(_due(clock() - start), len(clip.frames) - 1))
        values = clip.frames[frame].tolist()
        head = () if clip.head is None else (clip.head[frame].tolist(),)
        for receiver in receivers:
            receiver.send(frame, timecode(frame), values, *head)
        frame, sent = frame + 1, sent + 1
    return sent


def _due(seconds: float) -> int:
    return int(seconds * FPS + 1e-6)
