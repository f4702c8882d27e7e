"""A server's end of the results of a queue in memory."""

from emotalk.queues.base import Cursor, Result
from emotalk.queues.memory.store import Store

_AT_ONCE = 64


class MemoryResults:
    """See Results."""

    def __init__(self, store: Store) -> None:
        self._store, self._next = store, store.written

    def poll(self, timeout: float) -> list[Result]:
        """See Results.poll."""
        with self._store.hold():
            return self._store.wait_for(self._take_new, timeout)

    def _take_new(self) -> list[Result]:
        store = self._store
        numbers = [number for number in range(self._next, store.written) if number in store.results][:_AT_ONCE]
        self._next = numbers[-1] + 1 if numbers else store.written
        return [store.results[number][1] for number in numbers]

    def read(self, request_id: str, start: Cursor, limit: int, last: Cursor | None = None) -> list[Result]:
        """See Results.read."""
        store = self._store
        with store.hold():
            numbers = [number for number in store.answers.get(request_id, []) if number >= start[1]]
            return [store.results[number][1] for number in numbers[:limit]]

    def behind(self) -> int:
        """See Results.behind."""
        with self._store.hold():
            return self._store.written - self._next

    def close(self) -> None:
        """See Results.close."""
