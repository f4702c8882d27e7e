"""Submit, ask, resume, cancel: over real gRPC, on every kind of queue, and after a restart of every process."""

import random
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event
from typing import Any

import grpc
import numpy as np
import pytest

from emotalk.engines.base import WindowEngine
from emotalk.engines.tone import ToneEngine
from emotalk.errors import EngineError
from emotalk.jobs import actions
from emotalk.jobs.codec import encode_part
from emotalk.pipeline import Pipeline
from emotalk.queues.base import Claim, Consumer, Queue
from emotalk.queues.memory import MemoryQueue
from emotalk.queues.sqlite import SqliteQueue
from emotalk.wire import emotalk_pb2
from emotalk.worker.loop import Worker
from tests.chaos.asked import draw_one
from tests.chaos.poisoned import POISONS
from tests.integration.served import PATIENCE, Inside, eventually, frames_of, speech
from tests.unit.stage import Scripted, again, cut_into_parts, numbered

JOB = emotalk_pb2.Job
KINDS = ["memory", "sqlite", pytest.param("kafka", marks=pytest.mark.kafka)]

Open = Callable[[], Queue]


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("emotalk.server.answers.switchboard.POLL_SECONDS", 0.02)
    monkeypatch.setattr("emotalk.server.run.GOODBYE_SECONDS", 0.05)


@pytest.fixture(params=KINDS)
def open_queue(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Open]:
    """Another process's view of one and the same queue, each time it is called."""
    if request.param == "memory":
        queue = MemoryQueue()
        queue.close = lambda: None  # type: ignore[method-assign]  # it is to outlive its server
        yield lambda: queue
    elif request.param == "sqlite":
        yield lambda: SqliteQueue(tmp_path / "queue.db")
    else:
        broker: Any = request.getfixturevalue("kafka_broker")
        from emotalk.queues.kafka import KafkaQueue

        prefix = f"jobs-{uuid.uuid4().hex[:12]}-"
        yield lambda: KafkaQueue(broker.bootstrap, prefix=prefix, settings={"session.timeout.ms": "6000"})


def work(server: Inside, engine: WindowEngine | None = None) -> None:
    """Until nothing waits and nothing runs; a group of Kafka's needs seconds to take a worker in."""
    stop, queue = Event(), server.queue
    consumer = queue.consumer("")
    claim = consumer.claim

    def claim_or_stop(_: float) -> Any:
        found = claim(0.1)
        if found is None and not [row for row in queue.jobs() if row.state in ("queued", "running")]:
            stop.set()
        return found

    consumer.claim = claim_or_stop  # type: ignore[assignment, method-assign]
    Worker(consumer, Pipeline(engine or ToneEngine()), stop).run()
    consumer.close()


def submit(server: Inside, request_id: str = "one", seconds: float = 3.0, **fields: Any) -> Any:
    audio = emotalk_pb2.AudioRequest(request_id=request_id, audio_data=speech(seconds), **fields)
    return server.stub.SubmitAudio(audio, timeout=PATIENCE)


def job(server: Inside, request_id: str = "one") -> Any:
    return server.stub.GetJob(emotalk_pb2.GetJobRequest(request_id=request_id), timeout=PATIENCE)


def cancel(server: Inside, request_id: str = "one") -> Any:
    return server.stub.CancelJob(emotalk_pb2.CancelJobRequest(request_id=request_id), timeout=PATIENCE)


def results(server: Inside, request_id: str = "one", from_frame: int = 0) -> Any:
    asked = emotalk_pb2.StreamResultsRequest(request_id=request_id, from_frame=from_frame)
    return server.stub.StreamResults(asked, timeout=PATIENCE)


def status_of(call: Callable[[], Any]) -> grpc.StatusCode:
    with pytest.raises(grpc.RpcError) as refused:
        call()
    return refused.value.code()


def numbers(responses: list[Any]) -> list[int]:
    return [frame.frame_number for response in responses for frame in response.frames]


def test_a_job_is_submitted_asked_for_done_and_fetched(open_queue: Open) -> None:
    with Inside(open_queue()) as server:
        first, second = submit(server), submit(server, "two")
        assert (first.state, first.queue_position, first.frames_total) == (JOB.QUEUED, 0, 90)
        assert (second.state, second.queue_position, second.audio_seconds) == (JOB.QUEUED, 1, 3.0)
        work(server)
        done = job(server)
        assert (done.state, done.frames_done, done.frames_total, done.attempts, done.epoch) == (JOB.DONE, 90, 90, 1, 1)
        assert 0 < done.submitted_at <= done.started_at <= done.finished_at
        assert not done.HasField("queue_position")
        answer = list(results(server))
        assert len(frames_of(answer)) == 90
        assert [each.is_final for each in answer] == [False] * (len(answer) - 1) + [True]


