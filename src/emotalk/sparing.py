"""What strangers cause is told now and then, and not each time: else they would write our log."""

import time
from collections.abc import Callable


class Sparing:
    """Once in `seconds`."""

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds, self._clock = seconds, clock
        self._times, self._told_at = 0, -float("inf")

    def times(self) -> int:
        """How often it has happened since it was told last, where it is to be told now; else 0."""
        self._times += 1
        if self._clock() - self._told_at < self._seconds:
            return 0
        times, self._times, self._told_at = self._times, 0, self._clock()
        return times
