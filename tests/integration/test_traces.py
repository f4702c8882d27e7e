"""One trace from the client's call to its last chunk, whoever dies on the way."""

import os
import signal
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import httpx2 as httpx
import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from emotalk.client import AsyncEmoTalkClient, EmoTalkClient, Live, Request
from emotalk.engines.tone import ToneEngine
from emotalk.errors import EngineError, InvalidRequest
from emotalk.queues.base import Queue
from emotalk.queues.memory import MemoryQueue
from emotalk.queues.sqlite import SqliteQueue
from tests.integration.served import Inside, eventually, outside, speech
from tests.integration.test_metrics_page import read
from tests.kafka.broker import Broker, free_ports
from tests.traces import Span, caught, collector, in_memory, named
from tests.unit.stage import Scripted

WHOLE = {"request", "ProcessAudio", "accept", "decode", "append", "wait", "attempt", "claim", "animate", "publish"}


@pytest.fixture(scope="module")
def exporter() -> InMemorySpanExporter:
    return in_memory()


@pytest.fixture
def memory(exporter: InMemorySpanExporter) -> InMemorySpanExporter:
    exporter.clear()
    return exporter


@pytest.fixture(params=["sqlite", pytest.param("kafka", marks=pytest.mark.kafka)])
def queue(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Queue]:
    if request.param == "sqlite":
        yield SqliteQueue(tmp_path / "q.db")
    else:
        from emotalk.queues.kafka import KafkaQueue

        broker: Broker = request.getfixturevalue("kafka_broker")
        yield KafkaQueue(broker.bootstrap, prefix=f"traces-{uuid.uuid4().hex[:8]}-")


def ask(port: int, request: Request) -> int:
    with EmoTalkClient(port=port) as client:
        return sum(len(chunk.frames) for chunk in client.stream(request))


def trace_of(memory: InMemorySpanExporter, end: str = "commit") -> list[Span]:
    """All spans, once the last one has come: a worker commits after the client has its last frame."""
    eventually(lambda: named(caught(memory), end))
    return caught(memory)


def test_one_trace_leads_from_the_call_through_the_queue_to_the_last_chunk(
    queue: Queue, memory: InMemorySpanExporter
) -> None:
    with Inside(queue, ToneEngine()) as server:
        assert ask(server.server.port, Request(speech(3.0), chunk_duration=1.0, chunk_overlap=0.0)) == 90
        spans = trace_of(memory)
    assert {each.name for each in spans} == WHOLE | {"send", "commit"}
    assert len({each.trace for each in spans}) == 1
    [root] = [each for each in spans if not each.parent]
    assert root.name == "request"
    by_id = {each.own: each for each in spans}
    lineage = {
        "ProcessAudio": "request",
        "accept": "ProcessAudio",
        "decode": "accept",
        "append": "accept",
        "wait": "append",
        "attempt": "append",
        "claim": "attempt",
        "animate": "attempt",
        "publish": "attempt",
        "commit": "attempt",
        "send": "ProcessAudio",
    }
    assert {each.name: by_id[each.parent].name for each in spans if each.parent} == lineage
    assert not [each for each in spans if each.failed]

    sends, animated = named(spans, "send"), named(spans, "animate")
    assert [each.attributes["emotalk.chunk"] for each in sends] == [0, 1, 2]
    assert [each.attributes["emotalk.final"] for each in sends] == [False, False, True]
    assert sum(each.attributes["emotalk.frames"] for each in animated) == 90
    assert len(named(spans, "publish")) == len(animated) == 3
    assert root.began <= min(each.began for each in spans)
    assert root.ended >= sends[-1].ended
    [wait], [attempt] = named(spans, "wait"), named(spans, "attempt")
    assert wait.ended <= attempt.began


def test_a_failed_attempt_and_the_one_that_mends_it_stand_in_one_trace(memory: InMemorySpanExporter) -> None:
    with Inside(MemoryQueue(), Scripted(EngineError("once"))) as server:
        assert ask(server.server.port, Request(speech(2.0))) == 60
        spans = trace_of(memory)
    first, second = named(spans, "attempt")
    assert (first.trace, first.parent) == (second.trace, second.parent)
    assert (first.failed, second.failed) == (True, False)
    assert [each.attributes["emotalk.attempt"] for each in (first, second)] == [1, 2]
    assert len(named(spans, "wait")) == 1


