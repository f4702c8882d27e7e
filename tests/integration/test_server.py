"""The server over real gRPC: accepting, answering, refusing, and ending in order."""

import gc
import threading
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast
from urllib.parse import unquote

import grpc
import numpy as np
import pytest
from google.rpc import error_details_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from grpc_status import rpc_status

from emotalk.audio import encode_flac
from emotalk.chunking import Chunking
from emotalk.client import EmoTalkClient, Request
from emotalk.engines.tone import ToneEngine
from emotalk.errors import ConfigurationError, EngineError, QueueFull, QueueUnavailable
from emotalk.face import Style
from emotalk.jobs import Failure, Part
from emotalk.jobs.codec import encode_part
from emotalk.jobs.intake import Order
from emotalk.pipeline import Pipeline
from emotalk.queues.base import Claim, Consumer, Producer, Receipt, Record
from emotalk.queues.memory import MemoryQueue
from emotalk.queues.memory.producer import MemoryProducer
from emotalk.server import run as server_run
from emotalk.server.health import _find_problem
from emotalk.wire import emotalk_pb2
from tests.integration.served import PATIENCE, Inside, eventually, frames_of, speech
from tests.unit.stage import Scripted, cut_into_parts, numbered, tones

ANSWER = emotalk_pb2.HealthCheckResponse
SERVING, NOT_SERVING, UNKNOWN = ANSWER.SERVING, ANSWER.NOT_SERVING, ANSWER.UNKNOWN


@pytest.fixture(autouse=True)
def _quick_to_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("emotalk.server.answers.switchboard.POLL_SECONDS", 0.02)
    monkeypatch.setattr("emotalk.worker.loop.CLAIM_WAIT", 0.02)
    monkeypatch.setattr(server_run, "GOODBYE_SECONDS", 0.05)


@pytest.fixture(scope="module")
def tone() -> Any:
    """A server with a worker on the tone engine."""
    with Inside(engine=ToneEngine()) as server:
        yield server


def details(error: grpc.RpcError, kind: Any) -> Any:
    """The detail of this kind in a rich status."""
    status = rpc_status.from_call(error)
    assert status is not None
    assert status.code == error.code().value[0]
    for packed in status.details:
        message = kind()
        if packed.Unpack(message):
            return message
    return None


def failure_of(call: Any) -> tuple[list[Any], grpc.RpcError]:
    """What came before the failure, and the failure."""
    responses = []
    try:
        for response in call:
            responses.append(response)
    except grpc.RpcError as error:
        return responses, error
    raise AssertionError(f"no failure after {len(responses)} responses")


def taken_by_hand(server: Inside, request_id: str, **fields: Any) -> tuple[Any, Consumer, Claim]:
    """The call of an accepted request, a consumer that is the test itself, and its claim to that request."""
    call = server.ask(request_id=request_id, **fields)
    call.initial_metadata()
    consumer = server.queue.consumer("by hand")
    claim = consumer.claim(PATIENCE)
    assert claim is not None
    return call, consumer, claim


# --- accepting


def test_accepted_is_said_before_anything_is_worked_on() -> None:
    with Inside() as server:
        first, second = server.ask(request_id="one"), None
        metadata = dict(first.initial_metadata())
        second = server.ask(request_id="two")
        assert (metadata["request-id"], metadata["queue-position"]) == ("one", "0")
        assert dict(second.initial_metadata())["queue-position"] == "1"
        assert [row.state for row in server.queue.jobs()] == ["queued", "queued"]
        server.work()
        assert len(frames_of(list(first))) == len(frames_of(list(second))) == 90


def test_only_an_id_that_the_server_made_counts_as_new(monkeypatch: pytest.MonkeyPatch) -> None:
    append, fresh = MemoryProducer.append, list[bool]()

    def noted(producer: MemoryProducer, record: Record, **how: bool) -> Receipt:
        fresh.append(how["fresh"])
        return append(producer, record, **how)

    monkeypatch.setattr(MemoryProducer, "append", noted)
    with Inside() as server:
        for request_id in ("one", ""):
            server.ask(request_id=request_id).initial_metadata()
            request = emotalk_pb2.AudioRequest(request_id=request_id and "two", audio_data=speech(1.0))
            server.stub.SubmitAudio(request, timeout=PATIENCE)
    assert fresh == [False, False, True, True]


