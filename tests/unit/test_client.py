"""The client against a server that breaks on cue: named errors, patience with UNAVAILABLE only, no frame twice."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Event
from typing import Any

import grpc
import numpy as np
import pytest
from grpc_status import rpc_status

from emotalk import errors
from emotalk.client import AsyncEmoTalkClient, Chunk, EmoTalkClient, Live, Request, whole
from emotalk.errors import EmoTalkError, InvalidRequest
from emotalk.face import FaceClip
from emotalk.wire import emotalk_pb2, emotalk_pb2_grpc
from emotalk.wire.convert import to_failure, to_response
from emotalk.wire.details import status_of

Cue = Callable[[emotalk_pb2.AudioRequest, grpc.ServicerContext], Iterator[emotalk_pb2.BlendshapeResponse]]

REQUEST = Request(b"sound")
CHUNKS = [to_response("id", i, 10 * i, np.full((10, 52), i, np.float32), i == 3) for i in range(4)]


def chunks(first: int = 0, last: int = 3) -> Cue:
    def act(*_: Any) -> Iterator[emotalk_pb2.BlendshapeResponse]:
        yield from CHUNKS[first : last + 1]

    return act


def fails(error: EmoTalkError, after: int = 0) -> Cue:
    """As our server does it: one response with the message, then the rich status."""

    def act(request: Any, context: grpc.ServicerContext) -> Iterator[emotalk_pb2.BlendshapeResponse]:
        yield from CHUNKS[:after]
        yield to_failure(request.request_id, str(error))
        context.abort_with_status(rpc_status.to_status(status_of(error)))

    return act


def breaks(code: grpc.StatusCode, after: int = 0, words: str = "broken") -> Cue:
    def act(_: Any, context: grpc.ServicerContext) -> Iterator[emotalk_pb2.BlendshapeResponse]:
        yield from CHUNKS[:after]
        context.abort(code, words)

    return act


@dataclass
class Stage(emotalk_pb2_grpc.EmoTalkServiceServicer):
    """A server that plays one cue a call."""

    cues: list[Cue] = field(default_factory=list)
    heard: list[emotalk_pb2.AudioRequest] = field(default_factory=list)
    rests: list[Cue] = field(default_factory=list)
    asked: list[emotalk_pb2.StreamResultsRequest] = field(default_factory=list)
    jobs: list[emotalk_pb2.Job | EmoTalkError | grpc.StatusCode] = field(default_factory=list)
    health: list[int | grpc.StatusCode] = field(default_factory=list)
    metadata: tuple[tuple[str, str], ...] = (("request-id", "id"), ("queue-position", "3"))
    port: int = 0

    def ProcessAudio(self, request: Any, context: Any) -> Any:  # noqa: N802
        self.heard.append(request)
        context.send_initial_metadata(self.metadata)
        yield from self.cues.pop(0)(request, context)

    def StreamResults(self, request: Any, context: Any) -> Any:  # noqa: N802
        if not self.rests:  # a server of the version before
            context.abort(grpc.StatusCode.UNIMPLEMENTED, "never heard of it")
        self.asked.append(request)
        context.send_initial_metadata(self.metadata)
        yield from self.rests.pop(0)(request, context)

    def GetJob(self, _: Any, context: Any) -> Any:  # noqa: N802
        answer = self.jobs.pop(0)
        if isinstance(answer, EmoTalkError):
            context.abort_with_status(rpc_status.to_status(status_of(answer)))
        if isinstance(answer, grpc.StatusCode):
            context.abort(answer, "down")
        return answer

    CancelJob = GetJob

    def StreamAudio(self, messages: Any, context: Any) -> Any:  # noqa: N802
        next(messages)
        yield to_failure("id", "not heard")
        context.abort_with_status(rpc_status.to_status(status_of(InvalidRequest("audio", "no sound", "Send some"))))

    def SubmitAudio(self, request: Any, context: Any) -> Any:  # noqa: N802
        self.heard.append(request)
        return self.GetJob(request, context)

    def HealthCheck(self, request: Any, context: Any) -> Any:  # noqa: N802
        answer = self.health.pop(0)
        if isinstance(answer, grpc.StatusCode):
            context.abort(answer, "down")
        return emotalk_pb2.HealthCheckResponse(status=answer)


@pytest.fixture
def stage() -> Iterator[Stage]:
    server = grpc.server(ThreadPoolExecutor(4), options=[("grpc.so_reuseport", 0)])
    one = Stage()
    emotalk_pb2_grpc.add_EmoTalkServiceServicer_to_server(one, server)
    one.port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield one
    server.stop(0).wait()


class Heard:
    """What a client handed out, and how long it waited in between."""

    def __init__(self, stage: Stage, *cues: Cue, **options: Any) -> None:
        stage.cues.extend(cues)
        self.pauses: list[float] = []
        self.chunks: list[Chunk] = []
        self.positions: list[int] = []
        self.error: EmoTalkError | None = None
        with EmoTalkClient("127.0.0.1", stage.port, sleep=self.pauses.append, **options) as client:
            try:
                for chunk in client.stream(REQUEST, self.positions.append):
                    self.chunks.append(chunk)
            except EmoTalkError as error:
                self.error = error

    @property
    def frames(self) -> list[int]:
        return [n for c in self.chunks for n in range(c.first_frame, c.first_frame + len(c.frames))]


def test_each_chunk_is_handed_out_with_its_place_and_the_last_is_final(stage: Stage) -> None:
    heard = Heard(stage, chunks())
    assert heard.error is None
    assert [(c.index, c.first_frame, c.is_final) for c in heard.chunks] == [
        (0, 0, False),
        (1, 10, False),
        (2, 20, False),
        (3, 30, True),
    ]
    assert all((c.frames == c.index).all() and c.frames.shape == (10, 52) for c in heard.chunks)
    assert heard.positions == [3]


def test_the_request_says_what_was_asked_an_overlap_of_zero_included(stage: Stage) -> None:
    stage.cues.append(chunks())
    with EmoTalkClient("127.0.0.1", stage.port) as client:
        list(client.stream(Request(b"sound", 0, 7, False, 10.0, 0.0, "session", "id")))
    (sent,) = stage.heard
    assert (sent.request_id, sent.session_id, sent.audio_data) == ("id", "session", b"sound")
    assert (sent.emotion_level, sent.person_id, sent.post_processing) == (0, 7, False)
    assert sent.HasField("chunk_overlap")
    assert (sent.chunk_duration, sent.chunk_overlap) == (10.0, 0.0)


@pytest.mark.parametrize("after", [0, 1, 3])
def test_a_stream_that_breaks_is_taken_up_under_the_same_id_and_no_frame_comes_twice(stage: Stage, after: int) -> None:
    heard = Heard(stage, breaks(grpc.StatusCode.UNAVAILABLE, after), breaks(grpc.StatusCode.UNAVAILABLE), chunks())
    assert heard.error is None
    assert heard.frames == list(range(40))
    assert heard.pauses == [0.5, 1.0]
    assert len({request.request_id for request in stage.heard}) == 1


def test_a_repetition_that_is_cut_elsewhere_still_gives_each_frame_once(stage: Stage) -> None:
    def other_cuts(*_: Any) -> Iterator[emotalk_pb2.BlendshapeResponse]:
        yield to_response("id", 0, 0, np.zeros((15, 52), np.float32), False)
        yield to_response("id", 1, 15, np.ones((25, 52), np.float32), True)

    heard = Heard(stage, breaks(grpc.StatusCode.UNAVAILABLE, 1), other_cuts)
    assert heard.frames == list(range(40))
    assert [len(chunk.frames) for chunk in heard.chunks] == [10, 5, 25]


def test_progress_renews_the_patience(stage: Stage) -> None:
    outages = [breaks(grpc.StatusCode.UNAVAILABLE, after) for after in (1, 2, 3)]
    heard = Heard(stage, *outages, chunks(), patience=0.6)
    assert heard.error is None
    assert heard.pauses == [0.5, 0.5, 0.5]


def test_patience_ends_by_name(stage: Stage) -> None:
    heard = Heard(stage, *[breaks(grpc.StatusCode.UNAVAILABLE)] * 20, patience=10.0)
    assert isinstance(heard.error, errors.ServerUnavailable)
    assert heard.pauses == [0.5, 1.0, 2.0, 4.0]


def test_a_server_that_answers_and_takes_nothing_uses_the_patience_up_like_one_that_is_away(stage: Stage) -> None:
    stage.metadata = ()
    heard = Heard(stage, *[fails(errors.QueueUnavailable("the broker is away"))] * 20, patience=10.0)
    assert isinstance(heard.error, errors.ServerUnavailable)
    assert heard.pauses == [0.5, 1.0, 2.0, 4.0]
    assert not stage.asked, "what was refused is sent again, and not asked for as if it were known"


def test_the_pauses_grow_to_ten_seconds_and_no_further(stage: Stage) -> None:
    heard = Heard(stage, *[breaks(grpc.StatusCode.UNAVAILABLE)] * 9, chunks(), patience=1e6)
    assert heard.pauses == [0.5, 1.0, 2.0, 4.0, 8.0, 10.0, 10.0, 10.0, 10.0]


def test_the_deadline_counts_while_the_server_is_away(stage: Stage) -> None:
    heard = Heard(stage, *[breaks(grpc.StatusCode.UNAVAILABLE)] * 9, timeout=3.0, patience=1e6)
    assert isinstance(heard.error, errors.ServerUnavailable)
    assert heard.pauses == [0.5, 1.0, 2.0]


def test_a_good_bye_that_was_lost_after_the_last_frame_is_no_failure(stage: Stage) -> None:
    for code in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.INTERNAL):
        heard = Heard(stage, breaks(code, after=4))
        assert heard.error is None
        assert heard.frames == list(range(40))
        assert heard.pauses == []


def test_a_stream_that_ends_well_without_its_last_frame_is_an_error(stage: Stage) -> None:
    heard = Heard(stage, chunks(last=2))
    assert isinstance(heard.error, errors.JobFailed)
    assert heard.frames == list(range(30))


@pytest.mark.parametrize(
    ("told", "named"),
    [
        (errors.AudioTooLong("it lasts 1801.0 s", "Cut it"), errors.AudioTooLong),
        (errors.RequestConflict("taken"), errors.RequestConflict),
        (errors.QueueFull("no room"), errors.QueueFull),
        (errors.ResultsDiffer("two engines"), errors.ResultsDiffer),
        (errors.JobFailed("given up"), errors.JobFailed),
        (errors.EngineError("NaN"), errors.JobFailed),
        (errors.DeadlineExceeded("late"), errors.DeadlineExceeded),
    ],
)
def test_every_failure_has_a_name_and_only_unavailable_is_tried_again(
    stage: Stage, told: EmoTalkError, named: type[EmoTalkError]
) -> None:
    heard = Heard(stage, fails(told, after=2), chunks())
    assert type(heard.error) is named
    assert heard.frames == list(range(20))
    assert heard.pauses == []
    assert len(stage.heard) == 1


def test_a_refusal_names_the_field_the_problem_and_the_fix(stage: Stage) -> None:
    error = Heard(stage, fails(errors.InvalidRequest("person_id", "99 is out of range", "Use 0..23"))).error
    assert isinstance(error, errors.InvalidRequest)
    assert (error.field, error.problem, error.fix) == ("person_id", "99 is out of range", "Use 0..23")


@pytest.mark.parametrize("code", [grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.UNIMPLEMENTED])
def test_a_server_without_details_still_gives_a_named_error(stage: Stage, code: grpc.StatusCode) -> None:
    error = Heard(stage, breaks(code, words="no details")).error
    assert isinstance(error, errors.JobFailed)
    assert "no details" in str(error)


def test_a_server_that_does_not_say_the_position_is_not_asked_for_it(stage: Stage) -> None:
    stage.metadata = ()
    heard = Heard(stage, chunks())
    assert heard.positions == []
    assert len(heard.chunks) == 4


@pytest.mark.parametrize("audio", [b"", bytes(64 * 2**20 + 1)], ids=["empty", "too large"])
def test_what_cannot_be_sent_is_refused_before_it_is(stage: Stage, audio: bytes) -> None:
    with EmoTalkClient("127.0.0.1", stage.port) as client, pytest.raises(errors.AudioError):
        list(client.stream(Request(audio)))
    assert stage.heard == []


def test_who_stops_listening_ends_the_call(stage: Stage) -> None:
    ended = Event()

    def endless(_: Any, context: grpc.ServicerContext) -> Iterator[emotalk_pb2.BlendshapeResponse]:
        context.add_callback(ended.set)
        while context.is_active():
            yield CHUNKS[0]

    stage.cues.append(endless)
    with EmoTalkClient("127.0.0.1", stage.port) as client:
        reading = client.stream(REQUEST)
        next(reading)
        reading.close()  # type: ignore[attr-defined]
        assert ended.wait(10)


def test_process_audio_file_returns_what_the_first_version_returned(stage: Stage, tmp_path: Path) -> None:
    stage.cues.append(chunks())
    (tmp_path / "a.wav").write_bytes(b"sound")
    with EmoTalkClient(host="127.0.0.1", port=stage.port) as client:
        answer = client.process_audio_file(
            audio_path=str(tmp_path / "a.wav"),
            emotion_level=1,
            person_id=0,
            post_processing=True,
            chunk_duration=25.0,
            chunk_overlap=0.5,
        )
    assert [chunk["chunk_index"] for chunk in answer] == [0, 1, 2, 3]
    assert [set(chunk) for chunk in answer] == [{"chunk_index", "frames"}] * 4
    frames = [frame for chunk in answer for frame in chunk["frames"]]
    assert [frame["frame_number"] for frame in frames] == list(range(40))
    assert [frame["timecode"] for frame in frames] == [n / 30 for n in range(40)]
    assert all(len(frame["blendshapes"]) == 52 and isinstance(frame["blendshapes"][0], float) for frame in frames)


def restarts_after(sent: int) -> Cue:
    """Some chunks, and then all of them of another engine."""

    def act(*_: Any) -> Iterator[emotalk_pb2.BlendshapeResponse]:
        yield from CHUNKS[:sent]
        for i in range(4):
            response = to_response("id", i, 10 * i, np.full((10, 52), 50 + i, np.float32), i == 3)
            response.restarted = i == 0
            yield response

    return act


def test_an_answer_that_restarted_is_whole_and_of_one_engine(stage: Stage, tmp_path: Path) -> None:
    (tmp_path / "speech.wav").write_bytes(b"sound")
    stage.cues, stage.rests = [restarts_after(3), restarts_after(2)], [restarts_after(2)]
    with EmoTalkClient(port=stage.port) as client:
        clip = client.animate_file(tmp_path / "speech.wav")
        heard = list(client.stream(Request(b"sound"), may_restart=True))
        listened = list(client.results("id", may_restart=True))
    assert [each.may_restart for each in stage.heard] == [True, True]
    assert [each.may_restart for each in stage.asked] == [True]
    assert clip.frames[:, 0].tolist() == np.repeat([50, 51, 52, 53], 10).tolist()
    for given in (heard, listened):
        assert [chunk.first_frame for chunk in given] == [0, 10, 0, 10, 20, 30]
        assert [chunk.restarted for chunk in given] == [False, False, True, False, False, False]
        assert np.array_equal(np.concatenate([chunk.frames for chunk in whole(given)]), clip.frames)


@pytest.mark.parametrize("output", ["face.npy", "deep/face.npy"])
def test_a_file_is_animated_and_saved_in_the_kind_of_its_suffix(stage: Stage, tmp_path: Path, output: str) -> None:
    (tmp_path / "speech.wav").write_bytes(b"sound")
    stage.cues = [chunks(), chunks()]
    with EmoTalkClient(port=stage.port) as client:
        clip = client.animate_file(tmp_path / "speech.wav", tmp_path / output, person_id=3)

    async def the_same() -> FaceClip:
        async with AsyncEmoTalkClient(port=stage.port) as client:
            return await client.animate_file(str(tmp_path / "speech.wav"), str(tmp_path / "again.npy"), person_id=3)

    again = asyncio.run(the_same())
    assert clip.frames.shape == again.frames.shape == (40, 52)
    assert clip.sound == tmp_path / "speech.wav"
    for path in (tmp_path / output, tmp_path / "again.npy"):
        assert np.array_equal(np.load(path), clip.frames)
    assert {heard.person_id for heard in stage.heard} == {3}


def test_a_suffix_that_is_none_is_refused_before_anything_is_sent(stage: Stage, tmp_path: Path) -> None:
    (tmp_path / "speech.wav").write_bytes(b"sound")
    with EmoTalkClient(port=stage.port) as client, pytest.raises(errors.ConfigurationError, match=r"\.glb"):
        client.animate_file(tmp_path / "speech.wav", tmp_path / "face.fbx")
    assert stage.heard == []


def test_a_file_that_is_not_there_is_said_to_be_not_there() -> None:
    with EmoTalkClient("127.0.0.1", 1) as client, pytest.raises(FileNotFoundError):
        client.process_audio_file("nowhere.wav")


def test_health_is_true_false_or_a_named_error(stage: Stage) -> None:
    answer = emotalk_pb2.HealthCheckResponse
    stage.health = [answer.SERVING, answer.NOT_SERVING, grpc.StatusCode.UNAVAILABLE]
    with EmoTalkClient("127.0.0.1", stage.port) as client:
        assert client.health() is True
        assert client.health() is False
        with pytest.raises(errors.ServerUnavailable):
            client.health()


@pytest.mark.parametrize(
    ("grpc_words", "cause"),
    [
        (
            "failed to connect to all addresses; last error: UNKNOWN: ipv4:127.0.0.1:1: Connection refused",
            "Connection refused",
        ),
        (
            "errors resolving studio:1: [field:x error:lookup failed for studio:1: Domain name not found]",
            "Domain name not found",
        ),
        ("Socket closed", "Socket closed"),
    ],
)
def test_who_nobody_answers_hears_where_and_why_and_what_to_do(stage: Stage, grpc_words: str, cause: str) -> None:
    told = (
        f"No EmoTalk server answers at 127.0.0.1:{stage.port} ({cause}). "
        "Start one: emotalk serve; one that is starting answers as soon as its worker is warm."
    )
    heard = Heard(stage, breaks(grpc.StatusCode.UNAVAILABLE, words=grpc_words), patience=0.0)
    assert (type(heard.error), str(heard.error)) == (errors.ServerUnavailable, told)


def test_the_asyncio_client_does_the_same(stage: Stage) -> None:
    stage.cues += [chunks(), fails(errors.JobFailed("given up"), after=1)]
    stage.health = [emotalk_pb2.HealthCheckResponse.SERVING]

    async def story() -> tuple[list[Chunk], list[Chunk], list[int], bool]:
        positions: list[int] = []
        async with AsyncEmoTalkClient("127.0.0.1", stage.port) as client:
            whole = [chunk async for chunk in client.stream(REQUEST, positions.append)]
            reading = client.stream(REQUEST)
            broken = [await anext(reading)]
            with pytest.raises(errors.JobFailed, match="given up"):
                await anext(reading)
            return whole, broken, positions, await client.health()

    whole, broken, positions, healthy = asyncio.run(story())
    assert [c.index for c in whole] == [0, 1, 2, 3]
    assert [c.index for c in broken] == [0]
    assert positions == [3]
    assert healthy


def test_the_asyncio_client_takes_a_broken_stream_up_again(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    stage.cues += [breaks(grpc.StatusCode.UNAVAILABLE, 2), chunks()]
    monkeypatch.setattr("emotalk.client.exchange.FIRST_PAUSE", 0.0)

    async def story() -> list[int]:
        async with AsyncEmoTalkClient("127.0.0.1", stage.port) as client:
            return [chunk.index async for chunk in client.stream(REQUEST)]

    assert asyncio.run(story()) == [0, 1, 2, 3]


def test_what_no_message_can_hold_is_refused_by_its_field(stage: Stage) -> None:
    spoilt: Any = "a\ud800"
    large: Any = 2**40
    with EmoTalkClient("127.0.0.1", stage.port) as client:
        for field, ask in {
            "emotion": lambda: list(client.stream(replace(REQUEST, emotion=spoilt))),
            "session_id": lambda: client.submit(replace(REQUEST, session_id=spoilt)),
            "request_id": lambda: client.job(spoilt),
            "person_id": lambda: client.submit(replace(REQUEST, person_id=large)),
            "emotion_level": lambda: client.submit(replace(REQUEST, emotion_level=spoilt)),
            "from_frame": lambda: list(client.results("id", large)),
            "sample_rate": lambda: list(client.live(Live(large), [])),
        }.items():
            with pytest.raises(InvalidRequest, match="cannot be used") as refused:
                ask()
            assert refused.value.field == field


def test_a_refusal_reaches_whoever_is_still_speaking(stage: Stage) -> None:
    async def blocks() -> AsyncIterator[bytes]:
        for _ in range(50):
            yield bytes(3_200)

    async def refused() -> str:
        async with AsyncEmoTalkClient("127.0.0.1", stage.port) as client:
            with pytest.raises(InvalidRequest) as refusal:
                [chunk async for chunk in client.live(Live(16_000), blocks())]
            return refusal.value.problem

    async def story() -> set[str]:
        return {await refused() for _ in range(30)}

    assert asyncio.run(story()) == {"no sound"}


@pytest.mark.parametrize("after", [0, 1, 3])
def test_a_stream_that_breaks_is_resumed_from_the_next_frame_without_sending_the_sound_again(
    stage: Stage, after: int
) -> None:
    stage.rests += [breaks(grpc.StatusCode.UNAVAILABLE), chunks(after)]
    heard = Heard(stage, breaks(grpc.StatusCode.UNAVAILABLE, after))
    assert heard.error is None
    assert heard.frames == list(range(40))
    assert heard.pauses == [0.5, 1.0]
    assert len(stage.heard) == 1
    assert [(each.request_id, each.from_frame) for each in stage.asked] == [(REQUEST.request_id, 10 * after)] * 2


@pytest.mark.parametrize("code", [grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED])
def test_what_a_stopping_server_cuts_off_is_resumed_at_the_next(stage: Stage, code: grpc.StatusCode) -> None:
    stage.rests += [breaks(code), chunks(2)]
    heard = Heard(stage, breaks(code, 2))
    assert heard.error is None
    assert heard.frames == list(range(40))
    assert len(stage.heard) == 1


def test_a_request_that_was_never_accepted_is_sent_again(stage: Stage) -> None:
    stage.metadata = ()
    heard = Heard(stage, breaks(grpc.StatusCode.UNAVAILABLE), chunks())
    assert (heard.error, heard.frames) == (None, list(range(40)))
    assert (len(stage.heard), stage.asked) == (2, [])


def test_a_server_that_does_not_know_the_job_any_more_is_sent_it_anew_and_no_frame_comes_twice(stage: Stage) -> None:
    stage.rests.append(fails(errors.UnknownJob("no longer kept")))
    heard = Heard(stage, breaks(grpc.StatusCode.UNAVAILABLE, 2), chunks())
    assert (heard.error, heard.frames) == (None, list(range(40)))
    assert len(stage.heard) == 2


def test_a_job_that_is_not_known_when_it_is_sent_is_not_sent_for_ever(stage: Stage) -> None:
    error = Heard(stage, fails(errors.UnknownJob("no longer kept"))).error
    assert isinstance(error, errors.UnknownJob)
    assert len(stage.heard) == 1


def test_results_are_fetched_from_any_frame_on_and_resumed(stage: Stage) -> None:
    stage.rests += [breaks(grpc.StatusCode.UNAVAILABLE, 2), chunks(2)]
    with EmoTalkClient("127.0.0.1", stage.port, sleep=lambda _: None) as client:
        answer = list(client.results("id", 5))
    assert [c.first_frame for c in answer] == [5, 10, 20, 30]
    assert [each.from_frame for each in stage.asked] == [5, 20]


def test_an_unknown_job_and_a_cancelled_one_have_their_own_errors(stage: Stage) -> None:
    stage.rests += [fails(errors.UnknownJob("never heard of it")), fails(errors.JobCancelled("by its caller"), after=1)]
    with EmoTalkClient("127.0.0.1", stage.port) as client:
        with pytest.raises(errors.UnknownJob, match="never heard"):
            list(client.results("id"))
        with pytest.raises(errors.JobCancelled, match="by its caller"):
            list(client.results("id"))


def test_a_job_is_submitted_asked_for_and_cancelled_and_an_outage_is_waited_for(stage: Stage) -> None:
    message = emotalk_pb2.Job
    stage.jobs += [
        errors.QueueUnavailable("away"),
        message(request_id="id", state=message.QUEUED, queue_position=0),
        message(request_id="id", state=message.RUNNING, frames_done=10, frames_total=40, attempts=2),
        message(request_id="id", state=message.CANCELLED),
        errors.UnknownJob("forgotten"),
    ]
    pauses: list[float] = []
    with EmoTalkClient("127.0.0.1", stage.port, sleep=pauses.append) as client:
        queued = client.submit(REQUEST)
        assert (queued.state, queued.queue_position, queued.over) == ("queued", 0, False)
        running = client.job("id")
        assert (running.state, running.frames_done, running.frames_total) == ("running", 10, 40)
        assert running.queue_position is None
        assert client.cancel("id").over
        with pytest.raises(errors.UnknownJob, match="forgotten"):
            client.job("id")
    assert pauses == [0.5]
    assert {request.request_id for request in stage.heard} == {REQUEST.request_id}


def test_the_asyncio_client_submits_resumes_and_cancels_as_well(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("emotalk.client.exchange.FIRST_PAUSE", 0.0)
    message = emotalk_pb2.Job
    stage.jobs += [message(state=message.QUEUED), grpc.StatusCode.UNAVAILABLE, message(state=message.DONE)]
    stage.jobs += [message(state=message.CANCELLED)]
    stage.rests += [breaks(grpc.StatusCode.UNAVAILABLE, 2), chunks(2)]

    async def story() -> tuple[list[str], list[int]]:
        async with AsyncEmoTalkClient("127.0.0.1", stage.port) as client:
            states = [(await client.submit(REQUEST)).state, (await client.job("id")).state]
            states.append((await client.cancel("id")).state)
            return states, [chunk.index async for chunk in client.results("id")]

    assert asyncio.run(story()) == (["queued", "done", "cancelled"], [0, 1, 2, 3])


@pytest.mark.parametrize("harm", ["a gap", "a value too few", "one frame twice"])
def test_what_no_server_of_ours_would_answer_is_an_error_and_no_frame(stage: Stage, harm: str) -> None:
    def answers(*_: Any) -> Iterator[emotalk_pb2.BlendshapeResponse]:
        response = to_response("id", 0, 0, np.ones((10, 52), np.float32), True)
        if harm == "a gap":
            response.frames[7].frame_number = 8
        elif harm == "a value too few":
            del response.frames[7].blendshapes[51]
        else:
            response.frames[7].frame_number = 6
        yield response

    heard = Heard(stage, answers)
    assert isinstance(heard.error, errors.JobFailed)
    assert heard.chunks == []


def test_a_proxy_of_the_environment_is_not_asked_for_this_machine(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "https_proxy", "grpc_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    stage.jobs += [emotalk_pb2.Job(request_id="id", state=emotalk_pb2.Job.DONE)] * 2
    for host in ("127.0.0.1", "localhost"):
        with EmoTalkClient(host, stage.port, patience=0) as client:
            assert client.job("id").state == "done"


def test_a_client_that_was_made_before_a_fork_says_so_in_the_child(stage: Stage) -> None:
    with EmoTalkClient("127.0.0.1", stage.port) as client:
        reading, writing = os.pipe()
        if (child := os.fork()) == 0:
            try:
                client.job("id")
            except errors.ConfigurationError as error:
                os.write(writing, str(error).encode())
            finally:
                os._exit(0)
        os.waitpid(child, 0)
        assert b"after the fork" in os.read(reading, 1_000)