def test_an_answer_is_resumed_from_any_frame_after_a_restart_of_every_process(open_queue: Open) -> None:
    with Inside(open_queue()) as server:
        submit(server, seconds=7.0, chunk_duration=2.0, chunk_overlap=0.5)
        engine = Scripted()
        work(server, engine)
        whole = frames_of(list(results(server)))
    with Inside(open_queue()) as server:
        for start in (0, 1, 59, 60, 61, 150, 209):
            answer = list(results(server, from_frame=start))
            assert numbers(answer) == list(range(start, 210))
            rows = np.array([f.blendshapes for each in answer for f in each.frames], np.float32)
            assert rows.tobytes() == whole[start:].tobytes()
            assert [each.is_final for each in answer] == [False] * (len(answer) - 1) + [True]
        [last] = list(results(server, from_frame=210))
        assert (last.is_final, len(last.frames)) == (True, 0)
        assert status_of(lambda: list(results(server, from_frame=211))) is grpc.StatusCode.INVALID_ARGUMENT
        assert status_of(lambda: list(results(server, from_frame=-1))) is grpc.StatusCode.INVALID_ARGUMENT
        windows = engine.windows
        assert len(frames_of(list(server.ask(speech(7.0), request_id="one", chunk_duration=2.0, chunk_overlap=0.5))))
        work(server, engine)
        assert engine.windows == windows, "a second pass through the model"


def test_who_asks_before_there_is_an_answer_gets_it_as_it_comes(open_queue: Open) -> None:
    with Inside(open_queue()) as server:
        submit(server)
        waiting = results(server, from_frame=15)
        assert dict(waiting.initial_metadata())["queue-position"] == "0"
        consumer = server.queue.consumer("by hand")
        claim = eventually(lambda: consumer.claim(PATIENCE))
        consumer.begin(claim, 1)
        early, late = cut_into_parts(numbered(90), [30, 60], ends=1)
        consumer.publish(claim, [encode_part(early)])
        assert numbers([next(waiting)]) == list(range(15, 30))
        running = eventually(lambda: shown_at(30, consumer, claim, server))
        assert (running.state, running.frames_total, running.attempts) == (JOB.RUNNING, 90, 1)
        joined = results(server)
        assert numbers([next(joined)]) == list(range(30))
        consumer.publish(claim, [encode_part(late)])
        consumer.complete(claim)
        assert numbers(list(waiting)) == numbers(list(joined)) == list(range(30, 90))


def shown_at(frames: int, consumer: Consumer, claim: Claim, server: Inside) -> Any:
    """The job, once it shows so many frames; its worker stays the owner, as each does every second."""
    consumer.keep(claim)
    found = job(server)
    return found if found.frames_done == frames else None


def test_two_servers_know_of_each_others_jobs(open_queue: Open) -> None:
    with Inside(open_queue()) as here, Inside(open_queue()) as there:
        submit(here)
        assert job(there).state == JOB.QUEUED
        waiting = results(there)
        waiting.initial_metadata()
        assert submit(there).queue_position == 0
        assert len(here.queue.jobs()) == 1
        taken = emotalk_pb2.AudioRequest(request_id="one", audio_data=speech(1.0))
        assert status_of(lambda: there.stub.SubmitAudio(taken, timeout=PATIENCE)) is grpc.StatusCode.ALREADY_EXISTS
        work(here)
        assert len(frames_of(list(waiting))) == 90
        assert job(there).state == JOB.DONE
        engine = Scripted()
        assert len(frames_of(list(there.ask(request_id="one")))) == 90
        work(there, engine)
        assert engine.windows == 0


def test_an_unknown_job_is_not_found(open_queue: Open) -> None:
    with Inside(open_queue()) as server:
        for call in (lambda: job(server), lambda: cancel(server), lambda: list(results(server))):
            assert status_of(call) is grpc.StatusCode.NOT_FOUND


