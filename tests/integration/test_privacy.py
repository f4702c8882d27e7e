"""A service that hears voices reports to nobody: nothing is left in an empty HOME, and nobody outside is called."""

import ast
import os
import re
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest

from emotalk.client import EmoTalkClient, Live, Request
from emotalk.engines import quiet_onnxruntime
from tests.integration.served import Outside, eventually, speech
from tests.parity.seeded_checkpoint import write_checkpoint

ROOT = Path(__file__).parents[2]
ENGINES = Path(quiet_onnxruntime.__file__).parent
IMPORTERS = {"onnxruntime": ENGINES / "quiet_onnxruntime.py", "openvino": ENGINES / "quiet_openvino.py"}
SOUND = speech(2.0)
# Where one of these is set, the runtimes are quiet by themselves and the test could not fail.
_SILENCING = ("CI", "TF_BUILD", "JENKINS_URL", "ORT_RUNNING_UNIT_TESTS", "ORT_DISABLE_TELEMETRY")
_CALL = re.compile(r'\b(?:connect|send\w+)\(.*?(?:inet_addr\("([^"]+)"\)|inet_pton\(AF_INET6, "([^"]+)")')
_CALLS = "trace=connect,sendto,sendmsg,sendmmsg"


class Watched(Outside):
    """A command of ours, in an empty home, whose every call to an address is written down."""

    entry: Sequence[str] = Outside.program

    def __init__(self, folder: Path, *arguments: str, **variables: str) -> None:
        self.home, self.trace = folder / "home", folder / "trace"
        self.home.mkdir()
        if shutil.which("strace"):
            # -D: the process that we start is the one that is watched, so that it hears our signals.
            strace = ("strace", "-D", "-f", "--seccomp-bpf", "-q", "-o", str(self.trace), "-e", _CALLS)
            self.program = (*strace, *self.entry)
        super().__init__(folder, *arguments, **{**variables, "HOME": str(self.home), "XDG_STATE_HOME": ""})

    def called(self) -> set[str]:
        """The addresses outside this machine that a process of the command has called."""
        if not shutil.which("strace"):
            assert "CI" not in os.environ, "strace is missing"
            return set()
        eventually(lambda: f"{self.process.pid} +++ exited" in re.sub(" +", " ", self.trace.read_text()))
        hosts = {host for pair in _CALL.findall(self.trace.read_text()) for host in pair if host}
        return {host for host in hosts if not host.startswith("127.") and host != "::1"}

    def left(self) -> set[str]:
        """The files in its home."""
        return {str(path.relative_to(self.home)) for path in self.home.rglob("*") if path.is_file()}


@pytest.fixture(autouse=True)
def _loud(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in _SILENCING:
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("engine", ["builtin", "emotalk"])
def test_animate_leaves_nothing_in_an_empty_home_and_calls_nobody(engine: str, tmp_path: Path) -> None:
    (tmp_path / "in.wav").write_bytes(SOUND)
    model = ("--model-path", str(write_checkpoint(tmp_path / "tiny.pth"))) if engine == "emotalk" else ()
    watched = Watched(tmp_path, "animate", "in.wav", "-o", "out.npy", "--engine", engine, *model)
    assert watched.wait() == 0, watched.log
    assert (watched.left(), watched.called()) == (set(), set())


def test_server_worker_live_engine_and_page_leave_the_queue_alone_and_call_nobody(tmp_path: Path) -> None:
    flags = ("--port", "0", "--web-port", "0", "--engine", "builtin")
    watched = Watched(tmp_path, "serve", *flags, EMOTALK_WEB="yes")
    try:
        with EmoTalkClient("127.0.0.1", watched.port) as client:
            assert watched.worker_pid
            assert sum(len(chunk.frames) for chunk in client.stream(Request(SOUND))) == 60
            assert list(client.live(Live(16_000), [SOUND[44:]]))
    finally:
        assert watched.end() == 0
    assert {Path(name).parent for name in watched.left()} == {Path(".local/state/emotalk")}
    assert watched.called() == set()


def test_the_watch_sees_whoever_calls_outside(tmp_path: Path) -> None:
    (tmp_path / "in.wav").write_bytes(SOUND)
    watched = Watched(tmp_path, "play", "in.wav", "--engine", "tone", "--to", "vmc://192.0.2.1:39539")
    watched.wait()
    assert watched.called() == {"192.0.2.1"} or not shutil.which("strace")


def test_only_the_quiet_modules_import_a_runtime_that_reports() -> None:
    for path in sorted(each for folder in _PYTHON for each in (ROOT / folder).rglob("*.py")):
        for name in imported(ast.parse(path.read_text("utf-8"))):
            assert path == IMPORTERS.get(name.partition(".")[0], path), f"{path}: import it from {IMPORTERS}"


def imported(tree: ast.Module) -> list[str]:
    """The names of the modules that a file imports."""
    found = [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    return found + [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]


_PYTHON = ("src", "bench", "training", "tests", "examples", "head")
