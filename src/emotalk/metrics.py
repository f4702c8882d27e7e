"""Every instrument of the service.

They count whether anyone reads or not: an observation costs about a microsecond (bench/instruments.py). Units are
seconds and bytes. What each name means to whoever is on call stands in docs/metrics.md; how they are read, in
exposition.py.
"""

import logging
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from importlib.metadata import version
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from emotalk import errors
from emotalk.engines.base import EngineCard
from emotalk.errors import EmoTalkError
from emotalk.queues.base import Meter, Reading

log = logging.getLogger(__name__)

NAMESPACE = "emotalk"

ASK_SECONDS = 4.0

COMMON, SERVER, WORKER, LIVE, WEB = (CollectorRegistry() for _ in range(5))
"""What any process shows, a server, a worker, the live engine, the gateway: a worker has no `ready` to be woken by."""
_COMMON, _SERVER, _WORKER, _LIVE, _WEB = (
    dict[str, Any](namespace=NAMESPACE, registry=each) for each in (COMMON, SERVER, WORKER, LIVE, WEB)
)

_MOMENTS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_DELAYS = (0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.75, 1.0, 2.5, 5.0)
_SPANS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0)
_FACTORS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0)

REASONS = sorted(
    name for name, kind in vars(errors).items() if isinstance(kind, type) and issubclass(kind, EmoTalkError)
)
"""What the label `reason` may say: the class of the error."""


def _count_reasons(name: str, what: str, **home: Any) -> Counter:
    counter = Counter(name, what, ["reason"], **home)
    for reason in REASONS:  # from 0 on: Prometheus sees no increase in a series that begins with 1
        counter.labels(reason)
    return counter


BUILD = Gauge(
    "build_info",
    "1; the labels say what runs. A server has no engine.",
    ["version", "engine", "fingerprint", "device", "precision"],
    **_COMMON,
)

# The server: what is asked of it and what it answers.
ACCEPTED = Counter("requests_accepted_total", "Requests that were stored durably, each once.", **_SERVER)
ACCEPTED_SECONDS = Counter("accepted_audio_seconds_total", "Seconds of sound in accepted requests.", **_SERVER)
JOINED = Counter("requests_joined_total", "Calls that repeated a stored request and read its answer.", **_SERVER)
REFUSED = _count_reasons("requests_refused_total", "Requests that were refused before they were stored.", **_SERVER)
ANSWERED = Counter("requests_answered_total", "Calls that were sent their last frame.", **_SERVER)
FAILED = _count_reasons(
    "requests_failed_total", "Calls that were told after their acceptance that no more frames come.", **_SERVER
)
LEFT = Counter(
    "requests_left_total", "Calls whose client went away before the last frame; their jobs are done.", **_SERVER
)
CALLS = Counter(
    "calls_total",
    "Calls that ended, by method and gRPC status; health checks are not counted.",
    ["method", "code"],
    **_SERVER,
)
OPEN_STREAMS = Gauge("open_streams", "Calls that are being answered or wait for it.", **_SERVER)
LIVE_STREAMS = Gauge("open_live_streams", "Live microphones that are being answered.", **_SERVER)
LIVE_PLACES = Gauge("live_places", "Live microphones that may be answered at once (--live-sessions).", **_SERVER)
READY = Gauge("ready", "1 while the server says SERVING.", **_SERVER)
LIMIT_JOBS = Gauge(
    "queue_limit_jobs", "Requests that the queue takes at most (--max-waiting); 0: any number.", **_SERVER
)
DECODE_SECONDS = Histogram("decode_seconds", "From the bytes of a request to its record.", buckets=_MOMENTS, **_SERVER)
APPEND_SECONDS = Histogram("append_seconds", "From a record to its being durable.", buckets=_MOMENTS, **_SERVER)
FIRST_CHUNK_SECONDS = Histogram("first_chunk_seconds", "From a call to its first chunk.", buckets=_SPANS, **_SERVER)
ANSWER_SECONDS = Histogram("answer_seconds", "From a call to its last chunk.", buckets=_SPANS, **_SERVER)
WORKERS = Gauge("workers", "Workers that this server runs, warm or not; 0 with --no-worker.", **_SERVER)
WORKERS_WARM = Gauge("workers_warm", "Workers of this server that are ready for the next request.", **_SERVER)
WORKER_DEATHS = Counter(
    "worker_deaths_total", "Until the next version: use process_deaths_total, whose process is the worker's.", **_SERVER
)
PROCESS_DEATHS = Counter(
    "process_deaths_total",
    "Processes of this server that ended unasked, by their name: worker-1, live, web.",
    ["process"],
    **_SERVER,
)

