"""A copy of the repository with an empty environment of its own: what somebody has who has just cloned it."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread, Timer
from typing import IO

ROOT = Path(__file__).parents[2]
INSTALL_SECONDS = 540.0
COMMAND_SECONDS = 120.0
UNCOMPILED = {"PIP_COMPILE": "no"}
"""Of an environment that is used for a minute, what is imported is compiled at its import, and the rest never."""
_NOT_CLONED = shutil.ignore_patterns(
    ".git", ".venv*", ".*_cache", ".hypothesis", "__pycache__", "jars", "demo", "build", "dist"
)


@dataclass(frozen=True)
class Running:
    """A program that has said it is ready. `lines`: everything it has said so far."""

    process: subprocess.Popen[str]
    lines: list[str]


@dataclass(frozen=True)
class House:
    """`folder` is the copy; `environment` has the copy's own Python first and nothing of ours."""

    folder: Path
    environment: dict[str, str] = field(repr=False)

    def run(self, *words: str, timeout: float = COMMAND_SECONDS) -> subprocess.CompletedProcess[str]:
        """Run a command as typed in the copy's folder; whatever its exit code."""
        return subprocess.run(
            words, cwd=self.folder, env=self.environment, capture_output=True, text=True, timeout=timeout
        )

    def get(self, *words: str, timeout: float = COMMAND_SECONDS) -> str:
        """The standard output of a command that must end well."""
        done = self.run(*words, timeout=timeout)
        assert done.returncode == 0, f"{' '.join(words)} ended with {done.returncode}:\n{done.stdout}{done.stderr}"
        return done.stdout

    @contextmanager
    def running(self, *words: str, until: str) -> Iterator[Running]:
        """A program in the background, from its first line with the word `until` to SIGTERM."""
        process = subprocess.Popen(
            words,
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert process.stderr is not None
        lines: list[str] = []
        _wait_for(until, process, process.stderr, lines)
        reader = Thread(target=lines.extend, args=(process.stderr,), daemon=True)
        reader.start()
        try:
            yield Running(process, lines)
        finally:
            process.terminate()
            process.wait(COMMAND_SECONDS)
            reader.join()
            process.stderr.close()


def _wait_for(word: str, process: subprocess.Popen[str], stream: IO[str], lines: list[str]) -> None:
    too_late = Timer(COMMAND_SECONDS, process.kill)
    too_late.start()
    for line in stream:
        lines.append(line)
        if word in line:
            too_late.cancel()
            return
    too_late.cancel()
    process.wait()
    raise AssertionError(f"ended without '{word}':\n{''.join(lines)}")


def build_house(folder: Path) -> House:
    """Copy what git tracks, make an environment, and install what requirements.txt says and nothing else."""
    copy, venv = folder / "clone", folder / "environment"
    clone(copy)
    subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True, timeout=INSTALL_SECONDS)
    path = f"{venv / 'bin'}{os.pathsep}{os.environ['PATH']}"
    house = House(copy, {**bare_environment(folder), **UNCOMPILED, "PATH": path})
    done = house.run("pip", "install", "-q", "-r", "requirements.txt", timeout=INSTALL_SECONDS)
    assert done.returncode == 0, done.stdout + done.stderr
    return house


def clone(target: Path) -> None:
    """What git tracks or would, as it is now; everything but caches where this is no git checkout."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True
    )
    if listed.returncode:
        shutil.copytree(ROOT, target, ignore=_NOT_CLONED)
        return
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target / name)


def bare_environment(folder: Path) -> dict[str, str]:
    """This process's variables without what tells of us; state goes into `folder`."""
    ours = ("EMOTALK_", "PYTHON", "VIRTUAL_ENV", "PYTEST_", "MAKE", "MFLAGS")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return {**kept, "XDG_STATE_HOME": str(folder / "state")}