def test_who_waits_for_an_answer_does_not_hold_the_order_in_memory() -> None:
    with Inside() as server:
        call = server.ask(request_id="one")
        call.initial_metadata()
        eventually(lambda: not [each for each in gc.get_objects() if isinstance(each, Order)])
        server.work()
        assert len(frames_of(list(call))) == 90


def test_a_refused_request_leaves_nothing_of_its_sound_to_the_collector() -> None:
    gc.collect()
    gc.disable()
    try:
        with Inside() as server:
            failure_of(server.ask(b"RIFF and no more"))
            failure_of(server.ask(chunk_duration=-1.0))
            eventually(lambda: not [each for each in gc.get_objects() if isinstance(each, Order)])
    finally:
        gc.enable()


def test_each_chunk_is_streamed_as_soon_as_it_is_whole() -> None:
    with Inside() as server:
        call, consumer, claim = taken_by_hand(server, "one")
        for start, part in enumerate(parts := cut_into_parts(numbered(90), [20, 20, 20, 30])):
            consumer.publish(claim, [encode_part(part)])
            if part.ends_chunk:
                response = next(call)
                assert response.is_final is (start == len(parts) - 1)
                assert response.frames[-1].frame_number == part.first_frame + len(part.frames) - 1
        assert list(call) == []


def test_many_clients_at_once_each_get_their_own_frames_and_only_those(tone: Inside) -> None:
    def ask(number: int) -> bool:
        samples = 16_000 + 7_001 * number
        call = tone.ask(speech(samples / 16_000, seed=number), person_id=number % 24, post_processing=False)
        frames = frames_of(list(call))
        expected = ToneEngine().animate(tones(samples, seed=number), Style(0, number % 24))
        return frames.tobytes() == expected.tobytes()

    with ThreadPoolExecutor(25) as pool:
        assert all(pool.map(ask, range(25)))


def test_jobs_of_one_connection_are_done_in_the_order_they_came(tone: Inside) -> None:
    # Small messages, so that all arrive as they were sent; the long one takes longest to decode.
    long, short = encode_flac(np.zeros(16_000 * 600, np.float32)), speech(0.1)
    # What is begun before there is a connection leaves in any order.
    grpc.channel_ready_future(tone.channel).result(60)
    calls = [tone.ask(audio, request_id=f"order {n}") for n, audio in enumerate([long, short, long, short])]
    for call in calls:
        frames_of(list(call))
    places = {row.request_id: row.offset for row in tone.queue.jobs()}
    offsets = [places[f"order {n}"] for n in range(4)]
    assert offsets == sorted(offsets)


def test_the_same_id_and_content_joins_what_is_running() -> None:
    with Inside() as server:
        calls = [server.ask(request_id="one") for _ in range(3)]
        for call in calls:
            assert dict(call.initial_metadata())["request-id"] == "one"
        assert len(server.queue.jobs()) == 1
        server.work()
        first, *others = [frames_of(list(call)).tobytes() for call in calls]
        assert others == [first, first]
        late = server.ask(request_id="one")
        assert frames_of(list(late)).tobytes() == first
        assert len(server.queue.jobs()) == 1


def test_the_same_id_after_a_restart_of_the_server_is_answered_from_the_log() -> None:
    queue = MemoryQueue()
    with Inside(queue) as server:
        call = server.ask(request_id="one")
        call.initial_metadata()
        server.work()
        expected = frames_of(list(call)).tobytes()
        queue.close = lambda: None  # type: ignore[method-assign]
    with Inside(queue) as server:
        assert frames_of(list(server.ask(request_id="one"))).tobytes() == expected
        assert len(queue.jobs()) == 1


@pytest.mark.parametrize("change", [{"person_id": 3}, {"chunk_overlap": 0.0}, {"audio_data": speech(2.0)}])
def test_the_same_id_with_other_content_is_refused(tone: Inside, change: dict[str, Any]) -> None:
    request_id = f"taken {list(change)}"
    list(tone.ask(request_id=request_id))
    responses, error = failure_of(tone.ask(request_id=request_id, **change))
    assert error.code() is grpc.StatusCode.ALREADY_EXISTS
    assert [bool(r.error_message) for r in responses] == [True]


