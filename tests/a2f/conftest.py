"""A server whose live engine is the test engine, in a process of its own."""

from collections.abc import Iterator

import pytest

from tests.integration.served import Inside
from tests.integration.test_live import tone_relay


@pytest.fixture(scope="module")
def served() -> Iterator[Inside]:
    with Inside(relay=tone_relay(places=4), max_seconds=400.0) as inside:
        yield inside
