"""The released 0.2.0: its own source out of git, in an environment of its own.

What it stands on are the pinned packages of these tests, which it allows: only `emotalk` itself is yesterday's.
"""

import os
import subprocess
import sys
import sysconfig
from functools import cache
from pathlib import Path

import pytest

from tests.deploy.kept import kept

ROOT = Path(__file__).parents[2]
RELEASED = "fb7b15d8b6766b260f2270cff77bcecd37e3c117"
"""0.2.0 has no tag: the last commit before `Unreleased` began in the changelog."""
_SHIPPED = ("src", "pyproject.toml", "README.md", "LICENSE", "NOTICE")


@cache
def python() -> Path:
    """Its interpreter. Skips where the history is not there (a shallow clone), but not in CI."""
    known = subprocess.run(["git", "cat-file", "-e", RELEASED], cwd=ROOT, capture_output=True, check=False)
    if known.returncode:
        missing = f"the released 0.2.0 ({RELEASED[:8]}) is not in this clone; run: git fetch --unshallow"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(missing)
    return kept(f"emotalk-{RELEASED[:8]}-{sys.version_info.major}{sys.version_info.minor}", _make) / "bin" / "python"


def _make(folder: Path) -> None:
    source = folder / "source"
    source.mkdir()
    archive = subprocess.run(["git", "archive", RELEASED, *_SHIPPED], cwd=ROOT, capture_output=True, check=True)
    subprocess.run(["tar", "x", "-C", source], input=archive.stdout, check=True)
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    pip = [sys.executable, "-m", "pip", "--python", str(folder / "bin" / "python"), "install", "--quiet"]
    subprocess.run([*pip, "hatchling", "--target", str(folder / "build")], check=True)
    words = [*pip, "--no-deps", "--no-build-isolation", str(source)]
    subprocess.run(words, check=True, env={**os.environ, "PYTHONPATH": str(folder / "build")})


PACKAGES = {"PYTHONPATH": sysconfig.get_path("purelib")}
"""A variable for its processes: what it stands on."""