def test_an_empty_id_gets_one_in_metadata_and_responses(tone: Inside) -> None:
    one, other = tone.ask(), tone.ask()
    ids = [dict(call.initial_metadata())["request-id"] for call in (one, other)]
    assert ids[0] != ids[1]
    assert {response.request_id for response in one} == {ids[0]}


@pytest.mark.parametrize("request_id", ["giọng nói", "Ελένη", " a b ", "50%", "a/b?c=d&e", "😀"])
def test_an_id_may_be_in_any_script(tone: Inside, request_id: str) -> None:
    call = tone.ask(request_id=request_id)
    assert unquote(dict(call.initial_metadata())["request-id"]) == request_id
    assert {response.request_id for response in call} == {request_id}


def test_a_client_that_hangs_up_does_not_cancel_its_job() -> None:
    with Inside() as server:
        call = server.ask(request_id="one")
        call.initial_metadata()
        call.cancel()
        server.work()
        assert [row.state for row in server.queue.jobs()] == ["done"]
        assert len(frames_of(list(server.ask(request_id="one")))) == 90


# --- durations


def test_missing_durations_mean_the_defaults_and_frames_0_to_734_come_first(tone: Inside) -> None:
    responses = list(tone.ask(speech(60.0)))
    assert [len(r.frames) for r in responses] == [735, 735, 330]
    assert [r.chunk_index for r in responses] == [0, 1, 2]
    shaped = next(tone.ask(speech(60.0), post_processing=True))
    assert len(shaped.frames) == 733


def test_an_explicit_overlap_of_zero_means_none(tone: Inside) -> None:
    responses = list(tone.ask(speech(5.0), chunk_duration=2.0, chunk_overlap=0.0))
    assert [len(r.frames) for r in responses] == [60, 60, 30]


@pytest.mark.parametrize("seconds", [0.00005, 0.1, 1.0, 24.99, 25.0, 25.00005, 61.7])
@pytest.mark.parametrize("shaped", [False, True])
def test_the_number_of_responses_and_frames_is_exact(tone: Inside, seconds: float, shaped: bool) -> None:
    samples = max(1, round(seconds * 16_000))
    responses = list(tone.ask(speech(samples / 16_000), post_processing=shaped))
    assert len(responses) == Chunking().chunks(samples)
    assert len(frames_of(responses)) == -(-3 * samples // 1600)
    assert all(len(r.frames) for r in responses)
    assert [r.is_final for r in responses] == [False] * (len(responses) - 1) + [True]
    assert not any(r.error_message for r in responses)


# --- refusing


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("emotion_level", 2),
        ("emotion_level", -1),
        ("person_id", 24),
        ("chunk_duration", 0.0),
        ("chunk_duration", float("nan")),
        ("chunk_duration", 121.0),
        ("chunk_overlap", -1.0),
        ("chunk_overlap", 12.5),
        ("audio_data", b"not a sound"),
        ("audio_data", speech(2.0)[:-100]),
        ("request_id", "x" * 201),
        ("session_id", "a\nb"),
    ],
)
def test_a_bad_parameter_is_named_with_what_to_do(tone: Inside, field: str, value: Any) -> None:
    responses, error = failure_of(tone.ask(**{field: value}))
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    (violation,) = details(error, error_details_pb2.BadRequest).field_violations
    assert violation.field == field
    assert len(violation.description) > 20
    (response,) = responses
    assert response.error_message == error.details()
    assert not response.is_final
    assert not response.frames


def test_an_empty_message_is_refused_for_its_sound(tone: Inside) -> None:
    _, error = failure_of(tone.stub.ProcessAudio(emotalk_pb2.AudioRequest()))
    assert details(error, error_details_pb2.BadRequest).field_violations[0].field == "audio_data"


def test_sound_beyond_the_limit_is_refused_with_the_limit() -> None:
    with Inside(max_seconds=2.0) as server:
        _, error = failure_of(server.ask(speech(2.1)))
        assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
        assert "2 s" in error.details()
        assert server.queue.jobs() == []


def test_a_message_that_is_too_large_is_refused_before_it_is_read(tone: Inside) -> None:
    _, error = failure_of(tone.ask(bytes(66 * 2**20)))
    assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


