"""What Audio2Face-3D's clients fetch of a server's configuration, under the file names that they write to disk."""

import json
import re
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from typing import Any

import grpc

from emotalk.server.contracts.base import Contract, Resources, calls_of
from emotalk.wire.a2f import a2x_export_config_pb2, a2x_export_config_pb2_grpc

Configs = Mapping[str, Mapping[str, Any]]
"""Each file's content by its name without a suffix."""
_NO_POINT = re.compile(r"^(-?\d+)e")


class A2XExportConfigService(a2x_export_config_pb2_grpc.A2XExportConfigServiceServicer):
    """Speaks protobuf; `configs` says what holds now."""

    def __init__(self, configs: Callable[[], Configs]) -> None:
        self._configs = configs

    async def GetConfigs(  # noqa: N802 - the contract's name
        self, request: a2x_export_config_pb2.ConfigsTypeRequest, context: grpc.aio.ServicerContext
    ) -> AsyncIterator[a2x_export_config_pb2.A2XConfig]:
        """A message a file; YAML unless JSON is asked for."""
        as_json = request.config_type == a2x_export_config_pb2.ConfigsTypeRequest.JSON
        suffix, render = (".json", _to_json) if as_json else (".yaml", _to_yaml)
        for name, content in self._configs().items():
            yield a2x_export_config_pb2.A2XConfig(name=name + suffix, content=render(content))


def _to_json(content: Mapping[str, Any]) -> str:
    return json.dumps(content, indent=2) + "\n"


def _to_yaml(content: Mapping[str, Any]) -> str:
    return "\n".join(_write_lines(content)) + "\n"


def _write_lines(content: Mapping[str, Any], indent: str = "") -> Iterator[str]:
    """Values are written as in JSON, which YAML reads the same, but for 1e-05: that is a word to it."""
    for name, value in content.items():
        if isinstance(value, Mapping) and value:
            yield f"{indent}{name}:"
            yield from _write_lines(value, indent + "  ")
        else:
            number = _NO_POINT.sub(r"\1.0e", json.dumps(value))
            yield f"{indent}{name}: {number}"


_SERVICE = a2x_export_config_pb2.DESCRIPTOR.services_by_name["A2XExportConfigService"]


def make_contract(configs: Callable[[], Configs]) -> Contract:
    """The contract that shows these files, as they are when they are asked for."""

    def register(server: grpc.aio.Server, _: Resources) -> None:
        a2x_export_config_pb2_grpc.add_A2XExportConfigServiceServicer_to_server(A2XExportConfigService(configs), server)

    return Contract("a2x_config", _SERVICE.full_name, calls_of(_SERVICE), register)
