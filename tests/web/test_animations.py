"""Sound in, an animation out, over HTTP: the same frames as over gRPC, in every form, and problems with names."""

import io
import json
from pathlib import Path

import numpy as np
import pytest
from starlette.testclient import TestClient

from emotalk.client import EmoTalkClient, Request
from emotalk.face import ARKIT_NAMES
from emotalk.feelings import FEELINGS
from emotalk.head.container import read_glb
from emotalk.web import answers
from tests.integration.served import Inside, speech
from tests.web.events import parsed

SOUND = speech(2.0)
ID = "the same blinks"


@pytest.fixture(scope="module")
def frames(server: Inside) -> np.ndarray:
    with EmoTalkClient("127.0.0.1", server.server.port) as client:
        return np.concatenate([chunk.frames for chunk in client.stream(Request(SOUND, request_id=ID))])


def as_form(**fields: object) -> dict:
    return {"files": {"audio": ("xin chào.wav", SOUND, "audio/wav")}, "data": {"request_id": ID, **fields}}


def test_json_is_what_comes_without_being_asked_for(browser: TestClient, frames: np.ndarray) -> None:
    answer = browser.post("/v1/animations", **as_form())
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    document = answer.json()
    assert (document["fps"], document["names"]) == (30, list(ARKIT_NAMES))
    assert np.array_equal(np.array([row["blendshapes"] for row in document["frames"]], np.float32), frames)
    assert "xin%20ch%C3%A0o.json" in answer.headers["content-disposition"]
    assert answer.headers["x-request-id"] == "the%20same%20blinks"


def test_a_bare_body_and_the_query_do_as_well_as_a_form(browser: TestClient, frames: np.ndarray) -> None:
    answer = browser.post("/v1/animations", params={"request_id": ID, "format": "npy"}, content=SOUND)
    assert np.array_equal(np.load(io.BytesIO(answer.content)), frames)


def test_events_bring_what_was_felt_beside_the_frames_it_belongs_to(browser: TestClient) -> None:
    asked = {"format": "events", "emotion": "joy=0.5", "emotion_strength": "1"}
    answer = browser.post("/v1/animations", params=asked, **as_form(request_id="felt"))
    chunks = [event.data for event in parsed(answer.text) if event.name == "chunk"]
    felt = [(chunk["first_frame"], chunk["feeling"]) for chunk in chunks]
    assert all(feeling["first_step"] == -(-first // 3) for first, feeling in felt)
    drawn = [row[FEELINGS.index("joy")] for _, feeling in felt for row in feeling["drawn"]]
    assert len(drawn) == 20
    assert max(drawn) == pytest.approx(0.5, abs=0.05)


def test_events_of_a_face_without_feelings_say_nothing_of_any(browser: TestClient) -> None:
    answer = browser.post("/v1/animations", params={"format": "events", "emotion": "off"}, **as_form(request_id="off"))
    chunks = [event.data for event in parsed(answer.text) if event.name == "chunk"]
    assert chunks
    assert not any("feeling" in chunk for chunk in chunks)


@pytest.mark.parametrize(("form", "media_type"), [pair for pair in answers.MEDIA_TYPES.items() if pair[0] != "events"])
def test_each_form_comes_by_its_name_and_by_its_media_type(browser: TestClient, form: str, media_type: str) -> None:
    by_name = browser.post("/v1/animations", params={"format": form}, **as_form())
    by_type = browser.post("/v1/animations", headers={"Accept": f"text/html;q=0.3, {media_type}"}, **as_form())
    for answer in (by_name, by_type):
        assert answer.status_code == 200
        assert answer.headers["content-type"].partition(";")[0] == media_type
    assert by_name.content == by_type.content
    assert by_name.content


def test_curves_come_at_another_rate_and_as_visemes(browser: TestClient) -> None:
    asked = {"format": "json", "fps": "24", "shapes": "oculus"}
    document = browser.post("/v1/animations", params=asked, **as_form()).json()
    assert document["fps"] == 24
    assert document["names"][:2] == ["sil", "PP"]
    assert {len(frame["blendshapes"]) for frame in document["frames"]} == {15}


def test_the_head_comes_beside_the_curves_where_it_is_asked_for(browser: TestClient) -> None:
    turned = as_form(request_id="turned", head="true")
    document = browser.post("/v1/animations", params={"format": "json"}, **turned).json()
    without = browser.post("/v1/animations", params={"format": "json"}, **as_form()).json()
    assert all(set(frame["head"]) == {"yaw", "pitch", "roll"} for frame in document["frames"])
    assert all("head" not in frame for frame in without["frames"])
    assert len(document["frames"]) == len(without["frames"])


@pytest.mark.parametrize("name", ["fps", "shapes"])
def test_a_job_does_not_take_in_silence_what_belongs_to_its_animation(browser: TestClient, name: str) -> None:
    answer = browser.post("/v1/jobs", params={name: "24"}, **as_form())
    assert (answer.status_code, answer.json()["field"]) == (400, name)
    assert "/animation" in answer.json()["fix"]


def test_openapi_says_which_rates_and_shapes_there_are(browser: TestClient) -> None:
    paths = browser.get("/openapi.json").json()["paths"]
    for call in (paths["/v1/animations"]["post"], paths["/v1/jobs/{request_id}/animation"]["get"]):
        known = {each["name"]: each["schema"].get("enum") for each in call["parameters"]}
        assert "29.97" in known["fps"]
        assert "oculus" in known["shapes"]
        assert "glb" in known["format"]


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"format": "json", "fps": "23"}, "fps"),
        ({"format": "json", "shapes": "vrm2"}, "shapes"),
        ({"format": "glb", "shapes": "vrm"}, "shapes"),
        ({"format": "events", "fps": "24"}, "fps"),
    ],
)
def test_curves_that_cannot_be_are_refused_before_the_sound_is_sent(
    browser: TestClient, asked: dict[str, str], field: str
) -> None:
    answer = browser.post("/v1/animations", params=asked, **as_form())
    assert answer.status_code == 400
    assert answer.json()["field"] == field


