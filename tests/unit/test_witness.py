"""Every call of the contract is counted by its status, whoever ends it."""

import asyncio
from typing import Any

import grpc
import pytest

from emotalk import metrics
from emotalk.server.contracts import CONTRACTS
from emotalk.server.contracts.base import kinds_of
from emotalk.server.contracts.standard import HEALTH
from emotalk.server.guard.gate import CallKind
from emotalk.server.guard.observe import CallObserver

OURS = "emotalk.EmoTalkService"
KINDS = {**kinds_of([*CONTRACTS, HEALTH]), "/somebody.Elses/Dance": CallKind.REQUEST}


written: list[Any] = []


class Context:
    """As much of a servicer's context as is looked at."""

    async def write(self, response: Any) -> None:
        written.append(response)

    def __init__(self) -> None:
        self.status = 0

    def invocation_metadata(self) -> tuple[tuple[str, str], ...]:
        return ()

    def code(self) -> int:
        return self.status

    def details(self) -> str:
        return "no room"


async def answer(request: Any, context: Any) -> str:
    return f"answer to {request}"


async def abort(request: Any, context: Any) -> str:
    context.status = grpc.StatusCode.RESOURCE_EXHAUSTED.value[0]
    raise grpc.aio.AbortError


async def hang_up(request: Any, context: Any) -> str:
    raise asyncio.CancelledError


async def break_down(request: Any, context: Any) -> str:
    raise RuntimeError("a defect")


def called(behaviour: Any, method: str) -> Any:
    async def call() -> Any:
        async def go_on(_: object) -> Any:
            return grpc.unary_unary_rpc_method_handler(behaviour)

        details = type("Details", (), {"method": method})()
        handler = await CallObserver(KINDS).intercept_service(go_on, details)
        return await handler.unary_unary("request", Context())

    return asyncio.run(call())


async def several(request: Any, context: Any) -> Any:
    for number in range(2):
        yield f"{number} of {request}"


def count(method: str, code: str) -> float:
    return metrics.SERVER.get_sample_value("emotalk_calls_total", {"method": method, "code": code}) or 0.0


def test_an_answer_passes_through_and_counts_as_ok() -> None:
    before = count("GetJob", "OK")
    assert called(answer, f"/{OURS}/GetJob") == "answer to request"
    assert count("GetJob", "OK") == before + 1


@pytest.mark.parametrize(
    ("behaviour", "error", "code"),
    [
        (abort, grpc.aio.AbortError, "RESOURCE_EXHAUSTED"),
        (hang_up, asyncio.CancelledError, "CANCELLED"),
        (break_down, RuntimeError, "UNKNOWN"),
    ],
)
def test_a_call_that_ends_otherwise_counts_by_its_status_and_ends_as_it_would(
    behaviour: Any, error: type[BaseException], code: str
) -> None:
    before = count("SubmitAudio", code)
    with pytest.raises(error):
        called(behaviour, f"/{OURS}/SubmitAudio")
    assert count("SubmitAudio", code) == before + 1


def test_a_call_of_any_other_contract_is_counted_too() -> None:
    before = count("Dance", "OK")
    assert called(answer, "/somebody.Elses/Dance") == "answer to request"
    assert count("Dance", "OK") == before + 1


def test_a_servicer_that_yields_its_answers_is_counted_and_its_answers_are_written() -> None:
    before = count("Dance", "OK")
    assert called(several, "/somebody.Elses/Dance") is None
    assert written == ["0 of request", "1 of request"]
    assert count("Dance", "OK") == before + 1


@pytest.mark.parametrize("method", [f"/{OURS}/HealthCheck", "/grpc.health.v1.Health/Check"])
def test_a_health_check_is_left_alone(method: str) -> None:
    name = method.rpartition("/")[2]
    assert called(answer, method) == "answer to request"
    assert count(name, "OK") == 0
