"""Windows of one clip in groups, for an engine that is faster with several at once.

The first window leaves alone, so that nobody waits longer for the first chunk; those after it wait until `size` of them
are there, or the clip ends. Which windows are computed together follows from the clip alone, never from the pushes.
"""

from emotalk.chunking.windows import Window


class Batches:
    """Collects windows and releases them in groups of one length."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._waiting: list[Window] = []
        self._first = True

    def push(self, windows: list[Window]) -> list[list[Window]]:
        """Take full windows; return the groups that are complete."""
        groups = []
        for window in windows:
            self._waiting.append(window)
            if self._first or len(self._waiting) >= self._size:
                groups.append(self._take())
        return groups

    def finish(self, windows: list[Window]) -> list[list[Window]]:
        """Take the last window, which may be shorter; return the groups that remain."""
        groups = self.push(windows[:-1])
        for window in windows[-1:]:
            if self._waiting and len(window.samples) != len(self._waiting[0].samples):
                groups.append(self._take())
            self._waiting.append(window)
        return [*groups, self._take()] if self._waiting else groups

    def _take(self) -> list[Window]:
        group, self._waiting, self._first = self._waiting, [], False
        return group
