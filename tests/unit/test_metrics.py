"""What is counted, and the page on which it is read."""

import re
from http.client import HTTPConnection
from threading import Event

import pytest
from prometheus_client import CollectorRegistry, Counter, Gauge
from prometheus_client.parser import text_string_to_metric_families

from emotalk import exposition, metrics
from emotalk.errors import ClaimLost, ConfigurationError, EngineError, InvalidRequest, JobFailed, QueueUnavailable
from emotalk.jobs.intake import as_request
from emotalk.pipeline import Pipeline
from emotalk.queues.base import LaneReading, Meter, Reading, Usage
from emotalk.queues.memory import MemoryQueue
from emotalk.worker.loop import Worker
from tests.exported import families, series
from tests.kafka.broker import free_ports
from tests.unit.stage import NOW, Scripted, Unreliable, job

SERVER, WORKER = metrics.SERVER, metrics.WORKER


class Since:
    """How much the instruments of a registry have grown."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry, self._before = registry, self._all(registry)

    @staticmethod
    def _all(registry: CollectorRegistry) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
        samples = [sample for family in registry.collect() for sample in family.samples]
        return {(each.name, tuple(sorted(each.labels.items()))): each.value for each in samples}

    def grown(self, *but: str) -> dict[str, float]:
        """Name without prefix (and reason) → growth, where there was any; buckets and sums of time are left out."""
        found = {}
        for key, value in self._all(self._registry).items():
            name, labels = key
            if value != self._before.get(key, 0.0) and not name.endswith(("_bucket", "_sum", *but)):
                reason = "".join(f" {value}" for _, value in labels)
                found[name.removeprefix("emotalk_") + reason] = value - self._before.get(key, 0.0)
        return found


def read(port: int) -> dict[str, dict[tuple[tuple[str, str], ...], float]]:
    """The page, as Prometheus's own parser reads it."""
    connection = HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", "/metrics")
    found: dict[str, dict[tuple[tuple[str, str], ...], float]] = {}
    for family in text_string_to_metric_families(connection.getresponse().read().decode()):
        for sample in family.samples:
            found.setdefault(sample.name, {})[tuple(sorted(sample.labels.items()))] = sample.value
    connection.close()
    return found


def work(queue: MemoryQueue, *cues: BaseException | None, consumer: Unreliable | None = None) -> None:
    """Do what is queued, then stop; no wait takes time."""
    stop, own = Event(), consumer or Unreliable(queue.consumer("worker"))
    claim = own.real.claim

    def claim_or_stop(_: float) -> object:
        found = claim(0)
        if found is None:
            stop.set()
        return found

    own.real.claim = claim_or_stop
    seconds = iter(range(10**6))
    Worker(
        own,
        Pipeline(Scripted(*cues)),
        stop,
        clock=lambda: NOW + 5,
        monotonic=lambda: next(seconds),
        pause=lambda _: None,
    ).run()


@pytest.fixture
def queue() -> MemoryQueue:
    queue = MemoryQueue(lambda: NOW)
    queue.producer().append(as_request(job(seconds=3.0)))
    return queue


def test_a_job_that_goes_well_is_one_attempt_one_completion_and_its_seconds(queue: MemoryQueue) -> None:
    since = Since(WORKER)
    work(queue)
    grown = since.grown("publish_seconds_count")
    assert grown.pop("engine_seconds_total") > 0
    assert grown == {
        "attempts_total": 1,
        "jobs_completed_total": 1,
        "animated_audio_seconds_total": 3.0,
        "wait_seconds_count": 1,
        "run_seconds_count": 1,
        "real_time_factor_count": 1,
    }
    assert WORKER.get_sample_value("emotalk_jobs_running") == 0


def test_the_wait_is_measured_once_however_many_attempts_follow(queue: MemoryQueue) -> None:
    since, before = Since(WORKER), WORKER.get_sample_value("emotalk_wait_seconds_sum")
    work(queue, EngineError("one"), EngineError("two"))
    grown = since.grown()
    assert (grown["attempts_total"], grown["wait_seconds_count"], grown["jobs_completed_total"]) == (3, 1, 1)
    assert grown["retries_total EngineError"] == 2
    assert before is not None
    assert WORKER.get_sample_value("emotalk_wait_seconds_sum") == before + 5.0


def test_a_job_that_is_given_up_is_buried_by_its_reason_and_completes_nothing(queue: MemoryQueue) -> None:
    since = Since(WORKER)
    work(queue, *[EngineError("broken")] * 5)
    grown = since.grown()
    assert grown["jobs_buried_total EngineError"] == 1
    assert grown["retries_total EngineError"] == 4
    assert "jobs_completed_total" not in grown
    assert "run_seconds_count" not in grown


def test_a_lost_claim_and_an_outage_are_counted_as_what_they_are(queue: MemoryQueue) -> None:
    since = Since(WORKER)
    consumer = Unreliable(queue.consumer("worker")).on("begin", QueueUnavailable("away"), ClaimLost("gone"))
    work(queue, consumer=consumer)
    grown = since.grown()
    assert (grown["claims_lost_total"], grown["queue_outages_total"]) == (1, 1)
    assert grown["jobs_completed_total"] == 1


def test_a_call_is_answered_once_with_its_first_and_its_last_chunk() -> None:
    since = Since(SERVER)
    with metrics.Call() as call:
        call.note_accepted()
        assert SERVER.get_sample_value("emotalk_open_streams") == 1
        for final in (False, False, True):
            call.note_sent(final)
    assert since.grown() == {"requests_answered_total": 1, "first_chunk_seconds_count": 1, "answer_seconds_count": 1}


