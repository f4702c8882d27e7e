"""Clips that are drawn at the same time take turns, so that the first frames of all come before the second of any.

Without turns, threads in a crowd push each other aside: one clip may be done before another has its first frame.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from heapq import heappop, heappush
from itertools import count
from threading import Condition


class ClipTurns:
    """At most `at_once` turns at a time, by default one for each processor; whoever has had least is next."""

    def __init__(self, at_once: int | None = None) -> None:
        self._free = at_once or os.cpu_count() or 1
        self._waiting: list[tuple[int, int]] = []
        self._numbers, self._change = count(), Condition()

    @contextmanager
    def turn(self, had: int) -> Iterator[None]:
        """Wait for a turn, and take it; `had`: samples that were drawn of this clip before."""
        ticket = had, next(self._numbers)
        with self._change:
            heappush(self._waiting, ticket)
            self._change.wait_for(lambda: self._free and self._waiting[0] == ticket)
            heappop(self._waiting)
            self._free -= 1
            self._change.notify_all()
        try:
            yield
        finally:
            with self._change:
                self._free += 1
                self._change.notify_all()
