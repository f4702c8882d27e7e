"""Reaching a broker that is not quite there."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from emotalk.errors import QueueUnavailable
from emotalk.queues.kafka.client.cluster import Cluster
from emotalk.queues.kafka.client.reach import brokers_of


def test_a_broker_that_answers_before_it_knows_of_itself_is_out_of_reach_for_now() -> None:
    starting = SimpleNamespace(list_topics=lambda timeout: SimpleNamespace(brokers={}, topics={}))
    with pytest.raises(QueueUnavailable, match="nowhere:1 is starting"):
        brokers_of(cast(Any, starting), Cluster("nowhere:1"), [])
