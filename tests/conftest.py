"""What every test shares: one derandomised hypothesis profile, so that CI fails the same way twice, and one broker."""

import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from tests.kafka.broker import Broker, BrokerError

settings.register_profile("emotalk", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("emotalk")


@pytest.fixture(scope="session")
def kafka_broker() -> Iterator[Broker]:
    """One broker for the session; each test uses a prefix of its own. Skips without Java or Maven, but not in CI."""
    broker = Broker()
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
