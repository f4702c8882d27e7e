"""Traces by OpenTelemetry: one from the client's call to its last chunk, across the queue.

    client   request ─────────────────────────────────────────────────────────────────────┐
    server     ProcessAudio ──────────────────────────────────────────────────────────────┤
                 accept: decode · append          · · ·                  send    send ────┘
    worker                        └ wait ─ attempt: claim · animate · publish · animate · publish · commit
                                           attempt (after a death: a second one, in the same trace)

The context crosses the wire in gRPC's metadata and the queue in the record's headers, as W3C's traceparent.

A process traces if OpenTelemetry is loaded in it; there is no other switch. An application that uses it gets our
client's spans among its own. `--tracing otlp` loads it into server and worker. Nobody else pays for it.

Why so: docs/decisions/0026.
"""

import os
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from importlib.metadata import version
from threading import Thread
from typing import TYPE_CHECKING, Any

from emotalk.errors import ConfigurationError
from emotalk.extras import how_to_install

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.trace import SpanKind, Tracer

Headers = Mapping[str, Any]
"""What came along with a call or a record; of other keys than W3C's nothing is read."""

TRACINGS = ("off", "otlp")
GOODBYE_SECONDS = 2.0
_NAME = "emotalk"


@contextmanager
def send_spans(service: str) -> Iterator[None]:
    """Send this process's spans by OTLP over gRPC; OpenTelemetry's own variables say where to and how.

    `service` is its name unless OTEL_SERVICE_NAME gives one. Raises ConfigurationError where the extra is missing.
    """
    try:
        from opentelemetry import trace
        from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError as error:
        raise ConfigurationError(
            f"tracing: OpenTelemetry is not installed. Install it: {how_to_install('otel')}"
        ) from error
    named = {"service.name": os.environ.get("OTEL_SERVICE_NAME") or service, "service.version": version("emotalk")}
    provider, exporter = TracerProvider(resource=Resource.create(named), shutdown_on_exit=False), OTLPSpanExporter()
    provider.add_span_processor(BatchSpanProcessor(exporter))
    trace.set_tracer_provider(provider)
    try:
        yield
    finally:
        # Not its own shutdown: a collector that is away would hold this process up for ten seconds.
        last = Thread(target=provider.force_flush, name="last spans", daemon=True)
        last.start()
        last.join(GOODBYE_SECONDS)
        exporter.shutdown()


def span(
    name: str, *, parent: Headers | None = None, kind: str = "internal", by_itself: bool = True, **attributes: Any
) -> AbstractContextManager[object]:
    """A stretch of work, current while it lasts; a child of what is current, or of what `parent` brought along.

    What is raised in it marks it as failed, or, not `by_itself`, what `fail` is told.
    """
    tracer = _find_tracer()
    if tracer is None:
        return nullcontext()
    return tracer.start_as_current_span(
        name,
        _make_context(parent),
        _find_kind(kind),
        _prefix_names(attributes),
        record_exception=by_itself,
        set_status_on_exception=by_itself,
    )


@contextmanager
def open_apart(
    name: str, *, parent: Headers | None = None, kind: str = "internal", **attributes: Any
) -> Iterator[Mapping[str, str]]:
    """A stretch that is never current, for generators: what is current between two yields is the caller's affair.

    Yields the headers to send along.
    """
    tracer = _find_tracer()
    if tracer is None:
        yield {}
        return
    from opentelemetry import trace

    one = tracer.start_span(name, _make_context(parent), _find_kind(kind), _prefix_names(attributes))
    try:
        yield _inject(trace.set_span_in_context(one))
    except Exception as error:
        one.record_exception(error)
        one.set_status(trace.StatusCode.ERROR, str(error))
        raise
    finally:
        one.end()


def record_past(name: str, since: float, *, parent: Headers | None = None, **attributes: Any) -> None:
    """A stretch that ends now and began at `since`, in seconds since 1970."""
    tracer = _find_tracer()
    if tracer is not None:
        began, now = int(since * 1e9), time.time_ns()
        tracer.start_span(
            name, _make_context(parent), attributes=_prefix_names(attributes), start_time=min(began, now)
        ).end(now)


def fail(error: BaseException) -> None:
    """Mark what is current as failed, where the error is returned and not raised."""
    if _find_tracer() is not None:
        from opentelemetry import trace

        one = trace.get_current_span()
        one.record_exception(error)
        one.set_status(trace.StatusCode.ERROR, str(error))


def make_headers() -> Mapping[str, str]:
    """What is to go along with a record so that its reader can go on with this trace; empty without one."""
    return {} if _find_tracer() is None else _inject(None)


def _find_tracer() -> "Tracer | None":
    trace: Any = sys.modules.get("opentelemetry.trace")
    return None if trace is None else trace.get_tracer(_NAME)


def _make_context(parent: Headers | None) -> "Context | None":
    """None is what is current; headers without a trace begin a new one."""
    if parent is None:
        return None
    from opentelemetry.context import Context
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    return TraceContextTextMapPropagator().extract(parent, Context())


def _inject(context: "Context | None") -> Mapping[str, str]:
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    carrier: dict[str, str] = {}
    TraceContextTextMapPropagator().inject(carrier, context)
    return carrier


def _find_kind(name: str) -> "SpanKind":
    from opentelemetry.trace import SpanKind

    return SpanKind[name.upper()]


def _prefix_names(attributes: Mapping[str, Any]) -> dict[str, Any]:
    return {f"{_NAME}.{name}": value for name, value in attributes.items()}