def test_a_cancelled_job_never_runs_and_its_streams_end(open_queue: Open) -> None:
    with Inside(open_queue()) as server:
        streams = [server.ask(request_id="one"), results(server, "one")] if submit(server) else []
        for stream in streams:
            stream.initial_metadata()
        submit(server, "two")
        assert cancel(server).state == JOB.CANCELLED
        assert cancel(server).state == JOB.CANCELLED
        for stream in streams:
            assert status_of(lambda stream=stream: list(stream)) is grpc.StatusCode.CANCELLED
        assert job(server, "two").queue_position == 0
        engine = Scripted()
        work(server, engine)
        assert (job(server).state, job(server, "two").state) == (JOB.CANCELLED, JOB.DONE)
        assert status_of(lambda: list(results(server))) is grpc.StatusCode.CANCELLED
        assert cancel(server, "two").state == JOB.DONE
        assert len(frames_of(list(results(server, "two")))) == 90


def test_a_cancelled_id_may_be_sent_again_and_has_a_new_answer(open_queue: Open) -> None:
    with Inside(open_queue()) as server:
        submit(server)
        cancel(server)
        fresh = server.ask(speech(2.0), request_id="one")
        fresh.initial_metadata()
        assert (job(server).epoch, job(server).state) == (2, JOB.QUEUED)
        work(server)
        assert len(frames_of(list(fresh))) == len(frames_of(list(results(server)))) == 60
    with Inside(open_queue()) as server:
        assert (job(server).epoch, job(server).state) == (2, JOB.DONE)
        assert len(frames_of(list(results(server)))) == 60


def test_a_running_job_stops_at_its_next_window_when_it_is_cancelled(open_queue: Open) -> None:
    with Inside(open_queue()) as server:
        submit(server, seconds=60.0, chunk_duration=1.0, chunk_overlap=0.0)
        stream = results(server)

        def cancel_and_be_heard() -> None:
            assert cancel(server).state == JOB.CANCELLED

        engine = Scripted(None, None, cancel_and_be_heard)
        work(server, engine)
        assert engine.windows < 50
        responses: list[Any] = []
        with pytest.raises(grpc.RpcError) as ended:
            responses.extend(iter(stream.next, None))
        assert ended.value.code() is grpc.StatusCode.CANCELLED
        assert job(server).state == JOB.CANCELLED
        submit(server, "two")
        work(server)
        assert job(server, "two").state == JOB.DONE


def test_a_job_that_was_given_up_says_why_and_only_a_retry_or_a_new_id_tries_it_again(open_queue: Open) -> None:
    with Inside(open_queue()) as server:
        submit(server)
        work(server, Scripted(*[broken()] * 5))
        buried = job(server)
        assert (buried.state, buried.attempts, buried.epoch) == (JOB.BURIED, 1, 1)
        assert "no such device" in buried.error_message
        assert status_of(lambda: list(results(server))) is grpc.StatusCode.INTERNAL
        assert (submit(server).state, submit(server).epoch) == (JOB.BURIED, 1)
        submit(server, "another id")
        submit(server, seconds=2.0)
        work(server)
        assert (job(server, "another id").state, job(server).state, job(server).epoch) == (JOB.DONE, JOB.DONE, 2)
        assert len(frames_of(list(results(server)))) == 60


SEED = 293592
"""`bench/soak.py --seed 293592 --minutes 3`: a poisoned job was buried while its client was cut off. The client sent it
again 0.3 s later, as every client does that has not heard an answer, and the job took five more workers.
"""


def test_poison_that_was_buried_while_its_client_was_cut_off_takes_no_worker_more(open_queue: Open) -> None:
    asked = draw_one(random.Random(f"{SEED}-4"), "4-5", "", person_of_poison := min(POISONS))
    assert asked.person_id == person_of_poison
    engine = Scripted()

    def ask(server: Inside, stub: Any) -> Any:
        request = {"audio_data": asked.request.audio, "chunk_duration": asked.chunk_duration, "person_id": 0}
        return stub(emotalk_pb2.AudioRequest(request_id=asked.request_id, **request), timeout=PATIENCE)

    def hears_the_failure(server: Inside) -> None:
        with pytest.raises(grpc.RpcError) as failed:
            list(ask(server, server.stub.ProcessAudio))
        assert failed.value.code() is grpc.StatusCode.INTERNAL
        assert "the worker died or hung in each of 5 attempts" in failed.value.details()
        assert ask(server, server.stub.SubmitAudio).state == JOB.BURIED

    with Inside(open_queue()) as server:
        cut_off = ask(server, server.stub.ProcessAudio)
        cut_off.initial_metadata()
        for death in range(5):
            doomed = server.queue.consumer("")
            claim = eventually(lambda consumer=doomed: consumer.claim(PATIENCE))
            doomed.begin(claim, death + 1)
            doomed.close()
        work(server, engine)
        hears_the_failure(server)
        assert status_of(lambda: list(cut_off)) is grpc.StatusCode.INTERNAL
    with Inside(open_queue()) as server:  # another server, which has never heard of it
        hears_the_failure(server)
        hears_the_failure(server)
        work(server, engine)
        found = job(server, asked.request_id)
        assert (found.state, found.attempts, found.epoch) == (JOB.BURIED, 5, 1)
    assert engine.windows == 0, "a worker began it anew"


