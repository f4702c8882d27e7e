"""Packages of npm for tests that let somebody else's reader look: installed once a session, outside the checkout."""

import os
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

import pytest

HERE = Path(__file__).parent


@cache
def node_modules() -> Path:
    """A folder whose node_modules hold package.json's. Without Node the test is skipped, but not in CI."""
    if shutil.which("npm") is None and not os.environ.get("CI"):
        pytest.skip("needs Node.js and npm")
    folder = Path(tempfile.mkdtemp(prefix="emotalk-node-"))
    shutil.copy(HERE / "package.json", folder)
    quiet = ("--no-audit", "--no-fund", "--no-package-lock", "--loglevel=error")
    subprocess.run(["npm", "install", *quiet], cwd=folder, check=True, timeout=120)
    return folder
