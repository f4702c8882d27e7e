"""Sound through a pipe, and consoles that cannot print a name: what is typed in a shell works."""

import os
import subprocess
import sys
from pathlib import Path
from threading import Thread

import numpy as np
import pytest

from emotalk.cli import main

SOUND = Path(__file__).resolve().parents[2] / "audio" / "angry1.wav"
TONE = ("--engine", "tone")


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> np.ndarray:
    out = tmp_path_factory.mktemp("face") / "face.npy"
    assert main(["animate", str(SOUND), "-o", str(out), *TONE]) == 0
    return np.load(out)


def test_a_named_pipe_is_read_once_and_gives_the_same_face(tmp_path: Path, expected: np.ndarray) -> None:
    pipe, out = tmp_path / "pipe.wav", tmp_path / "face.npy"
    os.mkfifo(pipe)
    writer = Thread(target=lambda: pipe.write_bytes(SOUND.read_bytes()), daemon=True)
    writer.start()
    assert main(["animate", str(pipe), "-o", str(out), *TONE]) == 0
    assert np.array_equal(np.load(out), expected)


@pytest.mark.parametrize("name", ["-", "/dev/stdin"])
def test_standard_input_is_a_file_like_any_other(name: str, tmp_path: Path, expected: np.ndarray) -> None:
    command = [sys.executable, "-m", "emotalk", "animate", name, "-o", "face.npy", *TONE]
    done = subprocess.run(command, cwd=tmp_path, input=SOUND.read_bytes(), capture_output=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert np.array_equal(np.load(tmp_path / "face.npy"), expected)


def test_a_console_that_cannot_print_the_name_changes_neither_file_nor_exit_code(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "emotalk", "animate", str(SOUND), "-o", "mặt.npy", *TONE]
    environment = {**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "mặt.npy").is_file()
    assert b"t.npy: " in done.stdout
