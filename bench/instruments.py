"""What it costs to be seen: instruments that count although nobody reads, and spans that are sent.

    python -m bench.instruments [--jobs 100] [--repeats 15]

Jobs of one second go through queue (memory), worker, an engine that costs nothing, and shaping: the shortest jobs, so
that the share of what is paid for each is at its largest. The same worker is measured in turn with nothing in the place
of the instruments, with the instruments, and with every span recorded and batched for an exporter that drops it; of
each the best repeat counts.
"""

import argparse
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from threading import Event
from unittest.mock import patch

from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from prometheus_client import generate_latest
from prometheus_client.metrics import MetricWrapperBase

from bench.clips import FreeEngine, speech_like
from bench.figures import machine, table
from emotalk import metrics, tracing
from emotalk.audio import encode_flac
from emotalk.jobs import Job
from emotalk.jobs.intake import as_request
from emotalk.performance import Performance
from emotalk.pipeline import Pipeline
from emotalk.queues.memory import MemoryQueue
from emotalk.timebase import SAMPLE_RATE
from emotalk.worker.loop import Worker

CALLS = 100_000


class Nothing:
    """Stands where an instrument stood: takes every call and does nothing."""

    def __call__(self, *_: object) -> "Nothing":
        return self

    def __getattr__(self, _: str) -> "Nothing":
        return self

    def __enter__(self) -> "Nothing":
        return self

    def __exit__(self, *_: object) -> None:
        pass


class Dropped(SpanExporter):
    """Takes spans and forgets them."""

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """See SpanExporter."""
        return SpanExportResult.SUCCESS


@contextmanager
def bare() -> Iterator[None]:
    """Without instruments and spans."""
    names = [name for name, each in vars(metrics).items() if isinstance(each, MetricWrapperBase)]
    with ExitStack() as stack, untraced():
        for name in names:
            stack.enter_context(patch.object(metrics, name, Nothing()))
        yield


@contextmanager
def untraced() -> Iterator[None]:
    """As where OpenTelemetry is not loaded."""
    with patch.object(tracing, "_find_tracer", lambda: None):
        yield


@contextmanager
def traced(provider: TracerProvider) -> Iterator[None]:
    """Every span recorded."""
    tracer = provider.get_tracer("bench")
    with patch.object(tracing, "_find_tracer", lambda: tracer):
        yield


def job_milliseconds(jobs: int) -> float:
    """One job's share of a worker's time."""
    queue, stop = MemoryQueue(), Event()
    producer, consumer = queue.producer(), queue.consumer("bench")
    pcm = speech_like(SAMPLE_RATE)
    flac = encode_flac(pcm)
    for number in range(jobs):
        name = f"{number}"
        producer.append(as_request(Job(name, "", name, time.time(), len(pcm), Performance(), flac, seed=name)))
    claim = consumer.claim

    def claim_or_stop(_: float) -> object:
        found = claim(0)
        if found is None:
            stop.set()
        return found

    with patch.object(consumer, "claim", claim_or_stop):
        since = time.perf_counter()
        Worker(consumer, Pipeline(FreeEngine()), stop).run()
        return (time.perf_counter() - since) / jobs * 1e3


def nanoseconds(call: Callable[[], object]) -> float:
    """One call's time, the loop's own taken off."""

    def of(one: Callable[[], object]) -> float:
        since = time.perf_counter()
        for _ in range(CALLS):
            one()
        return time.perf_counter() - since

    return min(of(call) - of(lambda: None) for _ in range(3)) / CALLS * 1e9


def spanned() -> None:
    """A span as the code has it."""
    with tracing.span("span", chunk=1):
        pass


def calls() -> list[list[str]]:
    """What one observation costs."""
    with untraced():
        rows = {
            "counter.inc()": nanoseconds(metrics.ATTEMPTS.inc),
            "counter.labels(reason).inc()": nanoseconds(lambda: metrics.RETRIES.labels("EngineError").inc()),
            "histogram.observe()": nanoseconds(lambda: metrics.RUN_SECONDS.observe(1.0)),
            "span, off": nanoseconds(spanned),
        }
    since = time.perf_counter()
    for registry in (metrics.COMMON, metrics.SERVER, metrics.WORKER):
        generate_latest(registry)
    page = time.perf_counter() - since
    return [["one call", "us"]] + [
        [name, f"{each / 1e3:.2f}"] for name, each in {**rows, "a whole page": page * 1e9}.items()
    ]


def jobs(count: int, repeats: int) -> list[list[str]]:
    """What they cost a job, beside a job without them."""
    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(Dropped()))
    ways = {"bare": bare, "counted": untraced, "counted and traced": lambda: traced(provider)}
    best = dict.fromkeys(ways, float("inf"))
    for _ in range(repeats):
        for name, way in ways.items():
            with way():
                best[name] = min(best[name], job_milliseconds(count))
    provider.shutdown()
    rows = [[name, f"{each:.3f}", f"{each / best['bare']:.3f}"] for name, each in best.items()]
    return [["a job of one second", "ms", "x bare"], *rows]


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--jobs", type=int, default=100)
    parser.add_argument("--repeats", type=int, default=15)
    arguments = parser.parse_args()
    print(machine())
    print()
    print(table(calls()))
    print()
    print(table(jobs(arguments.jobs, arguments.repeats)))


if __name__ == "__main__":
    main()