class Troubled(MemoryQueue):
    """A queue whose producer fails on cue."""

    def __init__(self) -> None:
        super().__init__()
        self.troubles: deque[Exception] = deque()
        self.position: Exception | None = None

    def producer(self) -> Any:
        real = super().producer()
        append, ahead = real.append, real.ahead

        def trouble(request: Any, **how: bool) -> Any:
            if self.troubles:
                raise self.troubles.popleft()
            return append(request, **how)

        def where(receipt: Any) -> int:
            if self.position:
                raise self.position
            return ahead(receipt)

        real.append, real.ahead = trouble, where  # type: ignore[method-assign]
        return real


@pytest.mark.parametrize(
    ("trouble", "code"),
    [(QueueUnavailable("no broker"), "UNAVAILABLE"), (QueueFull("disk full"), "RESOURCE_EXHAUSTED")],
)
def test_a_log_that_cannot_take_it_says_when_to_come_back_and_then_takes_it(trouble: Exception, code: str) -> None:
    queue = Troubled()
    with Inside(queue) as server:
        queue.troubles.append(trouble)
        (response,), error = failure_of(server.ask(request_id="one"))
        assert error.code() is grpc.StatusCode[code]
        assert details(error, error_details_pb2.RetryInfo).retry_delay.seconds > 0
        assert not response.is_final
        again = server.ask(request_id="one")
        again.initial_metadata()
        server.work()
        assert len(frames_of(list(again))) == 90


def test_a_client_rides_out_an_outage_of_the_log() -> None:
    queue = Troubled()
    queue.troubles.extend([QueueUnavailable("no broker")] * 3)
    with Inside(queue, ToneEngine()) as server, EmoTalkClient(port=server.server.port, sleep=lambda _: None) as client:
        assert sum(len(chunk.frames) for chunk in client.stream(Request(speech(3.0)))) == 90


def test_who_is_accepted_is_accepted_even_if_nobody_knows_the_position() -> None:
    queue = Troubled()
    queue.position = QueueUnavailable("no answer")
    with Inside(queue, ToneEngine()) as server:
        call = server.ask(request_id="one")
        assert "queue-position" not in dict(call.initial_metadata())
        assert len(frames_of(list(call))) == 90


# --- failing


def test_a_job_that_is_given_up_ends_with_its_reason_and_never_as_final() -> None:
    with Inside() as server:
        call, consumer, claim = taken_by_hand(server, "one")
        consumer.publish(claim, [encode_part(p) for p in cut_into_parts(numbered(90), [20, 20, 50])[:2]])
        failure = Part("one", "a", failure=Failure("EngineError", "the network is on fire"))
        consumer.bury(claim, b"letter", "EngineError", [encode_part(failure)])
        (chunk, last), error = failure_of(call)
        assert error.code() is grpc.StatusCode.INTERNAL
        assert len(chunk.frames) == 40
        assert "the network is on fire" in last.error_message
        assert (chunk.is_final, last.is_final, len(last.frames)) == (False, False, 0)
        *_, repeated = failure_of(server.ask(request_id="one"))
        assert repeated.code() is grpc.StatusCode.INTERNAL, "a repetition hears the failure and begins nothing"


def test_the_log_names_the_request_of_every_refusal(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "emotalk")
    with Inside() as server:
        call, consumer, claim = taken_by_hand(server, "given up")
        failure = Part("given up", "a", failure=Failure("EngineError", "the network is on fire"))
        consumer.bury(claim, b"letter", "EngineError", [encode_part(failure)])
        failure_of(call)
        for refused in (
            lambda: server.stub.SubmitAudio(emotalk_pb2.AudioRequest(request_id="bent", person_id=99)),
            lambda: server.stub.GetJob(emotalk_pb2.GetJobRequest(request_id="unknown")),
            lambda: server.stub.CancelJob(emotalk_pb2.CancelJobRequest(request_id="unheard")),
        ):
            with pytest.raises(grpc.RpcError):
                refused()
    named = [(vars(each)["request_id"], vars(each)["kind"]) for each in caplog.records if each.msg == "refused"]
    kinds = ("JobFailed", "InvalidRequest", "UnknownJob", "UnknownJob")
    assert named == list(zip(("given up", "bent", "unknown", "unheard"), kinds, strict=True))