def test_an_error_before_the_acceptance_is_a_refusal_and_after_it_a_failure() -> None:
    since = Since(SERVER)
    error = InvalidRequest("audio_data", "is empty", "Send some")
    with pytest.raises(InvalidRequest), metrics.count_refusal():
        raise error
    with metrics.Call() as call:
        call.note_failed(error)
    with metrics.Call() as call:
        call.note_accepted()
        call.note_failed(JobFailed("given up"))
    assert since.grown() == {"requests_refused_total InvalidRequest": 1, "requests_failed_total JobFailed": 1}


def test_a_client_that_goes_away_before_the_last_frame_is_counted_as_gone() -> None:
    since = Since(SERVER)
    with metrics.Call() as call:
        call.note_accepted()
        call.note_sent(False)
    assert since.grown() == {"requests_left_total": 1, "first_chunk_seconds_count": 1}


class Measured:
    """A log that stands as it is told to, or is away."""

    def __init__(self, *readings: Reading) -> None:
        self.readings, self.closed = list(readings), Event()

    def read(self) -> Reading:
        if not self.readings:
            raise QueueUnavailable("away")
        return self.readings.pop(0)

    def close(self) -> None:
        self.closed.set()


def watched(meter: Meter, behind: int = 0) -> dict[str, float]:
    with metrics.watch_log(lambda: meter, lambda: behind):
        samples = [sample for family in SERVER.collect() for sample in family.samples]
    return {f"{each.name}{''.join(each.labels.values())}".removeprefix("emotalk_"): each.value for each in samples}


def test_the_queue_shows_its_depth_and_the_age_of_its_oldest_request_by_partition(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("time.time", lambda: NOW + 60)
    reading = Reading([LaneReading(0, 3, NOW), LaneReading(1, 0)], dead_letters=2, room=Usage(10, 100, 90, 7))
    shown = watched(Measured(reading), behind=7)
    assert (shown["queue_depth0"], shown["queue_depth1"]) == (3, 0)
    assert (shown["queue_oldest_age_seconds0"], shown["queue_oldest_age_seconds1"]) == (60, 0)
    assert (shown["dead_letters"], shown["results_lag_records"], shown["queue_up"]) == (2, 7, 1)
    assert (shown["queue_used_bytes"], shown["queue_limit_bytes"], shown["queue_disk_free_bytes"]) == (10, 100, 90)
    assert shown["queue_unmerged_bytes"] == 7


def test_a_queue_that_is_away_shows_as_down_and_no_stale_figure_stands_for_it() -> None:
    meter = Measured()
    shown = watched(meter)
    assert shown["queue_up"] == 0
    assert not [name for name in shown if name.startswith(("queue_depth", "queue_oldest", "dead_letters"))]
    assert meter.closed.wait(30)


def test_nothing_is_asked_of_the_log_before_somebody_reads() -> None:
    with metrics.watch_log(lambda: pytest.fail("opened"), lambda: 0):
        pass


def test_a_page_shows_a_process_and_its_children_each_by_its_name_in_one_block_of_a_name() -> None:
    parent, child = CollectorRegistry(), CollectorRegistry()
    Gauge("size", "bytes", registry=parent).set(1)
    Gauge("size", "bytes", registry=child).set(2)
    Counter("done_total", "jobs", registry=child).inc(3)
    with (
        exposition.open_page("127.0.0.1", 0, "child", [child]) as inner,
        exposition.open_page("127.0.0.1", 0, "server", [parent], lambda: {"worker-1": inner}) as outer,
    ):
        connection = HTTPConnection("127.0.0.1", outer, timeout=10)
        connection.request("GET", "/metrics")
        text = connection.getresponse().read().decode()
        assert read(outer) == {
            "size": {(("process", "server"),): 1, (("process", "worker-1"),): 2},
            "done_total": {(("process", "worker-1"),): 3},
        }
    assert text.count("# TYPE size") == 1


def test_a_child_that_does_not_answer_takes_nothing_from_the_page() -> None:
    own = CollectorRegistry()
    Gauge("size", "bytes", registry=own).set(1)
    nobody, *_ = free_ports(1)
    with exposition.open_page("127.0.0.1", 0, "server", [own], lambda: {"worker-1": nobody}) as port:
        assert read(port) == {"size": {(("process", "server"),): 1}}


def test_a_port_that_is_taken_is_a_sentence_that_names_the_flag() -> None:
    with exposition.open_page("127.0.0.1", 0, "one", []) as port:  # noqa: SIM117 - the second one is the test
        with (
            pytest.raises(ConfigurationError, match="--metrics-port"),
            exposition.open_page("127.0.0.1", port, "two", []),
        ):
            pass


def test_every_name_keeps_prometheus_s_conventions() -> None:
    for family in families():
        assert re.fullmatch(r"(emotalk|process)_[a-z_]+", family.name)
        assert family.name.endswith("_total") == (family.kind == "counter"), family.name
        base = r"_(seconds|bytes|info|factor)$"
        assert family.kind != "histogram" or re.search(base, family.name), family.name
        assert not re.search(r"_(ms|milliseconds|minutes|mb|kb|percent)(_|$)", family.name), family.name


def test_every_reason_is_there_from_the_start_so_that_the_first_one_shows_as_an_increase() -> None:
    assert WORKER.get_sample_value("emotalk_jobs_buried_total", {"reason": "OutOfMemory"}) == 0
    assert series()["emotalk_jobs_buried_total"] == {"reason", "process"}
