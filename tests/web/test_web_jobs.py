"""Send now, fetch later: the job's states, its events, and what follows a broken connection."""

import time
from collections.abc import Iterator

import numpy as np
import pytest
from starlette.testclient import TestClient

from emotalk.engines.tone import ToneEngine
from tests.integration.served import Inside, eventually, speech
from tests.web.conftest import window
from tests.web.events import Event, parsed

SOUND = speech(3.0)
CHUNKS = {"chunk_duration": 1, "chunk_overlap": 0.2}


@pytest.fixture(scope="module")
def idle(request: pytest.FixtureRequest) -> Iterator[TestClient]:
    """A server that nobody works for: what is sent waits."""
    with Inside() as inside, window(inside.server.port) as client:
        yield client


def done(browser: TestClient, request_id: str) -> dict:
    return eventually(lambda: (job := browser.get(f"/v1/jobs/{request_id}").json())["state"] == "done" and job)


def chunks(text: str) -> list[Event]:
    return [event for event in parsed(text) if event.name == "chunk"]


def test_a_job_is_accepted_with_its_place_and_ends_with_its_animation(browser: TestClient) -> None:
    answer = browser.post("/v1/jobs", params={"request_id": "bài hát/1", **CHUNKS}, content=SOUND)
    assert answer.status_code == 202
    place = answer.headers["location"]
    assert place == "/v1/jobs/b%C3%A0i%20h%C3%A1t%2F1"
    assert answer.json()["request_id"] == "bài hát/1"
    assert answer.json()["audio_seconds"] == pytest.approx(3.0)


def test_a_done_job_gives_the_same_animation_as_asking_for_it_at_once(browser: TestClient) -> None:
    browser.post("/v1/jobs", params={"request_id": "later", **CHUNKS}, content=SOUND)
    job = done(browser, "later")
    assert (job["frames_done"], job["frames_total"], job["attempts"], job["epoch"]) == (90, 90, 1, 1)
    assert job["submitted_at"] <= job["started_at"] <= job["finished_at"] <= time.time() + 1
    fetched = browser.get("/v1/jobs/later/animation", params={"format": "npy"})
    at_once = browser.post("/v1/animations", params={"request_id": "later", "format": "npy", **CHUNKS}, content=SOUND)
    assert fetched.content == at_once.content
    assert 'filename="later.npy"' in fetched.headers["content-disposition"]


def test_the_animation_waits_for_its_job(browser: TestClient) -> None:
    browser.post("/v1/jobs", params={"request_id": "wait"}, content=SOUND)
    assert len(browser.get("/v1/jobs/wait/animation").json()["frames"]) == 90


def test_events_go_on_after_the_last_frame_that_was_seen(browser: TestClient) -> None:
    browser.post("/v1/jobs", params={"request_id": "broken", **CHUNKS}, content=SOUND)
    whole = chunks(browser.get("/v1/jobs/broken/events").text)
    assert len(whole) > 2
    seen = whole[0].id
    assert seen is not None
    for rest in (
        browser.get("/v1/jobs/broken/events", headers={"Last-Event-ID": seen}),
        browser.get("/v1/jobs/broken/events", params={"last_event_id": seen}),
        browser.get("/v1/jobs/broken/animation", params={"format": "events"}, headers={"Last-Event-ID": seen}),
    ):
        assert chunks(rest.text)[0].data["first_frame"] == int(seen) + 1
        frames = [row for event in (whole[0], *chunks(rest.text)) for row in event.data["frames"]]
        assert np.array_equal(frames, [row for event in whole for row in event.data["frames"]])


def test_whoever_has_seen_all_hears_the_end_at_once(browser: TestClient) -> None:
    browser.post("/v1/jobs", params={"request_id": "all seen", **CHUNKS}, content=SOUND)
    done(browser, "all seen")
    events = parsed(browser.get("/v1/jobs/all seen/events", headers={"Last-Event-ID": "89"}).text)
    assert [event.name for event in events] == ["end"]
    assert events[0].data["frames"] == 90


@pytest.mark.parametrize("last", ["-1", "x", "1.5", str(2**31), "9" * 40])
def test_a_last_event_that_cannot_be_is_a_problem(browser: TestClient, last: str) -> None:
    browser.post("/v1/jobs", params={"request_id": "wrong last"}, content=SOUND)
    answer = browser.get("/v1/jobs/wrong last/events", headers={"Last-Event-ID": last})
    assert (answer.status_code, answer.json()["field"]) == (400, "Last-Event-ID")


@pytest.mark.parametrize("query", ["fsp=24", "person_id=3"])
def test_a_name_that_an_animation_does_not_know_is_refused(browser: TestClient, query: str) -> None:
    refused = browser.get(f"/v1/jobs/nobody/animation?{query}")
    assert (refused.status_code, refused.json()["field"]) == (400, query.partition("=")[0])


def test_a_head_without_a_body_is_answered_and_a_wrong_method_hears_every_right_one(browser: TestClient) -> None:
    assert browser.head("/v1/health").status_code == browser.head("/v1/health/ready").status_code == 200
    assert browser.head("/v1/jobs/nobody").status_code == 404
    assert browser.put("/v1/jobs/nobody").headers["allow"] == "DELETE, GET, HEAD"


@pytest.mark.parametrize("path", ["", "/animation", "/events"])
def test_a_job_that_nobody_sent_is_not_found(browser: TestClient, path: str) -> None:
    answer = browser.get(f"/v1/jobs/never sent{path}")
    assert (answer.status_code, answer.json()["type"]) == (404, "urn:emotalk:UnknownJob")
    assert browser.delete("/v1/jobs/never sent").status_code == 404


def test_a_job_that_waits_says_what_stands_before_it_and_can_be_cancelled(idle: TestClient) -> None:
    for name in ("first", "second", "third"):
        assert idle.post("/v1/jobs", params={"request_id": name}, content=SOUND).status_code == 202
    waiting = idle.get("/v1/jobs/third").json()
    assert (waiting["state"], waiting["queue_position"]) == ("queued", 2)
    assert idle.delete("/v1/jobs/second").json()["state"] == "cancelled"
    assert idle.delete("/v1/jobs/second").json()["state"] == "cancelled"
    answer = idle.get("/v1/jobs/second/animation")
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:emotalk:JobCancelled")
    [event] = parsed(idle.get("/v1/jobs/second/events").text)
    assert (event.name, event.data["type"]) == ("error", "urn:emotalk:JobCancelled")


def test_a_job_that_was_given_up_is_a_problem_and_no_animation() -> None:
    class Broken(ToneEngine):
        def animate(self, window: np.ndarray, style: object) -> np.ndarray:
            from emotalk.errors import CheckpointError

            raise CheckpointError("the weights are damaged")

    with Inside(engine=Broken()) as inside, window(inside.server.port) as client:
        answer = client.post("/v1/animations", params={"request_id": "hopeless"}, content=SOUND)
        assert (answer.status_code, answer.json()["type"]) == (502, "urn:emotalk:JobFailed")
        assert "the weights are damaged" in answer.json()["detail"]
        job = client.get("/v1/jobs/hopeless").json()
        assert job["state"] == "buried"
        assert "the weights are damaged" in job["error_message"]
