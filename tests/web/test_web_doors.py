"""Who may speak to the window: names, origins, sizes, tokens."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from emotalk import metrics
from emotalk.engines.tone import ToneEngine
from emotalk.server.guard.guard import Guard as ServerDoors
from emotalk.web import uploads
from emotalk.web.app import Allowed
from tests.integration.served import Inside, speech
from tests.web.conftest import window


@pytest.mark.parametrize(
    "host", ["localhost:8000", "127.0.0.1:8000", "[::1]:8000", "192.168.1.7:8000", "LOCALHOST", "localhost."]
)
def test_localhost_and_addresses_are_ours(browser: TestClient, host: str) -> None:
    for path in ("/v1/health", "/v1/health/ready"):
        assert browser.get(path, headers={"Host": host}).json() == {"ready": True}


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "", "[::1", "a b"]
)
def test_a_name_that_somebody_has_bent_to_this_machine_is_refused(browser: TestClient, host: str) -> None:
    answer = browser.get("/v1/health", headers={"Host": host})
    assert answer.status_code == 421
    assert answer.json()["field"] == "host"
    assert "--web-hosts" in answer.json()["fix"]


def test_a_name_that_is_given_is_ours(server: Inside) -> None:
    with window(server.server.port, Allowed(hosts=["avatars.example"])) as client:
        assert client.get("/v1/health", headers={"Host": "avatars.example:8000"}).status_code == 200


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "http://localhost:9999", "https://evil.example:8000"]
)
def test_other_pages_may_not_write(browser: TestClient, origin: str) -> None:
    for method, path in (("POST", "/v1/animations"), ("POST", "/v1/jobs"), ("DELETE", "/v1/jobs/x")):
        answer = browser.request(method, path, content=speech(0.2), headers={"Origin": origin})
        assert (answer.status_code, answer.json()["field"]) == (403, "origin")


@pytest.mark.parametrize("origin", ["http://evil.example", "null"])
def test_other_pages_may_not_listen_to_the_microphone(browser: TestClient, origin: str) -> None:
    with (
        pytest.raises(WebSocketDisconnect) as refused,
        browser.websocket_connect("ws://localhost:8000/v1/stream", headers={"Origin": origin}),
    ):
        pass
    assert refused.value.code == 1008


def test_our_own_page_may(browser: TestClient) -> None:
    headers = {"Origin": "http://localhost:8000"}
    assert browser.post("/v1/animations", content=speech(0.2), headers=headers).status_code == 200
    with browser.websocket_connect("ws://localhost:8000/v1/stream", headers=headers) as socket:
        socket.send_json({"type": "start", "sample_rate": 16_000})
        assert socket.receive_json()["type"] == "started"
        socket.send_json({"type": "end"})
        assert socket.receive_json()["type"] == "error"  # for nothing was said; but it was let in


def test_no_other_page_can_read_unless_its_origin_is_named(server: Inside, browser: TestClient) -> None:
    origin = {"Origin": "https://avatars.example"}
    assert "access-control-allow-origin" not in browser.get("/v1/health", headers=origin).headers
    with window(server.server.port, Allowed(origins=["https://avatars.example"])) as client:
        answer = client.post("/v1/animations", content=speech(0.2), headers=origin)
        assert answer.status_code == 200
        assert answer.headers["access-control-allow-origin"] == "https://avatars.example"
        asked = {**origin, "Access-Control-Request-Method": "POST"}
        assert client.options("/v1/jobs", headers=asked).status_code == 200


@pytest.mark.parametrize("spelling", ["null", "file://"])
def test_a_page_of_a_file_may_call_where_files_are_named(server: Inside, spelling: str) -> None:
    with window(server.server.port, Allowed(origins=["file://"])) as client:
        answer = client.post("/v1/animations", content=speech(0.2), headers={"Origin": spelling})
        assert answer.status_code == 200
        assert answer.headers["access-control-allow-origin"] == spelling


def test_a_body_that_says_that_it_is_too_long_is_refused_before_it_is_read(browser: TestClient) -> None:
    def body() -> Iterator[bytes]:
        yield b"never read"
        raise AssertionError("somebody has read on")

    headers = {"Content-Length": str(uploads.MAX_BODY_BYTES + 1)}
    answer = browser.post("/v1/animations", content=body(), headers=headers)
    assert answer.status_code == 413
    assert answer.json()["fix"]


def test_a_body_that_does_not_say_so_is_refused_as_soon_as_it_is_too_long(
    server: Inside, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploads.BodyLimit.__init__, "__defaults__", (100_000,))
    with window(server.server.port) as client:
        for body in ({"content": iter([b"x" * 60_000] * 3)}, {"files": {"audio": ("a.wav", b"x" * 200_000)}}):
            assert client.post("/v1/animations", **body).status_code == 413
        assert client.post("/v1/animations", content=speech(0.2)).status_code == 200


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    tokens = tmp_path_factory.mktemp("tokens") / "tokens"
    tokens.write_text("studio sesame-0123456789abcdef\n")
    tokens.chmod(0o600)
    doors = ServerDoors(token_file=Path(tokens))
    with Inside(engine=ToneEngine(), doors=doors) as inside, window(inside.server.port) as client:
        yield client


def test_a_token_is_passed_on(guarded: TestClient) -> None:
    headers = {"Authorization": "Bearer sesame-0123456789abcdef"}
    assert guarded.post("/v1/animations", content=speech(0.2), headers=headers).status_code == 200


@pytest.mark.parametrize("header", [None, "Bearer wrong", "Basic c2VzYW1l", "Bearer não"])
def test_without_the_right_token_it_is_unauthorised_and_says_how(guarded: TestClient, header: str | None) -> None:
    headers = {"Authorization": header.encode()} if header else {}
    for answer in (
        guarded.post("/v1/animations", content=speech(0.2), headers=headers),
        guarded.get("/v1/jobs/any", headers=headers),
    ):
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == "Bearer"


def test_no_server_behind_the_window_is_said_with_its_cause() -> None:
    with window(1) as client:
        for answer in (client.get("/v1/health"), client.post("/v1/jobs", content=speech(0.2))):
            assert answer.status_code == 503
            assert answer.headers["retry-after"]
            told = answer.json()["detail"]
            assert re.fullmatch(
                r"No EmoTalk server answers at 127\.0\.0\.1:1 \([\w ]+\)\. Start one: emotalk serve; .+\.", told
            )


def test_an_id_with_slashes_is_found_again(browser: TestClient) -> None:
    for name in ("a/b", "a/events", "a%2Fb", "x/animation/"):
        place = browser.post("/v1/jobs", params={"request_id": name}, content=speech(0.2)).headers["location"]
        assert browser.get(place).json()["request_id"] == name
        assert len(browser.get(f"{place}/animation").json()["frames"]) == 6
        assert browser.delete(place).status_code == 200


def test_whatever_a_stranger_calls_a_method_is_one_label(browser: TestClient) -> None:
    for number in range(3):
        browser.request(f"M{number}", "/v1/health")
    named = {sample.labels["method"] for family in metrics.WEB.collect() for sample in family.samples if sample.labels}
    assert "other" in named
    assert not any(name.startswith("M") for name in named)


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://["},
        {"Content-Type": "multipart/form-data; boundary=x; charset=undefined"},
        {"Content-Type": "multipart/form-data; boundary=x; charset=utf-99"},
        {"Authorization": "Bearer " + "x" * 12_000},
        {"Accept": "*/*;q=" + "9" * 5000},
    ],
)
def test_a_header_that_nobody_would_send_is_answered_by_name(browser: TestClient, headers: dict[str, str]) -> None:
    assert browser.post("/v1/jobs", headers=headers, content=b"--x--").status_code in (400, 401, 403, 422)


def test_a_number_of_thousands_of_digits_is_not_a_frame(browser: TestClient) -> None:
    browser.post("/v1/jobs", params={"request_id": "digits"}, content=speech(0.2))
    answer = browser.get("/v1/jobs/digits/events", headers={"Last-Event-ID": "9" * 4400})
    assert (answer.status_code, answer.json()["field"]) == (400, "Last-Event-ID")


def test_the_contract_is_not_told_where_reflection_is_off_and_else_its_page_loads_nothing_from_elsewhere(
    server: Inside, browser: TestClient
) -> None:
    assert "default-src 'self'" in browser.get("/docs").headers["content-security-policy"]
    with window(server.server.port, Allowed(described=False)) as client:
        assert [client.get(path).status_code for path in ("/docs", "/openapi.json")] == [404, 404]
        assert client.get("/v1/health").status_code == 200
