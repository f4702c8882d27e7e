"""The page of a real server: its own figures and its child's, before and after the child is killed."""

import os
import signal
from http.client import HTTPConnection
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from emotalk.client import EmoTalkClient, Request
from tests.exported import families, series
from tests.integration.served import Outside, command, eventually, outside, speech
from tests.kafka.broker import Broker, free_ports

Page = dict[tuple[str, str], float]


def text_of(port: int) -> str:
    """The page."""
    connection = HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", "/metrics")
        return connection.getresponse().read().decode()
    finally:
        connection.close()


def read(port: int) -> Page:
    """(name, process) → value, summed over the other labels."""
    page: Page = {}
    for family in text_string_to_metric_families(text_of(port)):
        for sample in family.samples:
            key = sample.name, sample.labels["process"]
            page[key] = page.get(key, 0.0) + sample.value
    return page


def unheard_of(text: str) -> set[tuple[str, frozenset[str]]]:
    """What is shown and not known to the tests that hold dashboard, alerts and documents against the code."""
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    return {(each.name, frozenset(each.labels)) for each in samples} - set(series().items())


def ask(server: Outside, seconds: float, request_id: str = "") -> int:
    with EmoTalkClient(port=server.port) as client:
        request = Request(speech(seconds), **({"request_id": request_id} if request_id else {}))
        return sum(len(chunk.frames) for chunk in client.stream(request))


def once_more(port: int, name: str, value: float) -> Page:
    """The page as soon as that figure has come: a worker commits after the client has its last frame."""
    return dict(eventually(lambda: (page := read(port)).get((name, "worker-1")) == value and page))


def test_a_server_shows_itself_and_its_child_on_one_page_and_survives_the_child_s_death(tmp_path: Path) -> None:
    port, *_ = free_ports(1)
    flags = ("--port", "0", "--engine", "tone", "--queue", "sqlite", "--metrics-port", str(port))
    with outside(tmp_path, "serve", *flags) as server:
        assert ask(server, 3.0, "one") == ask(server, 3.0, "one") == 90
        once_more(port, "emotalk_jobs_completed_total", 1)
        page = read(port)  # after that one: its queue was looked at before its worker
        assert page["emotalk_requests_accepted_total", "server"] == 1
        assert page["emotalk_requests_joined_total", "server"] == 1
        assert page["emotalk_requests_answered_total", "server"] == 2
        assert page["emotalk_accepted_audio_seconds_total", "server"] == 3.0
        assert page["emotalk_animated_audio_seconds_total", "worker-1"] == 3.0
        assert page["emotalk_ready", "server"] == page["emotalk_workers_warm", "server"] == 1
        assert page["emotalk_queue_up", "server"] == 1
        assert page["emotalk_queue_depth", "server"] == page["emotalk_results_lag_records", "server"] == 0
        assert ("emotalk_ready", "worker-1") not in page
        assert unheard_of(text_of(port)) == set()
        if "process_resident_memory_bytes" in {family.name for family in families()}:
            assert min(page["process_resident_memory_bytes", who] for who in ("server", "worker-1")) > 10 * 2**20

        os.kill(server.worker_pid, signal.SIGKILL)
        server.says(r"worker warm pid=(\d+)", times=2)
        assert ask(server, 1.0) == 30
        page = once_more(port, "emotalk_jobs_completed_total", 1)
        assert page["emotalk_worker_deaths_total", "server"] == 1
        assert page["emotalk_process_deaths_total", "worker-1"] == 1
        assert page["emotalk_process_deaths_total", "live"] == 0
        assert page["emotalk_requests_accepted_total", "server"] == 2
        assert server.end() == 0


def test_a_refused_request_and_a_waiting_one_show_and_a_lone_worker_has_a_page_of_its_own(tmp_path: Path) -> None:
    port, other, *_ = free_ports(2)
    with outside(
        tmp_path, "serve", "--port", "0", "--no-worker", "--live-sessions", "0", "--metrics-port", str(port)
    ) as server:
        refused = command(tmp_path, "send", __file__, "--port", str(server.port))
        assert refused.returncode == 4
        with EmoTalkClient(port=server.port) as client:
            answer = client.stream(Request(speech(2.0)), accepted=lambda _: None)
            with outside(tmp_path, "work", "--engine", "tone", "--metrics-port", str(other)) as worker:
                assert sum(len(chunk.frames) for chunk in answer) == 60
                page = eventually(lambda: (p := read(other)).get(("emotalk_jobs_completed_total", "worker")) == 1 and p)
                assert page["emotalk_attempts_total", "worker"] == 1
                assert ("emotalk_open_streams", "worker") not in page
                assert worker.end() == 0
        page = read(port)
        assert page["emotalk_requests_refused_total", "server"] == 1
        assert page["emotalk_requests_answered_total", "server"] == 1
        deaths = "emotalk_process_deaths_total"  # of which the server's own page says whose
        assert not [name for name, process in page if process != "server" and name != deaths]


def test_a_port_that_is_taken_ends_the_server_with_a_sentence(tmp_path: Path) -> None:
    port, *_ = free_ports(1)
    flags = ("serve", "--engine", "tone", "--queue", "memory://", "--port", "0", "--metrics-port", str(port))
    with outside(tmp_path, *flags) as server:
        assert server.port
        second = command(tmp_path, *flags)
    assert second.returncode == 2
    assert f"metrics_port: {port} is taken" in second.stderr
    assert "Traceback" not in second.stderr


def test_the_service_s_own_port_is_no_port_for_its_metrics(tmp_path: Path) -> None:
    port, *_ = free_ports(1)
    flags = ("--engine", "tone", "--queue", "memory://", "--port", str(port), "--metrics-port", str(port))
    done = command(tmp_path, "serve", *flags)
    assert done.returncode == 2
    assert f"metrics_port: {port} is the service's own port" in done.stderr


class Enough(Exception):
    """The client has heard what it wanted and hangs up."""


def hang_up(_: int) -> None:
    raise Enough


@pytest.mark.kafka
def test_kafka_s_queue_shows_what_waits_and_a_broker_that_is_away(tmp_path: Path) -> None:
    port, *_ = free_ports(1)
    with Broker() as broker:
        address = f"kafka://{broker.bootstrap}"
        flags = ("serve", "--no-worker", "--port", "0", "--queue", address, "--metrics-port", str(port))
        with outside(tmp_path, *flags) as server:
            with EmoTalkClient(port=server.port) as client, pytest.raises(Enough):
                next(client.stream(Request(speech(1.0)), accepted=hang_up))
            page = eventually(lambda: (p := read(port)).get(("emotalk_queue_depth", "server")) == 1 and p)
            assert 0 < page["emotalk_queue_oldest_age_seconds", "server"] < 60
            assert page["emotalk_dead_letters", "server"] == 0
            broker.kill()
            page = eventually(lambda: (p := read(port)).get(("emotalk_queue_up", "server")) == 0 and p)
            assert ("emotalk_queue_depth", "server") not in page
            assert page["emotalk_requests_accepted_total", "server"] == 1
            assert page["emotalk_requests_left_total", "server"] == 1
