"""Schemas of KEDA and of the Prometheus operator, which npm brings."""

import hashlib
import json
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.deploy.kept import kept, need

HERE = Path(__file__).parent
GROUPS = ("keda.sh", "monitoring.coreos.com")


def faults(manifests: Sequence[dict[str, Any]]) -> list[str]:
    """What is wrong with manifests of GROUPS. Skips without Node.js, but not in CI."""
    need(["node", "npm"])
    sources = [HERE / "package.json", HERE / "check.mjs"]
    digest = hashlib.sha256(b"".join(each.read_bytes() for each in sources)).hexdigest()[:12]
    folder = kept(f"crds-{digest}", lambda new: _install(new, sources))
    text = json.dumps(manifests)
    done = subprocess.run(["node", "check.mjs"], cwd=folder, input=text, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def _install(folder: Path, sources: Sequence[Path]) -> None:
    for each in sources:
        shutil.copy(each, folder)
    quiet = ("--no-audit", "--no-fund", "--no-package-lock", "--loglevel=error")
    subprocess.run(["npm", "install", *quiet], cwd=folder, check=True, timeout=300)
