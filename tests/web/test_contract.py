"""The description and the service compared by a fuzzer that reads the one and tries the other."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from emotalk.address import Address
from emotalk.engines.tone import ToneEngine
from emotalk.web.listening import bind, url
from emotalk.web.run import make_server
from tests.integration.served import PATIENCE, Inside
from tests.web.conftest import window

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]


@contextmanager
def opened(port: int) -> Iterator[str]:
    """A window on a port of its own, in front of the server at `port`; its address."""
    listening, ready = bind(Address("127.0.0.1")), Event()
    running = make_server(window(port).app, listening, ready.set)
    thread = Thread(target=running.run, daemon=True)
    thread.start()
    assert ready.wait(PATIENCE)
    try:
        yield url(listening)
    finally:
        running.stop()
        thread.join(PATIENCE)


@pytest.fixture(scope="session")
def described() -> Iterator[schemathesis.BaseSchema]:
    with Inside(engine=ToneEngine()) as inside, opened(inside.server.port) as address:
        yield schemathesis.openapi.from_url(f"{address}openapi.json")


CALLS = [
    "POST /v1/animations",
    "POST /v1/jobs",
    "GET /v1/jobs/{request_id}",
    "DELETE /v1/jobs/{request_id}",
    "GET /v1/jobs/{request_id}/animation",
    "GET /v1/jobs/{request_id}/events",
    "GET /v1/health",
    "GET /v1/health/ready",
]


def calls(described: schemathesis.BaseSchema) -> dict[str, schemathesis.APIOperation]:
    return {each.ok().label: each.ok() for each in described.get_all_operations()}


def test_every_call_is_tried(described: schemathesis.BaseSchema) -> None:
    assert sorted(calls(described)) == sorted(CALLS)


@pytest.mark.parametrize(
    ("call", "mode"),
    [*((call, "positive") for call in CALLS), *((call, "negative") for call in CALLS if "health" not in call)],
)
def test_whatever_is_sent_the_answer_is_one_that_is_described(
    described: schemathesis.BaseSchema, call: str, mode: str
) -> None:
    @given(calls(described)[call].as_strategy(generation_mode=schemathesis.GenerationMode(mode)))
    @settings(max_examples=20, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
    def answers(case: schemathesis.Case) -> None:
        case.call_and_validate(checks=CHECKS)

    answers()
