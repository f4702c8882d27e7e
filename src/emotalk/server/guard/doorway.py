"""The places of one server, whichever port a call comes in by."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

from emotalk.places import Places
from emotalk.server.guard.gate import CallKind
from emotalk.server.guard.probe_turns import ProbeTurns
from emotalk.server.guard.quota import Allowances

AT_ONCE = 16
"""What any client may begin at once, however few places there are."""
UNSENT_ANSWERS, UNSENT_OF_CONNECTION = 1024, 16
"""Answers to probes that the network has not taken: a client may keep its window shut."""


class Doorway:
    """`calls` at once, half of them while a client's requests arrive; who needs no token has places beside them."""

    def __init__(self, calls: int, allowances: Allowances) -> None:
        half, watches = max(AT_ONCE, calls // 2), max(2, calls // 4)
        uploads = max(AT_ONCE, allowances.quota.requests) if allowances.quota.requests else half
        self.allowances = allowances
        self.inside = Places("calls", calls, calls)
        self.arriving = Places("calls whose request has not arrived", calls, half)
        self.uploading = Places("calls whose sound has not arrived", calls, uploads)
        self.watching = Places("watches", watches, watches // 2)
        self.asking = Places("unread answers", UNSENT_ANSWERS, UNSENT_OF_CONNECTION)
        self.turns = ProbeTurns()

    def arrival(self, client: str, kind: CallKind) -> AbstractContextManager[None]:
        """A place while a request arrives. Raises QueueFull, ClientLimit."""
        return (self.uploading if kind is CallKind.UPLOAD else self.arriving).of(client)

    @contextmanager
    def streaming(self, client: str) -> Iterator[None]:
        """A stream counts among what its client may have. Raises ClientLimit."""
        place = self.allowances.take(client)
        try:
            yield
        finally:
            self.allowances.leave(place)
