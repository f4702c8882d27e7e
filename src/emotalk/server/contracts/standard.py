"""The contracts that gRPC itself brings along: health, for probes and balancers, and reflection, for people."""

import asyncio
from collections.abc import Sequence

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection, reflection_pb2

from emotalk.server.contracts.base import Contract, Resources, calls_of
from emotalk.server.health import Readiness

_ANSWER = health_pb2.HealthCheckResponse
_HEALTH = health_pb2.DESCRIPTOR.services_by_name["Health"]
_REFLECTION = reflection_pb2.DESCRIPTOR.services_by_name["ServerReflection"]


class StandardHealth(health_pb2_grpc.HealthServicer):  # type: ignore[misc]  # grpc has no types
    """grpc.health.v1. The library's own keeps each name that it is asked for, and lets one watcher hold the others."""

    def __init__(self, readiness: Readiness) -> None:
        self._readiness = readiness

    async def Check(  # noqa: N802 - the contract's name
        self, request: health_pb2.HealthCheckRequest, context: grpc.aio.ServicerContext
    ) -> health_pb2.HealthCheckResponse:
        """SERVING once ready; NOT_FOUND for a service that is not ours."""
        if request.service not in self._readiness.services:
            await context.abort(grpc.StatusCode.NOT_FOUND, "no such service")
        return _make_status(self._readiness.ready)

    async def Watch(  # noqa: N802
        self, request: health_pb2.HealthCheckRequest, context: grpc.aio.ServicerContext
    ) -> None:
        """The same whenever it changes; SERVICE_UNKNOWN, and no more, for a service that is not ours."""
        if request.service not in self._readiness.services:
            await context.write(_ANSWER(status=_ANSWER.SERVICE_UNKNOWN))
            await asyncio.Event().wait()  # as the protocol has it: the call stays open
        async for ready in self._readiness.changes():
            await context.write(_make_status(ready))


def _make_status(ready: bool) -> health_pb2.HealthCheckResponse:
    return _ANSWER(status=_ANSWER.SERVING if ready else _ANSWER.NOT_SERVING)


def _register_health(server: grpc.aio.Server, resources: Resources) -> None:
    health_pb2_grpc.add_HealthServicer_to_server(StandardHealth(resources.readiness), server)


HEALTH = Contract("health", _HEALTH.full_name, calls_of(_HEALTH, probes=_HEALTH.methods_by_name), _register_health)


def reflection_of(contracts: Sequence[Contract]) -> Contract:
    """Reflection that lists these and itself."""
    names = (*(each.service for each in contracts), reflection.SERVICE_NAME)

    def register(server: grpc.aio.Server, _: Resources) -> None:
        reflection.enable_server_reflection(names, server)

    return Contract("reflection", reflection.SERVICE_NAME, calls_of(_REFLECTION), register)