def test_glb_names_the_sound_that_was_sent(browser: TestClient) -> None:
    document, _ = read_glb(browser.post("/v1/animations", params={"format": "glb"}, **as_form()).content)
    assert document["animations"][0]["extras"]["audio"] == "xin chào.wav"


def test_events_bring_each_chunk_once_and_the_id_first(browser: TestClient) -> None:
    answer = browser.post(
        "/v1/animations",
        files={"audio": ("a.wav", speech(3.0))},
        data={"chunk_duration": 1, "chunk_overlap": 0.2, "request_id": "chunk by chunk"},
        headers={"Accept": "text/event-stream"},
    )
    assert answer.headers["content-type"].startswith("text/event-stream")
    events = [event for event in parsed(answer.text) if event.name != "job"]
    assert [event.name for event in events] == ["accepted", *["chunk"] * (len(events) - 2), "end"]
    assert len(events) > 4
    assert events[0].data == {"request_id": "chunk by chunk", "queue_position": 0}
    due = 0
    for event in events[1:-1]:
        assert event.data["first_frame"] == due
        due += len(event.data["frames"])
        assert event.id == str(due - 1)
        assert {len(row) for row in event.data["frames"]} == {52}
    assert events[-1].data == {"request_id": "chunk by chunk", "frames": 90}
    assert [event.data["is_final"] for event in events[1:-1]][-1]


def test_the_form_goes_over_the_query(browser: TestClient) -> None:
    fields = {"person_id": 7, "post_processing": "false"}
    one = browser.post("/v1/animations?person_id=3&format=npy", files={"audio": ("a.wav", SOUND)}, data=fields)
    other = browser.post("/v1/animations?person_id=7&format=npy&post_processing=false", content=SOUND)
    assert one.content == other.content


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("emotion_level=2", "emotion_level"),
        ("emotion_level=calm", "emotion_level"),
        ("person_id=24", "person_id"),
        ("person_id=99999999999999999999", "person_id"),
        ("post_processing=perhaps", "post_processing"),
        ("chunk_duration=0", "chunk_duration"),
        ("chunk_duration=nan", "chunk_duration"),
        ("chunk_duration=2&chunk_overlap=1.5", "chunk_overlap"),
        ("format=fbx", "format"),
        ("person=9", "person"),
        (f"session_id={'x' * 201}", "session_id"),
        ("request_id=a%00b", "request_id"),
    ],
)
def test_a_wrong_parameter_is_a_problem_that_names_field_and_fix(browser: TestClient, query: str, field: str) -> None:
    answer = browser.post(f"/v1/animations?{query}", content=SOUND)
    assert (answer.status_code, answer.headers["content-type"]) == (400, "application/problem+json")
    problem = answer.json()
    assert problem["field"] == field
    assert problem["fix"]
    assert field in problem["detail"]
    assert (problem["status"], problem["title"]) == (400, "Bad Request")


@pytest.mark.parametrize(
    ("content", "kind"),
    [(b"", "EmptyAudio"), (b"no sound at all", "NotAudio"), (SOUND[:1000], "TruncatedAudio")],
)
def test_a_sound_that_cannot_be_used_is_a_problem_of_the_content(
    browser: TestClient, content: bytes, kind: str
) -> None:
    answer = browser.post("/v1/animations", content=content)
    assert answer.status_code == 422
    assert answer.json()["type"] == f"urn:emotalk:{kind}"
    assert answer.json()["fix"]


