"""A Kafka message → what the ports speak of."""

from confluent_kafka import Message

from emotalk.queues.base import Record, Result

_OWN = ("request_id", "digest", "epoch")


def place_of(message: Message) -> tuple[int, int]:
    """Partition and offset. A message that a broker delivered has both; librdkafka's types do not know that."""
    return message.partition() or 0, message.offset() or 0


def headers_of(message: Message) -> dict[str, str]:
    """All headers as text; bytes that are none show as replacement characters."""
    return {name: _text(value) for name, value in message.headers() or ()}  # type: ignore[str-unpack]


def request_of(message: Message) -> Record:
    """A request, even from a record that another program wrote: then its id says where it stands."""
    headers = headers_of(message)
    return Record(
        request_id=headers.get("request_id") or "{}-{}".format(*place_of(message)),
        key=_text(message.key()),
        digest=headers.get("digest", ""),
        payload=message.value() or b"",
        headers={name: value for name, value in headers.items() if name not in _OWN},
    )


def epoch_of(message: Message) -> int:
    """The run of its id that a request belongs to; 0 where an earlier version wrote it."""
    epoch = headers_of(message).get("epoch", "")
    return int(epoch) if epoch.isdecimal() else 0


def result_of(message: Message) -> Result:
    """A result; its key is the request that it answers."""
    return Result(_text(message.key()), message.value() or b"", place_of(message))


def _text(raw: bytes | str | None) -> str:
    return raw if isinstance(raw, str) else (raw or b"").decode(errors="replace")
