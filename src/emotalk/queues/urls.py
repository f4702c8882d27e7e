"""A queue's address → the queue: sqlite:///PATH, kafka://HOST:PORT[,HOST:PORT…] or memory://."""

from collections.abc import Callable, Mapping
from pathlib import Path

from emotalk.errors import ConfigurationError
from emotalk.limits import MAX_RECORD_MIB
from emotalk.queues.base import Queue

SQLITE, KAFKA, MEMORY = "sqlite:///", "kafka://", "memory://"


def open_queue(
    url: str,
    default_file: Callable[[], Path],
    *,
    replication: int = 0,
    partitions: int = 0,
    max_waiting: int = 0,
    max_bytes: int = 0,
    kafka: Mapping[str, str] | None = None,
    prefix: str = "",
    record_mib: int = MAX_RECORD_MIB,
) -> Queue:
    """Build the queue that `url` names; nothing is contacted yet. Raises ConfigurationError.

    `sqlite` alone means `default_file()`; `replication` 0 means as many as there are brokers, three at most;
    `partitions` 0 leaves their number as it is (one where the queue is new); `max_waiting` and `max_bytes` 0 set no
    bound; `kafka`: librdkafka's settings, for security above all; `prefix` goes before Kafka's names; `record_mib`: the
    largest record that its broker takes.
    """
    if max_bytes and not url.startswith("sqlite"):
        raise ConfigurationError("queue_bytes: bounds the file of the embedded queue only. Use --max-waiting here.")
    if url in ("memory", MEMORY):
        from emotalk.queues.memory import MemoryQueue

        return MemoryQueue(partitions=max(1, partitions), max_waiting=max_waiting)
    if url.startswith(KAFKA) and len(url) > len(KAFKA):
        from emotalk.queues.kafka import KafkaQueue

        _check_no_password(url)
        return KafkaQueue(
            url.removeprefix(KAFKA).rstrip("/"),
            replication=replication or None,
            partitions=max(1, partitions),
            max_waiting=max_waiting,
            settings=kafka,
            prefix=prefix,
            record_mib=record_mib,
        )
    if url == "sqlite" or (url.startswith(SQLITE) and len(url) > len(SQLITE)):
        from emotalk.queues.sqlite import SqliteQueue

        path = read_path(url.removeprefix(SQLITE)) if url != "sqlite" else default_file()
        return SqliteQueue(path, partitions=max(1, partitions), max_waiting=max_waiting, max_bytes=max_bytes or None)
    raise ConfigurationError(f"queue: '{url}' is not a queue. Use sqlite:///PATH, kafka://HOST:PORT or memory://.")


def read_path(text: str) -> Path:
    """A path as people type it, `~` and all. Raises ConfigurationError where `~` stands for no folder."""
    try:
        return Path(text).expanduser()
    except RuntimeError as error:
        raise ConfigurationError(f"{text}: there is no home folder here for ~. Set HOME, or type the path.") from error


def _check_no_password(url: str) -> None:
    """An address is logged and shown."""
    if "@" in url:
        raise ConfigurationError(
            "queue: a Kafka address cannot hold a user or a password. Give them by --kafka-config."
        )