# The worker: what becomes of a job.
WAIT_SECONDS = Histogram(
    "wait_seconds", "From a request's acceptance to the start of its first attempt.", buckets=_SPANS, **_WORKER
)
RUN_SECONDS = Histogram(
    "run_seconds", "An attempt that succeeded, from its start to its commit.", buckets=_SPANS, **_WORKER
)
REAL_TIME_FACTOR = Histogram(
    "real_time_factor", "Seconds in the engine per second of sound, of each job.", buckets=_FACTORS, **_WORKER
)
PUBLISH_SECONDS = Histogram(
    "publish_seconds", "From a chunk to the acknowledgement of its records.", buckets=_MOMENTS, **_WORKER
)
ENGINE_SECONDS = Counter("engine_seconds_total", "Seconds in the engine, of completed jobs.", **_WORKER)
ANIMATED_SECONDS = Counter("animated_audio_seconds_total", "Seconds of sound in completed jobs.", **_WORKER)
REPEATED_SECONDS = Counter(
    "repeated_audio_seconds_total", "Seconds of sound that were animated and discarded.", **_WORKER
)
RUNNING = Gauge("jobs_running", "Jobs in this worker's hands, 0 or 1; its mean over time is how busy it is.", **_WORKER)
ATTEMPTS = Counter("attempts_total", "Attempts that were begun.", **_WORKER)
COMPLETED = Counter("jobs_completed_total", "Jobs that were answered in full and committed.", **_WORKER)
CANCELLED = Counter("jobs_cancelled_total", "Jobs that were cancelled while a worker had them.", **_WORKER)
RETRIES = _count_reasons("retries_total", "Attempts that failed and are made again.", **_WORKER)
BURIED = _count_reasons("jobs_buried_total", "Jobs that were given up and stand in the dead letters.", **_WORKER)
GIVEN_BACK = Counter(
    "jobs_given_back_total", "Jobs that a worker which was told to stop gave back unfinished.", **_WORKER
)
CLAIMS_LOST = Counter("claims_lost_total", "Jobs that another worker took over.", **_WORKER)
OUTAGES = Counter("queue_outages_total", "Times that a worker found the log away and waited for it.", **_WORKER)

LIVE_SECONDS = Counter("live_audio_seconds_total", "Seconds of live sound that were animated.", **_LIVE)
LIVE_DELAY = Histogram(
    "live_delay_seconds",
    "From the arrival of the last sound of a live frame's own time to the frame.",
    buckets=_DELAYS,
    **_LIVE,
)
LIVE_LATE = Gauge("live_late_seconds", "For how long the oldest sound of a live stream has been waiting.", **_LIVE)

HTTP = Counter(
    "http_requests_total", "HTTP calls that were answered, by method and status.", ["method", "status"], **_WEB
)

ProcessCollector(registry=COMMON)


def count_stored(seconds: float, repeated: bool) -> None:
    """A request is durable; `repeated`: it was before."""
    if repeated:
        JOINED.inc()
    else:
        ACCEPTED.inc()
        ACCEPTED_SECONDS.inc(seconds)


def count_begun(attempt: int, waited: float) -> None:
    """Attempt number `attempt` starts, `waited` seconds after the acceptance."""
    ATTEMPTS.inc()
    if attempt == 1:
        WAIT_SECONDS.observe(waited)


def count_completed(sound: float, run: float, engine: float) -> None:
    """A job is committed: seconds of its sound, of its last attempt, and of that in the engine."""
    COMPLETED.inc()
    ANIMATED_SECONDS.inc(sound)
    ENGINE_SECONDS.inc(engine)
    RUN_SECONDS.observe(run)
    REAL_TIME_FACTOR.observe(engine / sound)


@contextmanager
def count_refusal() -> Iterator[None]:
    """A request is being stored; an error is its refusal."""
    try:
        yield
    except EmoTalkError as error:
        REFUSED.labels(type(error).__name__).inc()
        raise


