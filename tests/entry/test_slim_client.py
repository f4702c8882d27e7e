"""The wheel without extras, in an empty environment: a client that needs numpy, gRPC and protobuf alone."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from emotalk.engines.tone import ToneEngine
from tests.entry.house import INSTALL_SECONDS, ROOT, UNCOMPILED, House, bare_environment
from tests.integration.served import Inside, speech
from tests.integration.test_live import tone_relay

BROUGHT = {"emotalk", "googleapis-common-protos", "grpcio", "grpcio-status", "numpy", "protobuf", "typing-extensions"}
TOOLS = {"pip", "setuptools"}

ASK = """
import sys
from pathlib import Path
from emotalk import ARKIT_NAMES, EmoTalkClient, Request
from emotalk.client import Live

port, sound = int(sys.argv[1]), sys.argv[2]
with EmoTalkClient("127.0.0.1", port) as client:
    asked = [frame for chunk in client.process_audio_file(sound) for frame in chunk["frames"]]
    job = client.submit(Request(Path(sound).read_bytes()))
    fetched = [chunk for chunk in client.results(job.request_id)]
    live = list(client.live(Live(16_000), [Path(sound).read_bytes()[44:]]))
assert len(ARKIT_NAMES) == len(asked[0]["blendshapes"]) == 52
print(len(asked), *(sum(len(chunk.frames) for chunk in chunks) for chunks in (fetched, live)))
"""


@pytest.fixture(scope="module")
def slim(tmp_path_factory: pytest.TempPathFactory) -> House:
    """An empty environment in which the wheel is all that was installed; far from the checkout."""
    folder = tmp_path_factory.mktemp("slim")
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "-q")
    subprocess.run([*pip, "wheel", "--no-deps", "-w", folder, ROOT], check=True, timeout=INSTALL_SECONDS)
    subprocess.run([sys.executable, "-m", "venv", folder / "venv"], check=True, timeout=INSTALL_SECONDS)
    path = f"{folder / 'venv' / 'bin'}:/usr/bin:/bin"
    house = House(folder, {**bare_environment(folder), **UNCOMPILED, "PATH": path})
    constraints = ROOT / "requirements" / "constraints.txt"
    [wheel] = folder.glob("emotalk-*.whl")
    done = house.run("pip", "install", "-q", "-c", str(constraints), str(wheel), timeout=INSTALL_SECONDS)
    assert done.returncode == 0, done.stdout + done.stderr
    return house


@pytest.fixture(scope="module")
def port() -> Iterator[str]:
    with Inside(engine=ToneEngine(), relay=tone_relay()) as inside:
        yield str(inside.server.port)


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("sound") / "speech.wav"
    path.write_bytes(speech(2.0))
    return str(path)


def test_it_brings_what_the_client_needs_and_nothing_else(slim: House) -> None:
    listed = json.loads(slim.get("pip", "list", "--format", "json", "--disable-pip-version-check"))
    assert {each["name"].lower().replace("_", "-") for each in listed} - TOOLS == BROUGHT
    slim.get("pip", "check")


def test_its_client_asks_submits_fetches_and_speaks_live(slim: House, port: str, sound: str) -> None:
    assert slim.get("python", "-c", ASK, port, sound).split() == ["60", "60", "60"]


def test_its_commands_send_a_file_and_ask_whether_the_server_is_ready(slim: House, port: str, sound: str) -> None:
    assert slim.get("emotalk", "health", f"127.0.0.1:{port}") == "SERVING\n"
    slim.get("emotalk", "send", sound, "-o", "face.npy", "--host", "127.0.0.1", "--port", port)
    assert np.load(slim.folder / "face.npy").shape == (60, 52)


@pytest.mark.parametrize("words", ["serve --port 0", "animate in.wav -o out.npy", "work", "doctor", "jobs list"])
def test_any_other_command_says_what_to_type_and_it_is_this_environments_pip(slim: House, words: str) -> None:
    done = slim.run("emotalk", *words.split())
    [wheel] = slim.folder.glob("emotalk-*.whl")
    assert done.returncode == 2, done.stdout + done.stderr
    assert done.stderr.startswith(f"emotalk: {words.split()[0]}: ")
    assert f"{slim.folder}/venv/bin/python" in done.stderr
    assert f"-m pip install '{wheel}[serve]'" in done.stderr


def test_its_help_lists_every_command(slim: House) -> None:
    listed = slim.get("emotalk", "--help")
    assert all(f"    {name} " in listed for name in ("serve", "send", "animate", "health"))


def test_the_folder_of_the_checkout_is_not_asked(slim: House) -> None:
    where = Path(slim.get("python", "-c", "import emotalk; print(emotalk.__file__)").strip())
    assert slim.folder in where.parents
