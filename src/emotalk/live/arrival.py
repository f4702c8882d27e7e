"""Is this somebody who speaks, or a clip that somebody sends? Told by how the sound comes, as nobody says it.

the end has come                              clip
sound comes with its own speed, or stalls     live: who speaks must not wait for a look-ahead
sound still comes ten times as fast           not known yet: its end is near
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

Manner = Literal["clip", "live"]

LOOK_SECONDS = 0.05
_PATIENCE, _MOST_PATIENCE = 0.2, 0.5
"""The live engine's first frames need 0.2 s of sound, so nobody who speaks in short pieces waits longer for this."""
_RACING, _HEAD_START = 2.0, 0.5
_FAST = 10.0
_STALL = 0.5


@dataclass
class SoundArrival:
    """Sound in seconds, as it comes; the first piece may have been collected before it was sent, and proves nothing."""

    clock: Callable[[], float]
    ended: bool = False
    _first: float = 0.0
    _total: float = 0.0
    _began: float = field(default=0.0)
    _latest: float = field(default=0.0)

    def hear(self, seconds: float) -> None:
        """A piece of sound has come."""
        self._latest = self.clock()
        if not self._total:
            self._first, self._began = seconds, self._latest
        self._total += seconds

    def manner(self) -> Manner | None:
        """What it is, None while that cannot be told."""
        if self.ended:
            return "clip"
        now = self.clock()
        elapsed = now - self._began
        if not self._total or elapsed < min(max(_PATIENCE, self._first / 2), _MOST_PATIENCE):
            return None
        if self._total - self._first <= _RACING * elapsed + _HEAD_START or now - self._latest > _STALL:
            return "live"
        return None if self._total > _FAST * elapsed else "live"
