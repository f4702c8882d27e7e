"""What a job in the queue waits for, told to whoever waits for it."""

import shlex
import time
from collections.abc import Callable

from emotalk.cli.exits import complain
from emotalk.errors import QueueUnavailable
from emotalk.queues.base import ENDED, Queue

FIRST_PAUSE = 5.0


class Waiting:
    """Tells on standard error: at once, after five seconds, and then each time after twice as long.

    `ahead`: how many requests are before it; `prefix`: of the names on Kafka.
    """

    def __init__(
        self,
        queue: Queue,
        request_id: str,
        ahead: Callable[[], int],
        tell: Callable[[str], object] = complain,
        monotonic: Callable[[], float] = time.monotonic,
        prefix: str = "",
    ) -> None:
        self._place = shlex.join([queue.url, *(["--kafka-prefix", prefix] if prefix else [])])
        self._request_id, self._ahead, self._ledger = request_id, ahead, queue.ledger()
        self._tell, self._monotonic = tell, monotonic
        self._next, self._pause = monotonic(), FIRST_PAUSE

    def look(self) -> None:
        """Tell, if it is time to. Call it as often as you like."""
        now = self._monotonic()
        if now < self._next:
            return
        self._next, self._pause = now + self._pause, 2 * self._pause
        if sentence := self._word_state():
            self._tell(sentence)

    def _word_state(self) -> str:
        try:
            row = self._ledger.find(self._request_id)
            ahead = self._ahead()
        except QueueUnavailable as outage:
            return f"{self._request_id} waits until the queue answers again: {outage}"
        if row is not None and row.state in ENDED:
            return ""
        if row is not None and row.state == "running":
            return f"{self._request_id}: a worker has begun it (attempt {row.attempts}); waiting for its frames"
        start = f"Is one running? If not: emotalk work --queue {self._place}"
        return f"{self._request_id} is queued, {ahead} before it, and waits for a worker. {start}"
