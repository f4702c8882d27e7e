"""Joins the frames of overlapping windows into one stream in which every frame stands once.

    window i     … 732 733 734 | 735 736 … 749 |
    window i+1                 | 735 736 … 749 | 750 751 …
                                 └─ 15 frames: the weight goes from window i to window i+1

The tail of a window waits for its successor. The last window may reach back further than the overlap: what was already
sent is context and dropped, and the fade stays where the tail waits.

Why so: docs/decisions/0020.
"""

import numpy as np

from emotalk.face import Frames, no_frames


class Stitch:
    """Cross-fades linearly over the waiting tail."""

    def __init__(self, overlap_frames: int) -> None:
        self._overlap = overlap_frames
        self._tail = no_frames()
        self._next = 0

    def add(self, first_frame: int, frames: Frames, last: bool) -> Frames:
        """Take a window's frames, float32 [n, 52] from absolute frame `first_frame`; return what can leave now."""
        fresh = frames[self._next - first_frame :]
        joined = np.concatenate([_fade(self._tail, fresh[: len(self._tail)]), fresh[len(self._tail) :]])
        keep = 0 if last else self._overlap
        ready, self._tail = joined[: len(joined) - keep], joined[len(joined) - keep :]
        self._next += len(ready)
        return ready


def _fade(old: Frames, new: Frames) -> Frames:
    weight = (np.arange(1, len(old) + 1, dtype=np.float32) / np.float32(len(old) + 1))[:, None]
    return old + (new - old) * weight
