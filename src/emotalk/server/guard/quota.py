"""How much one client may have in the queue: requests, and seconds of sound, until they are answered.

A client is whom `gate.find_caller` names. Counted by each server for itself, from its start.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from emotalk.errors import AudioTooLong, ClientLimit
from emotalk.queues.base import RESULTS_KEPT_SECONDS


@dataclass(frozen=True)
class Quota:
    """Most unfinished requests of one client, and most seconds of sound in them; 0 means any number."""

    requests: int = 0
    seconds: float = 0.0

    def check_length(self, seconds: float) -> None:
        """Raise AudioTooLong for a clip that would not even fit alone."""
        if self.seconds and seconds > self.seconds:
            raise AudioTooLong(
                f"the clip lasts {seconds:.1f} s, and one client may have {self.seconds:g} s in the queue",
                "Cut it into parts, and send each when the one before is done",
            )


@dataclass(eq=False)
class Place:
    """One request's share of its client's allowance, from its arrival to the end of its answer."""

    client: str
    since: float
    seconds: float = 0.0


@dataclass
class Allowances:
    """The shares of all clients; on the event loop, but for `grow`."""

    quota: Quota = field(default_factory=Quota)
    clock: Callable[[], float] = time.monotonic
    _held: dict[str, set[Place]] = field(default_factory=dict)

    def take(self, client: str) -> Place:
        """A place for a request whose length is not known yet. Raises ClientLimit."""
        held = self._drop_expired(client)
        if self.quota.requests and len(held) >= self.quota.requests:
            raise ClientLimit(f"{len(held)} requests of {client} are unfinished, the limit of one client", client)
        place = Place(client, self.clock())
        self._held.setdefault(client, set()).add(place)
        return place

    def grow(self, place: Place, seconds: float) -> None:
        """Now it is known how long the sound is. Raises ClientLimit, AudioTooLong; then the place is still held."""
        self.quota.check_length(seconds)
        waiting = sum(each.seconds for each in list(self._held.get(place.client, ())))
        if self.quota.seconds and waiting + seconds > self.quota.seconds:
            raise ClientLimit(
                f"{waiting:.0f} s of {place.client} are unfinished, and with these {seconds:.0f} s it would be more "
                f"than {self.quota.seconds:g} s, the limit of one client",
                place.client,
            )
        place.seconds = seconds

    def leave(self, place: Place) -> None:
        """Answered, failed or never accepted; a second time does nothing."""
        if held := self._held.get(place.client):
            held.discard(place)
            if not held:
                del self._held[place.client]

    def _drop_expired(self, client: str) -> set[Place]:
        """Whatever became of a request, after a day its results are gone, and it is no longer waited for."""
        oldest = self.clock() - RESULTS_KEPT_SECONDS
        for place in [each for each in self._held.get(client, ()) if each.since < oldest]:
            self.leave(place)
        return self._held.get(client, set())
