"""An environment with the published stubs, made once and kept: they want another grpcio than ours."""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

import pytest

WANTED = Path(__file__).with_name("requirements.txt")
SAMPLE = Path(__file__).with_name("sample.py")


@cache
def python() -> Path:
    """Its interpreter. Without a registry the test is skipped, but not in CI."""
    digest = hashlib.sha256(WANTED.read_bytes() + sys.version.encode()).hexdigest()[:12]
    folder = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "emotalk-tests" / f"a2f-{digest}"
    interpreter = folder / "bin" / "python"
    if not interpreter.exists():
        _make(folder)
    return interpreter


def _make(folder: Path) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    new = Path(tempfile.mkdtemp(dir=folder.parent))
    try:
        subprocess.run([sys.executable, "-m", "venv", new], check=True, timeout=120)
        install = [new / "bin" / "python", "-m", "pip", "install", "--quiet", "-r", WANTED]
        subprocess.run(install, check=True, timeout=300, capture_output=True)
        new.rename(folder)
    except (subprocess.SubprocessError, OSError) as error:
        shutil.rmtree(new, ignore_errors=True)
        if folder.exists():  # another run was quicker
            return
        if os.environ.get("CI"):
            raise
        pytest.skip(f"the published stubs cannot be installed: {error}")
