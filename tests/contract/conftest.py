"""Every test that asks for a `candidate` is sat by every kind of queue."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.candidate import Candidate, Clock, kafka, memory, sqlite

KINDS = [memory, sqlite, pytest.param(kafka, marks=pytest.mark.kafka)]


@pytest.fixture(params=KINDS, ids=["memory", "sqlite", "kafka"])
def candidate(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Candidate]:
    one = request.param(tmp_path, request)
    yield one
    for queue in one.opened:
        queue.close()


@pytest.fixture(params=KINDS[1:], ids=["sqlite", "kafka"])
def lasting(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Candidate]:
    """The kinds that outlive their process."""
    one = request.param(tmp_path, request)
    yield one
    for queue in one.opened:
        queue.close()


@pytest.fixture(params=KINDS[:2], ids=["memory", "sqlite"])
def leasing(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Candidate, Clock]]:
    """The kinds whose owners hold leases by a clock that a test can move."""
    one = request.param(tmp_path, request)
    yield one, one.clock
    for queue in one.opened:
        queue.close()
