"""What whoever runs bench/soak.py in a script relies on: its exit code, and one line of JSON at the end."""

import json
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bench import soak
from tests.chaos.campaign import Seen
from tests.chaos.programs import End
from tests.chaos.test_verdict import flawless, with_end

NAMES = ["accepted", "answered", "poisoned", "buried", "lost", "doubled", "disordered", "kills", "jobs_interrupted"]


@pytest.fixture
def soaked(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Callable[..., Any]:
    """(exit code, every line that is JSON, the last line) of a soak that sees `seen`."""

    def run(seen: Seen, *words: str) -> tuple[int, list[Any], str]:
        monkeypatch.setattr(soak, "run", lambda plan, folder: replace(seen, plan=plan))
        monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
        monkeypatch.setattr("sys.argv", ["soak.py", *words])
        monkeypatch.setattr(signal, "signal", lambda *_: None)
        code = soak.main()
        *_, last = lines = capsys.readouterr().out.splitlines()
        return code, [json.loads(line) for line in lines if line.startswith("{")], last

    return run


def test_it_ends_with_one_line_of_json_summed_over_both_queues(soaked: Callable[..., Any]) -> None:
    code, [found], last = soaked(flawless(), "--seed", "7", "--minutes", "0.5")
    assert code == 0
    assert json.loads(last) == found
    assert list(found)[: len(NAMES)] == NAMES
    assert (found["accepted"], found["kills"], found["seed"]) == (6, {"worker": 8, "server": 16, "broker": 0}, 7)
    assert list(found["queues"]) == ["sqlite", "kafka"]


def test_a_fault_fails_it_and_its_words_stay_off_the_line_of_json(soaked: Callable[..., Any]) -> None:
    broken = with_end(flawless(), End("worker-2", 1, 0, True, "", 'Traceback\n{"event": "start"}\n'))
    code, found, _ = soaked(broken, "--queue", "kafka")
    assert code == 1
    assert len(found) == 1
    assert list(found[0]["queues"]) == ["kafka"]
