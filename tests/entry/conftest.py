"""The house and the broker that every door is tried on; both take seconds to build, so once a session."""

from collections.abc import Iterator

import pytest

from tests.entry.compose import compose_broker
from tests.entry.house import House, build_house
from tests.kafka.broker import Broker
from tests.kafka.lent import lent


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory) -> House:
    """A clone with `pip install -r requirements.txt` done in an empty environment."""
    return build_house(tmp_path_factory.mktemp("house"))


@pytest.fixture(scope="session")
def composed() -> Iterator[Broker]:
    """The broker of docker-compose.yml on free ports."""
    yield from lent(compose_broker())