class Call:
    """One client's call, from its arrival to its end; one that ends without a word of ours was left by its client."""

    def __init__(self) -> None:
        self._since = time.perf_counter()
        self._accepted = self._begun = self._over = False

    def __enter__(self) -> "Call":
        OPEN_STREAMS.inc()
        return self

    def __exit__(self, *_: object) -> None:
        OPEN_STREAMS.dec()
        if not self._over:
            LEFT.inc()

    def note_accepted(self) -> None:
        """The request is durable: what goes wrong from now on is a failure, before it is a refusal."""
        self._accepted = True

    def note_sent(self, final: bool) -> None:
        """A chunk was handed to the network."""
        taken = time.perf_counter() - self._since
        if not self._begun:
            self._begun = True
            FIRST_CHUNK_SECONDS.observe(taken)
        if final:
            self._over = True
            ANSWERED.inc()
            ANSWER_SECONDS.observe(taken)

    def note_failed(self, error: EmoTalkError) -> None:
        """The client is told why there will be no (more) frames."""
        self._over = True
        if self._accepted:
            FAILED.labels(type(error).__name__).inc()


def say_build(card: EngineCard | None = None) -> None:
    """What runs in this process; the engine's card, if it has one."""
    engine = (card.name, card.fingerprint, card.device, card.precision) if card else ("", "", "", "")
    BUILD.labels(version("emotalk"), *engine).set(1)


class QueueWatch(Collector):
    """The log as its meter shows it at the moment of asking; a log that is away shows as `queue_up` 0 alone."""

    def __init__(self, meter: Callable[[], Meter], behind: Callable[[], int]) -> None:
        self._open, self._behind = meter, behind
        self._meter: Meter | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="meter")
        self._asked: Future[tuple[Reading, int]] | None = None

    def describe(self) -> list[Metric]:
        """None in advance."""
        return []

    def collect(self) -> Iterator[Metric]:
        """The families, fresh."""
        try:
            reading, behind = self._ask_in_time()
        except (EmoTalkError, TimeoutError) as outage:
            log.debug("queue cannot be measured", extra={"error": str(outage)})
            yield _make_family("queue_up", _UP, 0)
        else:
            yield _make_family("queue_up", _UP, 1)
            yield _make_family("results_lag_records", "Results in the log that this server has not read yet.", behind)
            yield _make_family("dead_letters", "Buried jobs that the log keeps.", reading.dead_letters)
            yield from _measure_lanes(reading, time.time())
            yield from _measure_room(reading)

    def _ask_in_time(self) -> tuple[Reading, int]:
        """A log that hangs must not take the rest of the page along: its reader gives up after ten seconds."""
        if self._asked is None or self._asked.done():
            self._asked = self._thread.submit(self._ask)
        return self._asked.result(ASK_SECONDS)

    def _ask(self) -> tuple[Reading, int]:
        # Not opened before somebody reads the page: on Kafka a meter is two more connections.
        self._meter = self._meter or self._open()
        return self._meter.read(), self._behind()

    def close(self) -> None:
        """Let go of the log, behind whatever is being asked: nobody waits for that."""
        if self._meter:
            self._thread.submit(self._meter.close)
        self._thread.shutdown(wait=False)


_UP = "1 if the log could be measured."


def _make_family(name: str, what: str, value: float) -> Metric:
    return GaugeMetricFamily(f"{NAMESPACE}_{name}", what, value)


def _measure_lanes(reading: Reading, now: float) -> tuple[Metric, Metric]:
    depth = GaugeMetricFamily(
        f"{NAMESPACE}_queue_depth", "Requests that are not done, the one in hand included.", labels=["partition"]
    )
    age = GaugeMetricFamily(
        f"{NAMESPACE}_queue_oldest_age_seconds", "Age of the oldest of them; 0 if none waits.", labels=["partition"]
    )
    for lane in reading.lanes:
        depth.add_metric([str(lane.partition)], lane.unfinished)
        age.add_metric([str(lane.partition)], max(0.0, now - lane.oldest_at) if lane.oldest_at is not None else 0.0)
    return depth, age


def _measure_room(reading: Reading) -> Iterator[Metric]:
    if reading.room:
        yield _make_family("queue_used_bytes", "What the log takes up.", reading.room.used)
        yield _make_family(
            "queue_limit_bytes", "What the log may take up: its own limit or its disk's.", reading.room.limit
        )
        yield _make_family("queue_disk_free_bytes", "What is left on the disk under the log.", reading.room.disk_free)
        yield _make_family(
            "queue_unmerged_bytes", "What waits beside the file; it grows while others read.", reading.room.unmerged
        )


@contextmanager
def watch_log(meter: Callable[[], Meter], behind: Callable[[], int]) -> Iterator[None]:
    """Show the log on a server's page. `meter` opens one; `behind`: results that its reader has not polled yet."""
    watch = QueueWatch(meter, behind)
    SERVER.register(watch)
    try:
        yield
    finally:
        SERVER.unregister(watch)
        watch.close()
