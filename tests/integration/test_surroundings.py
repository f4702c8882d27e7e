"""Our processes in the folders of others: one full of modules named like Python's own, and a /tmp that is cleaned."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2 as httpx
import pytest

from emotalk.audio import Limits, prepare
from emotalk.audio.apart import Decoders
from emotalk.client import EmoTalkClient, Live, Request
from emotalk.errors import ConfigurationError
from emotalk.supervision import sockets
from emotalk.supervision.sockets import LONGEST_BYTES, PrivateSocket
from tests.integration.served import PATIENCE, Outside, children, eventually, gone, outside, speech

SERVE = ("serve", "--port", "0", "--engine", "tone", "--queue", "sqlite", "--web-port", "0", "--live-sessions", "1")
OPEN = r"window open url=(\S+)"
STRANGERS = """argparse asyncio base64 code copy csv datetime email enum google grpc hashlib html http inspect
    json logging numpy onnxruntime orjson pathlib platform platformdirs prometheus_client queue random re secrets
    select selectors shutil signal socket soundfile soxr sqlite3 ssl statistics string struct subprocess tempfile test
    threading token tokenize traceback typing urllib uuid uvicorn fastapi weakref xml""".split()
"""Beside those that Python itself needs for any `python -m`."""
SOUND = speech(1.0)[44:]


def spoken(server: Outside) -> int:
    with EmoTalkClient(port=server.port) as client:
        return sum(len(chunk.frames) for chunk in client.live(Live(16_000), [SOUND]))


@pytest.fixture
def hostile(tmp_path: Path) -> Path:
    """A working folder, with a space and letters of another country in its name, whose modules nobody may run."""
    folder = tmp_path / "của ai đó"
    folder.mkdir()
    for name in STRANGERS:
        (folder / f"{name}.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'a').write({name!r}); raise RuntimeError")
    return folder


def test_no_process_of_ours_runs_what_lies_in_the_working_folder(tmp_path: Path, hostile: Path) -> None:
    with outside(hostile, *SERVE, EMOTALK_WEB="yes") as server:
        url = server.says(OPEN)
        with EmoTalkClient(port=server.port) as client:
            assert sum(len(chunk.frames) for chunk in client.stream(Request(speech(1.0)))) == 30
        assert spoken(server) == 30
        assert httpx.get(f"{url}v1/health", timeout=PATIENCE).json() == {"ready": True}
        assert server.end() == 0
    for words in (["work", "--queue", "sqlite:///q.db", "--engine", "none"], ["web", "--server", "nowhere"]):
        ended = subprocess.run([sys.executable, "-m", "emotalk", *words], cwd=hostile, capture_output=True, check=False)
        assert ended.returncode == 2, ended.stderr
    assert not (tmp_path / "ran").exists()


def test_nor_does_a_decoder(tmp_path: Path, hostile: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(hostile)
    with Decoders(Limits()) as decoders:
        assert decoders.prepare(speech(1.0), Limits()) == prepare(speech(1.0), Limits())
    assert not (tmp_path / "ran").exists()


@pytest.fixture
def cleaned(tmp_path: Path) -> Iterator[Path]:
    """A folder for what is temporary, short enough for a socket, with a space and a percent sign in its name."""
    folder = Path(f"/tmp/emotalk {os.getpid()} 100%")
    folder.mkdir()
    yield folder
    shutil.rmtree(folder)


@pytest.mark.parametrize("taken", ["the sockets", "their folders"])
def test_a_cleaner_takes_neither_microphone_nor_page_away(tmp_path: Path, cleaned: Path, taken: str) -> None:
    with outside(tmp_path, *SERVE, EMOTALK_WEB="yes", TMPDIR=str(cleaned)) as server:
        url = server.says(OPEN)
        assert spoken(server) == 30
        engine, page = children(server.process.pid, "live"), children(server.process.pid, "web")
        for folder in cleaned.glob("emotalk-*"):
            shutil.rmtree(folder) if taken == "their folders" else (folder / "socket").unlink()
        assert spoken(server) == 30
        assert children(server.process.pid, "live") == engine
        eventually(lambda: len(list(cleaned.glob("emotalk-*/socket"))) == 2)
        os.kill(page[0], 9)  # another page has to find its way anew
        eventually(lambda: gone(page[0]))
        assert server.says(OPEN, times=2) == url
        assert httpx.get(f"{url}v1/health", timeout=PATIENCE).json() == {"ready": True}
        assert server.end() == 0
    assert list(cleaned.glob("emotalk-*")) == []


def test_a_tmpdir_longer_than_a_socket_s_path_works(tmp_path: Path) -> None:
    long = tmp_path / ("long" * 30)
    long.mkdir()
    with outside(tmp_path, *SERVE, EMOTALK_WEB="yes", TMPDIR=str(long)) as server:
        url = server.says(OPEN)
        assert spoken(server) == 30
        assert httpx.get(f"{url}v1/health", timeout=PATIENCE).json() == {"ready": True}
        assert server.end() == 0


def nowhere() -> str:
    raise FileNotFoundError("no usable temporary directory")


@pytest.mark.parametrize("folder", [nowhere, lambda: "/proc/self"])
def test_where_no_socket_can_be_made_one_sentence_names_tmpdir(
    folder: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sockets, "FOLDERS", (folder,))
    with pytest.raises(ConfigurationError, match="TMPDIR"):
        PrivateSocket.make("live")


def test_a_socket_is_not_served_in_a_folder_that_others_can_write(tmp_path: Path) -> None:
    socket = PrivateSocket(tmp_path / "of others" / "socket")
    (tmp_path / "of others").mkdir(mode=0o777)
    (tmp_path / "of others").chmod(0o777)
    with pytest.raises(PermissionError):
        socket.make_room()
    assert not socket.is_missing()
    assert not socket.is_present()


def test_a_path_of_a_socket_is_never_longer_than_any_system_takes(tmp_path: Path) -> None:
    socket = PrivateSocket.make("live")
    assert len(os.fsencode(socket.address.removeprefix("unix:"))) <= LONGEST_BYTES
    socket.close()
