"""The contracts that gRPC itself brings along: health, for probes and balancers, and reflection, for people."""

from collections.abc import Sequence

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection, reflection_pb2

from emotalk.server.contracts.base import Contract, Resources, calls_of

_HEALTH = health_pb2.DESCRIPTOR.services_by_name["Health"]
_REFLECTION = reflection_pb2.DESCRIPTOR.services_by_name["ServerReflection"]


def _register_health(server: grpc.aio.Server, resources: Resources) -> None:
    health_pb2_grpc.add_HealthServicer_to_server(resources.readiness.standard, server)


HEALTH = Contract("health", _HEALTH.full_name, calls_of(_HEALTH, probes=_HEALTH.methods_by_name), _register_health)


def reflection_of(contracts: Sequence[Contract]) -> Contract:
    """Reflection that lists these and itself."""
    names = (*(each.service for each in contracts), reflection.SERVICE_NAME)

    def register(server: grpc.aio.Server, _: Resources) -> None:
        reflection.enable_server_reflection(names, server)

    return Contract("reflection", reflection.SERVICE_NAME, calls_of(_REFLECTION), register)
