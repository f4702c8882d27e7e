"""How long a worker waits: for a log that is away, between two attempts, and for its job once it was asked to stop."""

import logging
from collections.abc import Callable
from threading import Event
from typing import TypeVar

from emotalk import metrics
from emotalk.errors import EmoTalkError, QueueFull, QueueLost, QueueUnavailable

log = logging.getLogger(__name__)

LOOK_EVERY = 0.5
"""Seconds between two looks at the signal to stop; a claim must be kept every second."""
OUTAGE_WAIT = 1.0
STILL_SECONDS = 180.0
"""Longer than any call of ours takes: a write to Kafka that is stuck is given up after two minutes."""

OUTAGES = (QueueUnavailable, QueueFull)
"""The log's own troubles, a full disk among them: the worker waits, and no attempt is counted."""

T = TypeVar("T")


class Stopped(EmoTalkError):
    """The worker was asked to stop."""


class Patience:
    """Once `stop` is set, the job in hand has `drain_seconds` to end.

    `alive` is called again within the seconds that it is given, unless this thread does not get to run any more.
    """

    def __init__(
        self,
        stop: Event,
        *,
        drain_seconds: float,
        alive: Callable[[float], object],
        monotonic: Callable[[], float],
        pause: Callable[[float], object],
    ) -> None:
        self.stop, self.drain_seconds = stop, drain_seconds
        self.alive, self.monotonic, self._pause = alive, monotonic, pause
        self._stopping_since: float | None = None

    def outlast(self, call: Callable[[], T], enough: Callable[[], bool] | None = None) -> T:
        """Repeat `call` while the log is away: an outage does not count as an attempt, and loses nothing.

        Raises Stopped once `enough` says so (default: `drained`).
        """
        enough = enough or self.is_drained
        while True:
            self.alive(STILL_SECONDS)
            try:
                return call()
            except OUTAGES as outage:
                if enough():
                    raise Stopped("asked to stop while the queue is away") from outage
                metrics.OUTAGES.inc()
                say_away(outage)
                self._pause(OUTAGE_WAIT)

    def pause(self, seconds: float, keep: Callable[[], object]) -> None:
        """Wait between two attempts, and keep the claim meanwhile. Raises Stopped when asked to stop."""
        until = self.monotonic() + seconds
        while (left := until - self.monotonic()) > 0:
            self._pause(min(left, LOOK_EVERY))
            if self.stop.is_set():
                raise Stopped("asked to stop between attempts")
            self.outlast(keep)

    def is_drained(self) -> bool:
        """Was the worker asked to stop, and has the job in hand had its time?"""
        if not self.stop.is_set():
            return False
        if self._stopping_since is None:
            self._stopping_since = self.monotonic()
        return self.monotonic() - self._stopping_since >= self.drain_seconds


def say_away(outage: EmoTalkError) -> None:
    """One line for each look at a log that is away."""
    fix = "waiting until it is made again" if isinstance(outage, QueueLost) else "waiting for it; nothing is lost"
    log.warning("queue unavailable", extra={"error": str(outage), "fix": fix})