def test_frames_of_two_engines_are_never_spliced() -> None:
    with Inside() as server:
        call, consumer, claim = taken_by_hand(server, "one")
        consumer.publish(claim, [encode_part(p) for p in cut_into_parts(numbered(90), [20, 20, 50])[:2]])
        consumer.close()
        server.work(Scripted(fingerprint="another"))
        responses, error = failure_of(call)
        assert error.code() is grpc.StatusCode.ABORTED
        assert [len(r.frames) for r in responses] == [40, 0]


def test_a_job_that_another_engine_does_again_is_answered_anew_to_who_bears_it() -> None:
    with Inside() as server:
        call, consumer, claim = taken_by_hand(server, "one", may_restart=True)
        consumer.publish(claim, [encode_part(p) for p in cut_into_parts(numbered(90), [20, 20, 50])[:2]])
        consumer.close()
        server.work(Scripted(fingerprint="another"))
        first, *anew = call
        assert [f.frame_number for f in first.frames] == list(range(40))
        assert [response.restarted for response in anew] == [True] + [False] * (len(anew) - 1)
        other = server.ask(request_id="two")
        other.initial_metadata()
        server.work(Scripted())
        assert frames_of(anew).tobytes() == frames_of(list(other)).tobytes()


def test_an_engine_that_fails_for_a_while_costs_the_client_time_and_nothing_else(monkeypatch: Any) -> None:
    monkeypatch.setattr("emotalk.jobs.retry.FIRST_DELAY", 0.001)
    with Inside(engine=Scripted(EngineError("NaN"), EngineError("NaN"), MemoryError())) as server:
        assert len(frames_of(list(server.ask()))) == 90


# --- health


def test_health_answers_for_our_names_and_unknown_for_others(tone: Inside) -> None:
    def ours(name: str) -> int:
        return int(tone.stub.HealthCheck(emotalk_pb2.HealthCheckRequest(service=name)).status)

    standard = health_pb2_grpc.HealthStub(tone.channel)
    for name in ("", "emotalk", "emotalk.EmoTalkService"):
        assert ours(name) == SERVING
        assert standard.Check(health_pb2.HealthCheckRequest(service=name)).status == SERVING
    assert ours("somebody.else") == UNKNOWN
    with pytest.raises(grpc.RpcError) as caught:
        standard.Check(health_pb2.HealthCheckRequest(service="somebody.else"))
    assert caught.value.code() is grpc.StatusCode.NOT_FOUND


def test_reflection_lists_our_service(tone: Inside) -> None:
    stub = reflection_pb2_grpc.ServerReflectionStub(tone.channel)
    request = reflection_pb2.ServerReflectionRequest(list_services="")
    (answer,) = stub.ServerReflectionInfo(iter([request]))
    names = {service.name for service in answer.list_services_response.service}
    assert {"emotalk.EmoTalkService", "grpc.health.v1.Health"} <= names


class Loading:
    """A worker that takes its time to get warm, or for ever."""

    def __init__(self) -> None:
        self.go, self.asked, self.stopped = threading.Event(), threading.Event(), False

    def warm(self) -> bool:
        return self.go.is_set()

    async def start(self) -> None:
        import asyncio

        self.asked.set()
        while not self.go.is_set():
            await asyncio.sleep(0.01)

    async def stop(self, seconds: float) -> None:
        self.stopped = True


def test_the_port_opens_only_when_the_worker_is_warm() -> None:
    loading = Loading()
    server = Inside(workforce=loading)
    server.thread.start()
    assert loading.asked.wait(PATIENCE)
    assert server.server.port == 0
    loading.go.set()
    eventually(lambda: server.server.port)
    server.stop()
    server.thread.join(PATIENCE)
    assert loading.stopped


def test_a_server_that_is_told_to_stop_while_its_worker_loads_does_not_wait_for_it() -> None:
    loading = Loading()
    server = Inside(workforce=loading)
    server.thread.start()
    assert loading.asked.wait(PATIENCE)
    server.stop()
    server.thread.join(PATIENCE)
    assert not server.thread.is_alive()
    assert loading.stopped
    assert server.failure is None


