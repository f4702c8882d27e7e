"""Where the embedded queue lies: with a home, without one, and where no folder can be had."""

import os
import pwd
import stat
import tempfile
from pathlib import Path

import pytest

from emotalk.cli.exits import Exit
from emotalk.cli.main import main
from emotalk.errors import ConfigurationError
from emotalk.processes import state
from emotalk.queues.urls import read_path
from tests.integration.served import speech

COMMANDS = {
    ("jobs", "list"): Exit.OK,
    ("submit", "--audio", "in.wav", "--timeout", "0"): Exit.DEADLINE,  # nobody works; it is queued
    ("doctor", "--engine", "tone", "--port", "0"): Exit.OK,
}


@pytest.fixture
def lasting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The system's folder that outlives a restart, where nobody has put anything yet."""
    folder = tmp_path / "var"
    folder.mkdir()
    monkeypatch.setattr(state, "LASTING", folder)
    return folder


@pytest.fixture(params=["no HOME, no such user", "HOME that is read only"])
def homeless(request: pytest.FixtureRequest, lasting: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An arbitrary user of a container; the one folder that it can write."""
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    if request.param.startswith("no"):
        monkeypatch.delenv("HOME", raising=False)
        monkeypatch.setattr(pwd, "getpwuid", lambda uid: {}[uid])
    else:
        monkeypatch.setenv("HOME", "/")
        monkeypatch.setattr(os, "access", lambda path, mode: Path(path).is_relative_to(lasting) and Path(path).exists())
    return lasting


def test_who_has_a_home_has_its_state_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert state.find_queue_file() == tmp_path / ".local/state/emotalk/queue.db"


def test_the_variable_of_the_state_folder_goes_over_everything(homeless: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", "/wished")
    assert state.find_queue_file() == Path("/wished/emotalk/queue.db")


def test_who_has_no_home_gets_a_private_folder_that_lasts_and_a_sentence(
    homeless: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = state.find_state_folder()
    assert folder.parent == homeless
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert state.find_state_folder() == folder
    [fix] = {vars(record)["fix"] for record in caplog.records}
    assert "HOME" in fix
    assert "--queue sqlite:///PATH" in fix


def test_where_nothing_lasts_the_folder_for_temporary_files_has_to_do(
    homeless: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(state, "LASTING", homeless / "missing")
    monkeypatch.setattr(tempfile, "gettempdir", lambda: str(homeless))
    assert state.find_state_folder().parent == homeless


@pytest.mark.parametrize("trap", ["open", "link", "file"])
def test_a_folder_that_others_may_change_is_refused_with_the_fix(homeless: Path, trap: str) -> None:
    place = homeless / f"emotalk-{os.getuid()}"
    if trap == "open":
        place.mkdir()
        place.chmod(0o777)
    elif trap == "link":
        place.symlink_to(homeless)
    else:
        place.write_bytes(b"")
    with pytest.raises(ConfigurationError, match=r"--queue sqlite:///PATH"):
        state.find_state_folder()


def test_where_no_folder_can_be_written_the_sentence_names_the_queue_and_the_fix(
    homeless: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nowhere() -> str:
        raise FileNotFoundError("No usable temporary directory found")

    monkeypatch.setattr(state, "LASTING", homeless / "missing")
    monkeypatch.setattr(tempfile, "gettempdir", nowhere)
    with pytest.raises(ConfigurationError, match=r"^queue: .*HOME.*--queue sqlite:///PATH"):
        state.find_state_folder()


@pytest.mark.parametrize("words", COMMANDS, ids=lambda words: words[0])
@pytest.mark.long
def test_a_command_works_without_a_home(
    words: tuple[str, ...], homeless: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(homeless)
    Path("in.wav").write_bytes(speech(1.0))
    assert main([*words]) == COMMANDS[words]
    assert "Traceback" not in capsys.readouterr().err


def test_a_tilde_that_stands_for_no_folder_is_refused_by_its_path(homeless: Path) -> None:
    if "HOME" in os.environ:
        assert read_path("~/q.db") == Path("/q.db")
        return
    with pytest.raises(ConfigurationError, match=r"~/q\.db: .*Set HOME"):
        read_path("~/q.db")