def broken() -> EngineError:
    error = EngineError("no such device")
    error.retriable = False
    return error


def test_a_buried_job_is_retried_by_hand_under_its_id(open_queue: Open) -> None:
    with Inside(open_queue()) as server:
        submit(server)
        waiting = results(server)
        waiting.initial_metadata()
        work(server, Scripted(broken()))
        assert status_of(lambda: list(waiting)) is grpc.StatusCode.INTERNAL
        queue = open_queue()
        queue.prepare(create=False)
        ledger, producer = queue.ledger(), queue.producer()
        assert actions.retry(ledger, producer, actions.get_row(ledger, "one"), lambda: 1.8e9).epoch == 2
        assert [row.state for row in ledger.rows() if row.epoch == 2] == ["queued"]
        assert [row for row in ledger.rows() if row.state == "dead"] == []
        fresh = results(server)
        fresh.initial_metadata()
        work(server)
        assert len(frames_of(list(fresh))) == 90
        assert job(server).epoch == 2
        queue.close()


def test_a_job_is_put_aside_by_hand_while_it_waits_or_runs_and_the_next_one_is_done(open_queue: Open) -> None:
    with Inside(open_queue()) as server:
        queue = open_queue()
        queue.prepare()
        ledger = queue.ledger()
        for request_id in ("stuck", "waits", "next"):
            submit(server, request_id, seconds=20.0, chunk_duration=1.0, chunk_overlap=0.0)

        def bury() -> None:
            for request_id in ("stuck", "waits"):
                row = actions.bury(ledger, actions.get_row(ledger, request_id), "in the way", lambda: 1.8e9)
                assert row.state == "dead"

        engine = Scripted(None, bury)
        work(server, engine)
        assert engine.windows < 20 + 15
        assert [job(server, each).state for each in ("stuck", "waits", "next")] == [JOB.BURIED, JOB.BURIED, JOB.DONE]
        assert "in the way" in job(server, "waits").error_message
        producer = queue.producer()
        for request_id in ("stuck", "waits"):
            actions.retry(ledger, producer, actions.get_row(ledger, request_id), lambda: 1.8e9)
        work(server)
        assert [job(server, each).state for each in ("stuck", "waits")] == [JOB.DONE, JOB.DONE]
        queue.close()


def test_a_dead_letter_is_deleted_with_its_voice(open_queue: Open) -> None:
    with Inside(open_queue()) as server:
        submit(server)
        work(server, Scripted(broken()))
        queue = open_queue()
        queue.prepare()
        ledger = queue.ledger()
        (dead,) = ledger.rows()
        assert ledger.payload(dead)
        assert ledger.delete("one") == 1
        assert ledger.payload(dead) == b""
        assert job(server).state == JOB.FAILED
        assert [row.state for row in ledger.rows()] == ["failed"]
        assert submit(server).epoch == 2
        queue.close()


def test_an_answer_begun_by_one_engine_is_not_continued_with_anothers_frames_by_a_resumption(open_queue: Open) -> None:
    with Inside(open_queue()) as server:
        submit(server)
        consumer = server.queue.consumer("by hand")
        claim = eventually(lambda: consumer.claim(PATIENCE))
        consumer.begin(claim, 1)
        parts = cut_into_parts(numbered(90), [30, 60], "old", ends=1)
        consumer.publish(claim, [encode_part(parts[0])])
        others = again(cut_into_parts(numbered(90) + 0.5, [30, 60], ends=1), "new")
        consumer.publish(claim, [encode_part(part) for part in others])
        consumer.complete(claim)
        assert status_of(lambda: list(results(server, from_frame=30))) is grpc.StatusCode.ABORTED


def test_an_engine_of_today_animates_what_was_submitted(open_queue: Open) -> None:
    """The worker of the server itself, no hands between."""
    with Inside(open_queue(), engine=ToneEngine()) as server:
        submit(server)
        assert len(frames_of(list(results(server)))) == 90
