"""A Kafka message → what the ports speak of."""

from collections.abc import Mapping

from confluent_kafka import Message

from emotalk.queues.base import Cursor, Record, Result
from emotalk.queues.strangers import headers, is_id, place_id, text, whole

_OWN = ("request_id", "digest", "epoch", "results")


def place_of(message: Message) -> tuple[int, int]:
    """Partition and offset. A message that a broker delivered has both; librdkafka's types do not know that."""
    return message.partition() or 0, message.offset() or 0


def headers_of(message: Message) -> dict[str, str]:
    """All headers as text, so many and so long that they may be written again."""
    return headers(dict(message.headers() or ()))


def request_of(message: Message, found: Mapping[str, str]) -> Record:
    """A request, even from a record that another program wrote: then its id says where it stands.

    `found`: its headers, here and below; reading them once spares a tenth of what a claim costs.
    """
    named = found.get("request_id", "")
    return Record(
        request_id=named if is_id(named) else place_id(*place_of(message)),
        key=text(message.key()),
        digest=found.get("digest", ""),
        payload=message.value() or b"",
        headers={name: value for name, value in found.items() if name not in _OWN},
    )


def epoch_of(found: Mapping[str, str]) -> int:
    """The run of its id that a request belongs to; 0 where an earlier version wrote it."""
    return whole(found.get("epoch"))


def earliest_of(found: Mapping[str, str]) -> Cursor | None:
    """The place in the result log before which a request has no results; None where an earlier version wrote it."""
    partition, _, offset = found.get("results", "").partition(":")
    place = whole(partition, -1), whole(offset, -1, 2**63 - 1)
    return place if min(place) >= 0 else None


def result_of(message: Message) -> Result:
    """A result; its key is the request that it answers."""
    return Result(text(message.key()), message.value() or b"", place_of(message))
