"""Spans, caught: those of this process in memory, those of others by a collector that speaks OTLP."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc
from opentelemetry import trace
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter


@dataclass(frozen=True)
class Span:
    """What matters of a span; times in nanoseconds since 1970."""

    name: str
    trace: str
    own: str
    parent: str
    began: int
    ended: int
    failed: bool
    attributes: dict[str, Any] = field(hash=False)


def in_memory() -> InMemorySpanExporter:
    """An application that has set OpenTelemetry up; once for a process, as OpenTelemetry wants it."""
    provider = trace.get_tracer_provider()
    if not isinstance(provider, TracerProvider):
        provider = TracerProvider()
        trace.set_tracer_provider(provider)
    exporter = InMemorySpanExporter()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    return exporter


def caught(exporter: InMemorySpanExporter) -> list[Span]:
    """What has ended so far, in that order."""
    return [_of_sdk(each) for each in exporter.get_finished_spans()]


def named(spans: Sequence[Span], name: str) -> list[Span]:
    """Those of one name, in the order of their beginnings."""
    return sorted((each for each in spans if each.name == name), key=lambda each: each.began)


class Collector(trace_service_pb2_grpc.TraceServiceServicer):
    """Keeps what it is sent."""

    def __init__(self) -> None:
        self.spans: list[Span] = []
        self.services: set[str] = set()

    def Export(self, request: Any, context: Any) -> Any:  # noqa: N802 - the protocol's name
        for resource in request.resource_spans:
            own = {each.key: each.value.string_value for each in resource.resource.attributes}
            self.services.add(own["service.name"])
            self.spans += [_of_wire(each) for scope in resource.scope_spans for each in scope.spans]
        return trace_service_pb2.ExportTraceServiceResponse()

    def named(self, name: str) -> list[Span]:
        return named(list(self.spans), name)


@contextmanager
def collector() -> Iterator[tuple[Collector, str]]:
    """A collector, and its address."""
    server = grpc.server(ThreadPoolExecutor(2))
    one = Collector()
    trace_service_pb2_grpc.add_TraceServiceServicer_to_server(one, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield one, f"http://127.0.0.1:{port}"
    finally:
        server.stop(None).wait()


def _of_sdk(span: ReadableSpan) -> Span:
    context, parent = span.get_span_context(), span.parent
    return Span(
        span.name,
        f"{context.trace_id:032x}",
        f"{context.span_id:016x}",
        f"{parent.span_id:016x}" if parent else "",
        span.start_time or 0,
        span.end_time or 0,
        span.status.status_code is trace.StatusCode.ERROR,
        dict(span.attributes or {}),
    )


def _of_wire(span: Any) -> Span:
    attributes = {each.key: getattr(each.value, each.value.WhichOneof("value")) for each in span.attributes}
    return Span(
        span.name,
        span.trace_id.hex(),
        span.span_id.hex(),
        span.parent_span_id.hex(),
        span.start_time_unix_nano,
        span.end_time_unix_nano,
        span.status.code == span.status.STATUS_CODE_ERROR,
        attributes,
    )