def test_a_range_is_told_as_the_range_that_it_is(browser: TestClient) -> None:
    assert browser.post("/v1/animations?person_id=24", content=SOUND).json()["fix"] == "Use 0..23"


def test_in_an_event_stream_a_failure_is_an_event(browser: TestClient) -> None:
    answer = browser.post("/v1/animations?format=events", content=b"no sound at all")
    [event] = parsed(answer.text)
    assert event.name == "error"
    assert (event.data["type"], event.data["status"]) == ("urn:emotalk:NotAudio", 422)


def test_an_id_that_is_taken_by_another_sound_is_a_conflict(browser: TestClient) -> None:
    assert browser.post("/v1/animations?request_id=taken", content=SOUND).status_code == 200
    answer = browser.post("/v1/animations?request_id=taken", content=speech(1.0))
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:emotalk:RequestConflict")


def test_no_such_form_is_said_with_those_that_there_are(browser: TestClient) -> None:
    answer = browser.post("/v1/animations", content=SOUND, headers={"Accept": "image/png"})
    assert answer.status_code == 406
    assert "model/gltf-binary" in answer.json()["fix"]


def test_a_form_without_the_sound_says_which_field_it_wants(browser: TestClient) -> None:
    answer = browser.post("/v1/animations", files={"sound": ("a.wav", SOUND)})
    assert (answer.status_code, answer.json()["field"]) == (400, "audio")
    answer = browser.post("/v1/animations", files={"audio": (None, SOUND)})
    assert "names no file" in answer.json()["detail"]
    assert "-F audio=@voice.wav" in answer.json()["fix"]


def test_a_form_that_is_none_is_a_problem(browser: TestClient) -> None:
    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    for content in (b"", b"--y", b"--x\r\nContent-Disposition: form-data; name=audio; filename=a\r\n\r\ncut"):
        answer = browser.post("/v1/animations", content=content, headers=headers)
        assert 400 <= answer.status_code < 500, content
        assert answer.headers["content-type"] == "application/problem+json"
    assert (
        browser.post("/v1/animations", content=b"", headers={"Content-Type": "multipart/form-data"}).status_code == 400
    )


def test_unknown_paths_and_methods_are_problems_too(browser: TestClient) -> None:
    assert browser.get("/v1/nothing").headers["content-type"] == "application/problem+json"
    refused = browser.put("/v1/animations")
    assert (refused.status_code, refused.headers["allow"]) == (405, "POST")


def test_the_description_is_there_and_comes_from_nowhere_else(browser: TestClient) -> None:
    document = browser.get("/openapi.json").json()
    assert set(document["paths"]) >= {"/v1/animations", "/v1/jobs", "/v1/jobs/{request_id}", "/v1/health"}
    page = browser.get("/docs").text
    assert "https://" not in page.replace("https://www.w3.org", "")
    assert json.dumps(document)


def test_a_file_on_disk_is_what_is_left_of_nothing(browser: TestClient, tmp_path: Path) -> None:
    import tempfile

    before = set(Path(tempfile.gettempdir()).glob("emotalk-web-*"))
    browser.post("/v1/animations?format=csv", content=SOUND)
    assert set(Path(tempfile.gettempdir()).glob("emotalk-web-*")) <= before


@pytest.mark.parametrize("asked", ["on", "true"])
def test_the_head_comes_where_it_is_asked_for_and_the_52_values_stay(
    browser: TestClient, frames: np.ndarray, asked: str
) -> None:
    field = {"head": asked, "request_id": f"head {asked}"}
    arrays = np.load(io.BytesIO(browser.post("/v1/animations", params={"format": "npz"}, **as_form(**field)).content))
    assert arrays["frames"].shape == frames.shape
    assert arrays["head"].shape == (len(frames), 3)
    document = browser.post("/v1/animations", **as_form(**field)).json()
    heads = [[row["head"][axis] for axis in ("yaw", "pitch", "roll")] for row in document["frames"]]
    assert np.allclose(heads, arrays["head"])
    stored = browser.get(f"/v1/jobs/head {asked}/animation", params={"format": "csv"})
    assert stored.text.partition("\n")[0].strip().endswith("headYaw,headPitch,headRoll")
    told = browser.post("/v1/animations", headers={"Accept": "text/event-stream"}, **as_form(**field)).text
    chunks = [event.data for event in parsed(told) if event.name == "chunk"]
    assert sum(len(chunk["head"]) for chunk in chunks) == len(frames)
