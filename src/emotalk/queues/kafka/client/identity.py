"""Which log it is: a topic that was deleted and made again has its old name, and is another.

Why so: docs/decisions/0039.
"""

import logging
import threading
import time
from collections.abc import Callable
from hashlib import blake2b

from confluent_kafka.admin import AdminClient

from emotalk.errors import ConfigurationError, EmoTalkError, QueueLost, QueueUnavailable
from emotalk.queues.kafka.client.cluster import Cluster
from emotalk.queues.kafka.client.rights import check_topics, describe

_log = logging.getLogger(__name__)

_FRESH_SECONDS = 2.0
_ASK_SECONDS = 1.0
_UNKNOWN = "AAAAAAAAAAAAAAAAAAAAAA"
"""Sixteen zeros: what a broker says whose topics have no ids."""
_SEND_AGAIN = "made again; what waited in them is lost, and clients send it again"


class Identity:
    """One for all parts of a process. `make(partitions)` makes topics that are missing, and refuses somebody else's.

    `number` grows with each log that is met: a part that knows a smaller one forgets.
    """

    def __init__(
        self, cluster: Cluster, make: Callable[[int], object], monotonic: Callable[[], float] = time.monotonic
    ):
        self.number = 0
        self._cluster, self._make, self._monotonic = cluster, make, monotonic
        self._admin: AdminClient | None = None
        self._ids: dict[str, str] = {}
        self._partitions = 0
        self._looking = threading.Lock()
        self._looked = -_FRESH_SECONDS
        self._lost: QueueLost | None = None
        self._denied: ConfigurationError | None = None

    def mark(self) -> str:
        """A few letters for the log of requests and that of results; "" where the broker does not tell."""
        if not self._ids:
            self.look()
        ids = [self._ids.get(topic, "") for topic in (self._cluster.requests, self._cluster.results)]
        return blake2b("".join(ids).encode(), digest_size=4).hexdigest() if all(ids) else ""

    def id_of(self, topic: str) -> str:
        """The broker's own name for a topic; "" where it does not tell."""
        return self._ids.get(topic, "")

    def look(self) -> None:
        """Ask, every two seconds at most, and make what is missing. An outage says nothing of what is there.

        Raises QueueLost where topics are gone and cannot be made, or others stand in their place.
        """
        with self._looking:
            if self._monotonic() - self._looked >= _FRESH_SECONDS:
                self._lost = self._denied = None
                try:
                    self._recognise()
                except QueueLost as lost:
                    self._lost = lost
                except ConfigurationError as denied:
                    self._denied = denied
                except QueueUnavailable as outage:
                    _log.debug("the topics cannot be asked for now: %s", outage)
                self._looked = self._monotonic()
            if self._lost is not None:
                raise self._lost

    def check(self) -> None:
        """Look, and raise ConfigurationError as well where a right was withdrawn without which nothing goes."""
        self.look()
        if self._denied is not None:
            raise self._denied

    def mend(self) -> None:
        """Somebody may have changed the topics' settings under living processes. Raises as `prepare` does."""
        self._make(self._partitions)

    def _recognise(self) -> None:
        found = self._ask()
        lost = [topic for topic in self._cluster.topics if self._is_another(topic, found)]
        if self._ids and lost:
            self._make_again(lost)
            found = self._ask()
            if any(not found[topic] or found[topic] != self._ids.get(topic) for topic in found):  # or one was behind
                self.number += 1
                _log.error("topics were deleted", extra={"topics": ", ".join(lost), "fix": _SEND_AGAIN})
        self._ids = found

    def _is_another(self, topic: str, found: dict[str, str]) -> bool:
        """Gone, or with another id; a broker that tells none says nothing."""
        return topic not in found or bool(found[topic] and self._ids.get(topic) and found[topic] != self._ids[topic])

    def _make_again(self, lost: list[str]) -> None:
        try:
            self._make(self._partitions)
        except QueueUnavailable:
            raise
        except EmoTalkError as error:
            gone = f"Kafka: {', '.join(lost)} at {self._cluster.bootstrap}: deleted, with all that waited there"
            raise QueueLost(f"{gone}. {error}") from error

    def _ask(self) -> dict[str, str]:
        """Topic → id, of those that are there. Raises QueueUnavailable, ConfigurationError of a right that lacks."""
        self._admin = self._admin or self._cluster.admin()
        told = describe(self._admin, self._cluster, _ASK_SECONDS)
        if self._cluster.requests in told:
            self._partitions = max(self._partitions, len(told[self._cluster.requests].partitions))
        check_topics(self._cluster, told.values())
        ids = {name: str(topic.topic_id) for name, topic in told.items()}
        return {name: "" if each == _UNKNOWN else each for name, each in ids.items()}
