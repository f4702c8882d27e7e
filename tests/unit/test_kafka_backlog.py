"""What waits in the request log, where a broker is away, and no broker is needed."""

from concurrent.futures import Future
from types import SimpleNamespace
from typing import Any, cast

import pytest
from confluent_kafka import OFFSET_INVALID

from emotalk.errors import QueueUnavailable
from emotalk.queues.kafka.claims.backlog import count_unfinished

TOPIC = "requests"


class Brokers:
    """Two partitions, the second of them led by a broker that is away or not; as its admin and as a reader."""

    def __init__(self, end: int) -> None:
        self._ends = 7, end

    def list_offsets(self, places: Any, request_timeout: float) -> Any:
        assert request_timeout > 0
        return {place: self._told(self._ends[place.partition]) for place in places}

    @staticmethod
    def _told(offset: int) -> "Future[Any]":
        answer = Future[Any]()
        answer.set_result(SimpleNamespace(offset=offset))
        return answer

    @staticmethod
    def list_topics(topic: str, timeout: float) -> Any:
        assert timeout > 0
        return SimpleNamespace(topics={topic: SimpleNamespace(error=None, partitions=[0, 1])})

    @staticmethod
    def committed(places: Any, timeout: float) -> Any:
        assert timeout > 0
        return [SimpleNamespace(partition=place.partition, offset=5, metadata="", error=None) for place in places]


def waiting(brokers: Brokers) -> dict[int, int]:
    return dict(count_unfinished(cast(Any, brokers), cast(Any, brokers), TOPIC))


def test_an_end_that_nobody_tells_is_an_outage_and_no_empty_log() -> None:
    assert waiting(Brokers(9)) == {0: 0, 1: 0}
    with pytest.raises(QueueUnavailable, match="not all brokers"):
        waiting(Brokers(OFFSET_INVALID))
