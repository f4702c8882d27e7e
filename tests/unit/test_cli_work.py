"""How a worker's process ends."""

import argparse
import os
from typing import NoReturn

import pytest

from emotalk.cli import work
from emotalk.errors import ConfigurationError, EmoTalkError
from emotalk.wire.status import Exit
from emotalk.worker.attempt import JobHung


def leave(code: int) -> NoReturn:
    raise SystemExit(code)


def left_with(error: Exception | None, monkeypatch: pytest.MonkeyPatch) -> int:
    """The code with which the process ends, at once, where working ends so."""

    def worked(*_: object) -> None:
        if error:
            raise error

    monkeypatch.setattr(work, "work", worked)
    monkeypatch.setattr(work, "load_settings", lambda *_, **__: None)
    monkeypatch.setattr(os, "_exit", leave)
    with pytest.raises(SystemExit) as end:
        work.run(argparse.Namespace(supervised=False))
    return int(str(end.value.code))


@pytest.mark.parametrize(
    ("error", "code"),
    [(None, Exit.OK), (JobHung("it hangs"), Exit.HUNG), (ConfigurationError("a name twice"), Exit.USAGE)],
)
def test_a_worker_ends_at_once_however_it_ends_and_lets_python_wait_for_nothing(
    error: EmoTalkError | None, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert left_with(error, monkeypatch) == code
    told = capsys.readouterr().err
    assert told == ("emotalk: a name twice\n" if code == Exit.USAGE else "")


def test_a_fault_of_ours_is_told_where_it_is_and_ends_the_worker_too(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert left_with(KeyError("lost"), monkeypatch) == Exit.FAILED
    assert "KeyError: 'lost'" in capsys.readouterr().err
