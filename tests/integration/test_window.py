"""The window as a user gets it: with `serve`, or alone; on a busy port, killed, drained, in front of TLS."""

import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import httpx2 as httpx
import numpy as np
import pytest

from tests.integration.served import PATIENCE, Outside, children, command, eventually, gone, outside, speech
from tests.web.events import parsed

SERVE = ("serve", "--port", "0", "--engine", "tone", "--queue", "sqlite")
OPEN = r"window open url=(\S+)"
ASK = {"chunk_duration": 1, "chunk_overlap": 0.2, "format": "events"}


@contextmanager
def served(home: Path, *more: str) -> Iterator[tuple[Outside, str]]:
    """A server with a window on a port of its own, and the window's address."""
    with outside(home, *SERVE, "--web-port", "0", *more, EMOTALK_WEB="yes") as server:
        yield server, server.says(OPEN)


def test_serve_opens_a_window_and_chunks_leave_it_as_they_are_ready(tmp_path: Path) -> None:
    with served(tmp_path) as (server, url):
        assert httpx.get(f"{url}v1/health", timeout=PATIENCE).json() == {"ready": True}
        with httpx.stream("POST", f"{url}v1/animations", params=ASK, content=speech(5.0), timeout=PATIENCE) as answer:
            text = "".join(answer.iter_text())
        frames = [row for event in parsed(text) if event.name == "chunk" for row in event.data["frames"]]
        assert np.array(frames).shape == (150, 52)
        windows = children(server.process.pid, "web")
        assert len(windows) == 1
        assert server.end() == 0
        assert gone(windows[0])


def test_the_default_port_that_is_busy_is_said_and_the_server_goes_on(tmp_path: Path) -> None:
    with closing(socket.socket()) as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            taken.bind(("127.0.0.1", 8000))
            taken.listen()
        except OSError:
            pass  # somebody else has it: just as busy
        with outside(tmp_path, *SERVE, EMOTALK_WEB="yes") as server:
            assert server.port
            assert server.find(r"(no web gateway).*127\.0\.0\.1:8000 cannot be bound")
            assert not children(server.process.pid, "web")


@pytest.mark.parametrize("by", ["flag", "variable"])
def test_a_port_that_was_asked_for_and_is_busy_stops_the_server(tmp_path: Path, by: str) -> None:
    with closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        flags = ("--web-port", port) if by == "flag" else ()
        variables = {"EMOTALK_WEB": "yes"} | ({} if flags else {"EMOTALK_WEB_PORT": port})
        with outside(tmp_path, *SERVE, *flags, **variables) as server:
            assert server.wait() == 2
            assert server.find(rf"(web_port: 127\.0\.0\.1:{port} cannot be bound)")


def test_no_web_opens_none(tmp_path: Path) -> None:
    with outside(tmp_path, *SERVE, "--no-web", "--web-port", "0", EMOTALK_WEB="yes") as server:
        assert server.port
        assert not children(server.process.pid, "web")


def test_a_window_that_is_killed_opens_again_on_the_same_port_and_the_server_does_not_notice(tmp_path: Path) -> None:
    with served(tmp_path) as (server, url):
        os.kill(children(server.process.pid, "web")[0], signal.SIGKILL)
        assert server.says(OPEN, times=2) == url
        assert httpx.get(f"{url}v1/health", timeout=PATIENCE).json() == {"ready": True}
        assert server.process.poll() is None


def test_an_answer_in_hand_is_finished_before_the_window_closes(tmp_path: Path) -> None:
    with served(tmp_path) as (server, url):
        with httpx.stream("POST", f"{url}v1/animations", params=ASK, content=speech(900.0), timeout=PATIENCE) as answer:
            parts = answer.iter_text()
            text = next(parts)
            server.process.send_signal(signal.SIGTERM)
            text += "".join(parts)
        assert parsed(text)[-1].name == "end"
        assert parsed(text)[-1].data["frames"] == 27_000
        assert server.wait() == 0


def test_the_window_ends_with_a_server_that_is_killed(tmp_path: Path) -> None:
    with served(tmp_path) as (server, _):
        [window] = children(server.process.pid, "web")
        server.process.kill()
        eventually(lambda: gone(window))


def test_a_window_alone_stands_in_front_of_any_server(tmp_path: Path) -> None:
    with outside(tmp_path, *SERVE) as server:
        alone = ("web", "--server", f"localhost:{server.port}", "--web-port", "0")
        with outside(tmp_path, *alone) as window:
            url = window.says(OPEN)
            answer = httpx.post(f"{url}v1/animations", content=speech(1.0), timeout=PATIENCE)
            assert len(answer.json()["frames"]) == 30
            server.end()
            answer = httpx.post(f"{url}v1/jobs", content=speech(1.0), timeout=PATIENCE)
            assert (answer.status_code, answer.headers["content-type"]) == (503, "application/problem+json")
            assert window.end() == 0


def test_a_window_alone_stops_where_its_port_is_busy(tmp_path: Path) -> None:
    with closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        said = command(tmp_path, "web", "--web-port", str(taken.getsockname()[1]))
    assert said.returncode == 2
    assert "web_port" in said.stderr


def test_behind_a_token_and_tls_the_window_passes_the_token_on(tmp_path: Path) -> None:
    key, certificate, tokens = (tmp_path / name for name in ("key.pem", "cert.pem", "tokens"))
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=avatars.example"]
    subprocess.run([*made, "-keyout", str(key), "-out", str(certificate)], check=True, capture_output=True)
    key.chmod(0o600)
    tokens.write_text("studio sesame-0123456789abcdef\n")
    tokens.chmod(0o600)
    doors = ("--tls-cert", str(certificate), "--tls-key", str(key), "--token-file", str(tokens))
    with served(tmp_path, *doors) as (_, url):
        sound, header = speech(1.0), {"Authorization": "Bearer sesame-0123456789abcdef"}
        assert httpx.post(f"{url}v1/animations", content=sound, timeout=PATIENCE).status_code == 401
        answer = httpx.post(f"{url}v1/animations", content=sound, headers=header, timeout=PATIENCE)
        assert len(answer.json()["frames"]) == 30