def test_a_refusal_is_a_trace_that_ends_at_the_door(memory: InMemorySpanExporter) -> None:
    with Inside(MemoryQueue()) as server, pytest.raises(InvalidRequest):
        ask(server.server.port, Request(b"no sound"))
    spans = trace_of(memory, "ProcessAudio")
    assert len({each.trace for each in spans}) == 1
    assert {each.name for each in spans if each.failed} >= {"request", "ProcessAudio", "accept"}
    assert not named(spans, "append")
    [why] = [each.status.description for each in memory.get_finished_spans() if each.name == "ProcessAudio"]
    assert "WAV, FLAC" in str(why)


def test_the_asyncio_client_sends_its_trace_along_as_well(memory: InMemorySpanExporter) -> None:
    import asyncio

    async def ask_so(port: int) -> int:
        async with AsyncEmoTalkClient(port=port) as client:
            return sum([len(chunk.frames) async for chunk in client.stream(Request(speech(1.0)))])

    with Inside(MemoryQueue(), ToneEngine()) as server:
        assert asyncio.run(ask_so(server.server.port)) == 30
        spans = trace_of(memory)
    assert len({each.trace for each in spans}) == 1
    assert {each.name for each in spans} == WHOLE | {"send", "commit"}


def test_a_job_that_was_submitted_shows_its_work_in_the_trace_of_the_submission(memory: InMemorySpanExporter) -> None:
    with Inside(MemoryQueue(), ToneEngine()) as server, EmoTalkClient(port=server.server.port) as client:
        job = client.submit(Request(speech(1.0)))
        assert sum(len(chunk.frames) for chunk in client.results(job.request_id)) == 30
        spans = trace_of(memory)
    [submit], [request], [attempt] = named(spans, "submit"), named(spans, "request"), named(spans, "attempt")
    assert attempt.trace == submit.trace != request.trace
    assert {each.name for each in spans if each.trace == submit.trace} >= WHOLE - {"request", "ProcessAudio"}
    assert {each.name for each in spans if each.trace == request.trace} == {"request", "StreamResults", "send"}


def test_a_stream_that_was_cut_is_resumed_in_the_same_trace(memory: InMemorySpanExporter) -> None:
    with Inside(MemoryQueue(), ToneEngine()) as server, EmoTalkClient(port=server.server.port) as client:
        cut_after_the_first_chunk(client)
        request = Request(speech(3.0), chunk_duration=1.0, chunk_overlap=0.0)
        assert sum(len(chunk.frames) for chunk in client.stream(request)) == 90
        spans = trace_of(memory)
    assert len({each.trace for each in spans}) == 1
    [first], [second] = named(spans, "ProcessAudio"), named(spans, "StreamResults")
    assert first.parent == second.parent == named(spans, "request")[0].own
    assert named(spans, "send")[-1].attributes["emotalk.final"] is True


def cut_after_the_first_chunk(client: EmoTalkClient) -> None:
    """The connection breaks once, as the client sees it."""
    stub = client._stub
    ask = stub.ProcessAudio

    class Broken(grpc.RpcError):
        def code(self) -> grpc.StatusCode:
            return grpc.StatusCode.UNAVAILABLE

        def details(self) -> str:
            return "cut"

        def trailing_metadata(self) -> tuple[()]:
            return ()

    class Cut:
        def __init__(self, *args: Any, **terms: Any) -> None:
            self.call = ask(*args, **terms)
            self.initial_metadata, self.cancel = self.call.initial_metadata, self.call.cancel

        def __iter__(self) -> Iterator[Any]:
            yield next(self.call)
            raise Broken

    stub.ProcessAudio = Cut


def test_a_span_of_the_caller_is_the_parent_and_is_current_between_two_chunks(memory: InMemorySpanExporter) -> None:
    from opentelemetry import trace

    with (
        Inside(MemoryQueue(), ToneEngine()) as server,
        EmoTalkClient(port=server.server.port) as client,
        trace.get_tracer("app").start_as_current_span("scene") as scene,
    ):
        for _ in client.stream(Request(speech(3.0), chunk_duration=1.0, chunk_overlap=0.0)):
            assert trace.get_current_span() is scene
    spans = trace_of(memory)
    [root] = [each for each in spans if not each.parent]
    assert root.name == "scene"
    assert len({each.trace for each in spans}) == 1


@pytest.fixture(params=["sqlite", pytest.param("kafka", marks=pytest.mark.kafka)])
def address(request: pytest.FixtureRequest) -> str:
    return "sqlite" if request.param == "sqlite" else f"kafka://{request.getfixturevalue('kafka_broker').bootstrap}"


