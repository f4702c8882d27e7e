"""What a contract is to the server: the name of a gRPC service, the kinds of its calls, and who answers them."""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

import grpc
from google.protobuf.descriptor import FieldDescriptor, MethodDescriptor, ServiceDescriptor

from emotalk.limits import DEFAULT_LIMITS, Limits
from emotalk.live.pool import LivePool
from emotalk.server.answers.dispatch import Dispatch
from emotalk.server.answers.job_calls import JobCalls
from emotalk.server.guard.gate import CallKind
from emotalk.server.guard.tokens import Tokens
from emotalk.server.health import Readiness


class CallsInHand:
    """The answers that a server which drains still waits for: `with` for each. Who watches the health is not one."""

    def __init__(self) -> None:
        self._calls = 0
        self._idle = asyncio.Event()
        self._idle.set()

    def __enter__(self) -> None:
        self._calls += 1
        self._idle.clear()

    def __exit__(self, *_: object) -> None:
        self._calls -= 1
        if not self._calls:
            self._idle.set()

    async def idle(self) -> None:
        """Return once no answer is in hand."""
        await self._idle.wait()


@dataclass(frozen=True)
class Resources:
    """All that a servicer answers from; `live` is None where the server takes no live sound."""

    dispatch: Dispatch
    job_calls: JobCalls
    readiness: Readiness
    live: LivePool | None = None
    tokens: Tokens | None = None
    limits: Limits = DEFAULT_LIMITS
    in_hand: CallsInHand = field(default_factory=CallsInHand)


@dataclass(frozen=True)
class Contract:
    """`service` is the full name, as in a method's path; `calls` says of what kind each of its calls is."""

    name: str
    service: str
    calls: Mapping[str, CallKind]
    register: Callable[[grpc.aio.Server, Resources], None]


def calls_of(service: ServiceDescriptor, probes: Iterable[str] = ()) -> dict[str, CallKind]:
    """The calls of a service by name, as its descriptor has them; `probes` names those that need no token."""
    return {method.name: _find_kind(method) for method in service.methods} | dict.fromkeys(probes, CallKind.PROBE)


def _find_kind(method: MethodDescriptor) -> CallKind:
    if method.client_streaming:
        return CallKind.STREAM
    sounds = any(field.type == FieldDescriptor.TYPE_BYTES for field in method.input_type.fields)
    return CallKind.UPLOAD if sounds else CallKind.REQUEST


def names_of(contracts: Iterable[Contract]) -> tuple[str, ...]:
    """What a health check may ask for: the server as a whole, and each contract by its short and its full name."""
    return ("", *(name for each in contracts for name in (each.name, each.service)))


def kinds_of(contracts: Iterable[Contract]) -> dict[str, CallKind]:
    """The kind of every call by its path, /service/Method."""
    return {f"/{each.service}/{call}": kind for each in contracts for call, kind in each.calls.items()}
