"""The image, built and run here: it serves as anybody on a read-only root, calls nobody, and ends in order."""

import json
import re
import signal
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from emotalk.client import EmoTalkClient, Request
from emotalk.timebase import frame_count
from tests.deploy.image import ANYBODY, EXTRAS, Contained, Image, built, within
from tests.integration.served import eventually, speech
from tests.kafka.broker import free_ports

ROOT = Path(__file__).parents[2]
MOST_BYTES = 450e6
START_SECONDS = 120.0
"""Every call of it is watched."""


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Image]:
    with built(tmp_path_factory.mktemp("image")) as one:
        yield one


def test_it_is_small_and_has_no_root_no_installer_and_a_list_of_what_it_holds(image: Image) -> None:
    print(f"the image with EXTRAS={EXTRAS}: {image.bytes / 1e6:.0f} MB")
    assert image.bytes < MOST_BYTES
    assert int(image.config["User"]) > 0
    assert within(image, "python", "-m", "pip").returncode
    listed = json.loads((image.root / "opt/emotalk/sbom.cdx.json").read_text())["components"]
    files = [ROOT / "requirements" / f"image{each}.txt" for each in ("", *(f"-{extra}" for extra in EXTRAS.split()))]
    pinned = dict(pair for file in files for pair in re.findall(r"^([\w.-]+)==([^\s;]+)", file.read_text(), re.M))
    found = {re.sub(r"[-_.]+", "-", each["name"]).lower(): each["version"] for each in listed}
    assert {name: found.get(name) for name in pinned} == pinned


def test_nothing_can_be_written_but_scratch_space(image: Image) -> None:
    assert "Read-only" in within(image, "touch", "/app/file").stderr
    assert within(image, "touch", "/tmp/file").returncode == 0
    assert within(image, "id", "-u").stdout.strip() == ANYBODY.partition(":")[0]


def test_it_serves_answers_calls_nobody_and_finishes_what_it_has_at_sigterm(image: Image, tmp_path: Path) -> None:
    port, web = free_ports(2)
    flags = ("serve", "--port", str(port), "--web-port", str(web), "--queue", "sqlite:////tmp/queue.db")
    server = Contained(tmp_path, image, *flags)
    try:
        eventually(lambda: server.find("(web gateway warm)"), START_SECONDS)
        asked = within(image, "emotalk", "health", f"localhost:{port}")
        assert (asked.returncode, asked.stdout.strip()) == (0, "SERVING")
        with urllib.request.urlopen(f"http://127.0.0.1:{web}/") as page:
            assert b"<html" in page.read().lower()
        with EmoTalkClient("127.0.0.1", port) as client:
            frames = sum(len(chunk.frames) for chunk in client.stream(Request(speech(2.0))))
            assert frames == 60
            _drains(server, client)
    finally:
        if server.process.poll() is None:
            server.process.kill()
    assert server.called() == set()


def _drains(server: Contained, client: EmoTalkClient) -> None:
    """SIGTERM in the middle of an answer: it comes whole, and the server has ended in order."""
    seconds = 120.0
    answer = client.stream(Request(speech(seconds), request_id="long"))
    frames = len(next(answer).frames)
    server.process.send_signal(signal.SIGTERM)
    frames += sum(len(chunk.frames) for chunk in answer)
    assert frames == frame_count(round(seconds * 16_000))
    assert server.wait() == 0
    assert server.find("(drained)")
