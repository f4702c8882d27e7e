"""How many may be inside at once: in all, and of one client."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from emotalk.errors import ClientLimit, QueueFull


@dataclass
class Places:
    """`most` in all and `each` for one client; `what` names them in a refusal."""

    what: str
    most: int
    each: int
    _taken: Counter[str] = field(default_factory=Counter)

    @contextmanager
    def of(self, client: str) -> Iterator[None]:
        """A place while the block runs. Raises QueueFull, ClientLimit."""
        if self._taken[client] >= self.each < self.most:
            raise ClientLimit(f"{client} has {self.each} {self.what}, the limit of one client", client)
        if self._taken.total() >= self.most:
            raise QueueFull(f"all {self.most} places for {self.what} are taken. Try again")
        self._taken[client] += 1
        try:
            yield
        finally:
            self._taken[client] -= 1
            if not self._taken[client]:
                del self._taken[client]
