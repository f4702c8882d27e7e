"""What every test shares: one derandomised hypothesis profile, so that CI fails the same way twice, and one broker."""

import logging
import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from tests.kafka.broker import Broker
from tests.kafka.lent import lent

settings.register_profile(
    "emotalk", derandomize=True, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("emotalk")

os.environ["EMOTALK_WEB"] = "no"
"""Each server that a test starts would open a window of its own; those that want one ask for it."""


@pytest.fixture(scope="session")
def kafka_broker() -> Iterator[Broker]:
    """One broker for the session; each test uses a prefix of its own."""
    yield from lent(Broker())


@pytest.fixture(autouse=True)
def own_log() -> Iterator[None]:
    """A command that is run inside the test process sets up the log for good; the next test finds it as it was."""
    log = logging.getLogger("emotalk")
    handlers, level, propagate = log.handlers[:], log.level, log.propagate
    yield
    log.handlers[:], log.propagate = handlers, propagate
    log.setLevel(level)
