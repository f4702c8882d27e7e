"""A broker's quota, as far as it holds up what we write: whoever has used it up waits, and that is no outage.

Why so: docs/decisions/0039.
"""

import logging
import time
from collections.abc import Callable

from confluent_kafka import ThrottleEvent

from emotalk.errors import QueueUnavailable

_log = logging.getLogger(__name__)

_BRIEF_SECONDS = 1.0
_PATIENT_SECONDS = 5.0
_QUIET_SECONDS = 60.0
_FIX = "raise producer_byte_rate of its user or client id, or send less at once"


class Throttle:
    """Of one connection: a broker says how long it will not read from it."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._until = self._told = -float("inf")

    def hear(self, event: ThrottleEvent) -> None:
        """What a broker says; the log tells it once a minute at most."""
        now = self._monotonic()
        self._until = max(self._until, now + event.throttle_time)
        if event.throttle_time > _BRIEF_SECONDS and now - self._told > _QUIET_SECONDS:
            self._told = now
            _log.warning("kafka slows us down", extra={"seconds": round(event.throttle_time, 1), "fix": _FIX})

    def check(self) -> None:
        """Raise QueueUnavailable where a record would wait for longer than anybody waits for its acceptance."""
        if (left := self._until - self._monotonic()) > _PATIENT_SECONDS:
            raise self.refusal(left)

    def held_since(self, moment: float) -> bool:
        """Did the broker not read from us, at any time since then?"""
        return self._until > moment

    def refusal(self, seconds: float = _BRIEF_SECONDS) -> QueueUnavailable:
        """What is said to whoever may try again in so many seconds."""
        return QueueUnavailable(
            f"Kafka: the quota of this service is used up. Try again in {seconds:.0f} s; its operator can {_FIX}."
        )
