"""Kafka without a gRPC server: a producer and a worker find each other through the log."""

import pytest

from tests.entry.compose import outside
from tests.entry.house import House
from tests.kafka.broker import Broker


@pytest.mark.kafka
def test_what_the_producer_submits_a_stand_alone_worker_animates(house: House, composed: Broker):
    servers = ("--kafka_servers", outside(composed))
    with house.running("python", "kafka_consumer.py", *servers, until="working"):
        said = house.get("python", "kafka_producer.py", *servers, "--output", "alone.npy")
    assert "done: " in said
    assert (house.folder / "alone.npy").is_file()