def test_after_a_kill_the_second_attempt_stands_in_the_same_trace(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, memory: InMemorySpanExporter
) -> None:
    with collector() as (heard, endpoint), ThreadPoolExecutor(1) as pool:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)
        monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "20")
        flags = ("--port", "0", "--engine", "tone", "--queue", address, "--tracing", "otlp")
        with outside(tmp_path, "serve", *flags) as server:
            answer = pool.submit(ask, server.port, Request(speech(1200.0), request_id=uuid.uuid4().hex))
            eventually(lambda: heard.named("claim"))
            os.kill(server.worker_pid, signal.SIGKILL)
            assert answer.result(60) == 36_000
            eventually(lambda: heard.named("commit"))
            assert server.end() == 0
    [root] = named(caught(memory), "request")
    assert {each.trace for each in heard.spans} == {root.trace}
    assert heard.services == {"emotalk-server", "emotalk-worker"}
    assert [each.attributes["emotalk.attempt"] for each in heard.named("claim")] == [1, 2]
    [second] = heard.named("attempt")  # the first never ended: its process was killed in it
    [append] = heard.named("append")
    assert second.attributes["emotalk.attempt"] == 2
    assert second.parent == append.own
    assert heard.named("claim")[0].parent != second.own
    assert heard.named("send")[-1].attributes["emotalk.final"] is True


def test_live_sound_shows_on_the_server_s_page_and_in_its_traces_with_the_process_that_animates_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page, *_ = free_ports(1)
    with collector() as (heard, endpoint):
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)
        monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "20")
        flags = ("--port", "0", "--engine", "tone", "--queue", "sqlite", "--no-worker", "--tracing", "otlp")
        with outside(tmp_path, "serve", *flags, "--metrics-port", str(page)) as server:
            with EmoTalkClient(port=server.port) as client:
                sound = speech(2.0)[44:]
                assert sum(len(chunk.frames) for chunk in client.live(Live(16_000), [sound])) == 60
            shown = read(page)
            assert shown["emotalk_live_audio_seconds_total", "live"] == 2.0
            assert shown["emotalk_open_live_streams", "server"] == 0
            assert shown["process_resident_memory_bytes", "live"] > 0
            assert server.end() == 0
    [call], [converse] = heard.named("StreamAudio"), heard.named("converse")
    assert (converse.trace, converse.parent) == (call.trace, call.own)
    assert heard.services == {"emotalk-server", "emotalk-live"}


def test_a_collector_that_is_away_costs_no_answer_and_holds_nobody_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nobody, *_ = free_ports(1)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{nobody}")
    flags = ("--port", "0", "--engine", "tone", "--queue", "sqlite", "--tracing", "otlp", "--log-format", "json")
    with outside(tmp_path, "serve", *flags) as server:
        port = int(server.says(r'"serving", "address": "\S+:(\d+)"'))
        assert ask(port, Request(speech(3.0))) == 90
        assert server.end() == 0
    assert all(line.startswith("{") for line in server.log), server.log


def test_a_trace_of_an_http_caller_goes_on_through_the_window_to_the_worker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page, *_ = free_ports(1)
    trace_id = "5" * 32
    with collector() as (heard, endpoint):
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)
        monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "20")
        seen = ("--tracing", "otlp", "--metrics-port", str(page))
        flags = ("--port", "0", "--web-port", "0", "--engine", "tone", "--queue", "sqlite", *seen)
        with outside(tmp_path, "serve", *flags, EMOTALK_WEB="yes") as server:
            url = server.says(r"window open url=(\S+)")
            brought = {"traceparent": f"00-{trace_id}-{'7' * 16}-01"}
            answer = httpx.post(f"{url}v1/animations", content=speech(1.0), headers=brought, timeout=60.0)
            assert answer.status_code == 200
            shown = read(page)
            assert shown["emotalk_http_requests_total", "web"] == 1
            assert shown["process_resident_memory_bytes", "web"] > 0
            eventually(lambda: heard.named("commit"))
            assert server.end() == 0
    assert heard.services == {"emotalk-web", "emotalk-server", "emotalk-worker"}
    assert {each.trace for each in heard.spans} == {trace_id}
    by_id = {each.own: each for each in heard.spans}
    line = [heard.named("request")[0]]
    while line[-1].parent in by_id:
        line.append(by_id[line[-1].parent])
    assert (line[-1].name, line[-1].parent) == ("POST /v1/animations", "7" * 16)
