"""What is made once and kept in the user's cache: a program that compiles for minutes, an image, an environment."""

import fcntl
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "emotalk-tests"


def kept(name: str, make: Callable[[Path], None]) -> Path:
    """The folder of this name; `make` fills it the first time. Where that fails the test is skipped, but not in CI."""
    folder = CACHE / name
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            new = Path(tempfile.mkdtemp(dir=CACHE))
            try:
                make(new)
                new.rename(folder)
            except subprocess.SubprocessError as error:
                if os.environ.get("CI"):
                    raise
                pytest.skip(f"{name} cannot be made here: {error}")
            finally:
                shutil.rmtree(new, ignore_errors=True)
    return folder


def need(programs: Sequence[str]) -> None:
    """Skips the test where a program is missing, with its name; in CI that is a failure."""
    missing = [each for each in programs if shutil.which(each) is None]
    if missing and os.environ.get("CI"):
        pytest.fail(f"{', '.join(missing)} must be installed in CI: .ci/run does so")
    if missing:
        pytest.skip(f"needs {', '.join(missing)}")
