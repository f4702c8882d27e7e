"""What every test shares: one derandomised hypothesis profile, so that CI fails the same way twice, and one broker."""

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from tests.kafka.broker import Broker
from tests.kafka.lent import lent

settings.register_profile("emotalk", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("emotalk")


@pytest.fixture(scope="session")
def kafka_broker() -> Iterator[Broker]:
    """One broker for the session; each test uses a prefix of its own."""
    yield from lent(Broker())