def test_one_failed_probe_does_not_flip_it_three_do_and_one_success_flips_it_back(monkeypatch: Any) -> None:
    import asyncio

    from emotalk.server.health import Readiness

    async def story() -> list[bool]:
        readiness, seen = Readiness(), []
        await readiness.set(True)
        for problem in ["x", "x", "", "x", "x", "x", "x", "", "x"]:
            await readiness.observe(problem)
            seen.append(readiness.ready)
        await readiness.drain()
        await readiness.observe("")
        return [*seen, readiness.ready]

    assert asyncio.run(story()) == [True, True, True, True, True, False, False, True, True, False]


def test_a_log_that_refuses_is_a_failed_probe_and_not_the_end_of_probing() -> None:
    class Refused:
        def ping(self) -> None:
            raise ConfigurationError("the broker's access rules have changed")

    assert (
        _find_problem(cast(Producer, Refused()), lambda: True, lambda: True) == "the broker's access rules have changed"
    )


# --- ending


def test_draining_says_not_serving_first_and_finishes_the_stream_in_hand() -> None:
    with Inside() as server:
        watch = health_pb2_grpc.HealthStub(server.channel).Watch(health_pb2.HealthCheckRequest(service="emotalk"))
        assert next(watch).status == SERVING
        call = server.ask(request_id="one")
        call.initial_metadata()
        server.stop()
        assert next(watch).status == NOT_SERVING
        # A call that comes while gRPC is closing is CANCELLED; from then on nobody is there.
        eventually(lambda: _refusal(server) is grpc.StatusCode.UNAVAILABLE)
        server.work()
        assert len(frames_of(list(call))) == 90
        server.thread.join(PATIENCE)
        assert not server.thread.is_alive()


def _refusal(server: Inside) -> grpc.StatusCode:
    with pytest.raises(grpc.RpcError) as refused:
        list(server.ask(request_id="late"))
    return refused.value.code()


def test_nobody_waits_for_a_balancer_that_only_watches(monkeypatch: Any) -> None:
    with Inside(drain_seconds=10 * PATIENCE) as server:
        watch = health_pb2_grpc.HealthStub(server.channel).Watch(health_pb2.HealthCheckRequest(service="emotalk"))
        next(watch)
        server.stop()
        server.thread.join(PATIENCE)
        assert not server.thread.is_alive()


def test_what_is_not_done_when_the_drain_is_over_can_be_taken_up_elsewhere() -> None:
    queue = MemoryQueue()
    queue.close = lambda: None  # type: ignore[method-assign]
    with Inside(queue, drain_seconds=0.1) as server:
        call = server.ask(request_id="one")
        call.initial_metadata()
        server.stop()
        _, error = failure_of(call)
        assert error.code() is grpc.StatusCode.UNAVAILABLE
    with Inside(queue, ToneEngine()) as server:
        assert len(frames_of(list(server.ask(request_id="one")))) == 90


def test_a_second_signal_ends_the_drain_but_its_echo_does_not() -> None:
    with Inside(drain_seconds=10 * PATIENCE) as server:
        call = server.ask(request_id="one")
        call.initial_metadata()
        server.loop.call_soon_threadsafe(server.server._handle_signal)
        server.loop.call_soon_threadsafe(server.server._handle_signal)
        eventually(lambda: server.server._stop.is_set())
        assert call.is_active()
        server.server._signalled_at -= 2 * server_run.ECHO_SECONDS
        server.loop.call_soon_threadsafe(server.server._handle_signal)
        server.thread.join(PATIENCE)
        assert not server.thread.is_alive()


def test_served_and_animated_agree_to_the_byte(tone: Inside) -> None:
    from emotalk.performance import Performance

    samples = 16_000 * 30 + 77
    performance = Performance(1, 5, True, chunk_duration=5.0, chunk_overlap=0.7)
    session = Pipeline(ToneEngine()).open(performance, seed="same seed")
    chunks = session.push(tones(samples)) + session.finish()
    call = tone.ask(
        speech(samples / 16_000),
        request_id="same seed",
        emotion_level=1,
        person_id=5,
        post_processing=True,
        chunk_duration=5.0,
        chunk_overlap=0.7,
    )
    assert frames_of(list(call)).tobytes() == np.concatenate([c.frames for c in chunks]).tobytes()
