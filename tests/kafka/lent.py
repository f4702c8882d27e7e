"""A broker as a fixture."""

import os
from collections.abc import Iterator

import pytest

from tests.kafka.broker import Broker, BrokerError


def lent(broker: Broker) -> Iterator[Broker]:
    """Started, and stopped afterwards. Skips without Java or Maven, but not in CI."""
    try:
        broker.start()
    except BrokerError as missing:
        if os.environ.get("CI"):
            raise
        pytest.skip(f"no Kafka broker: {missing}")
    else:
        yield broker
    finally:
        broker.stop()
