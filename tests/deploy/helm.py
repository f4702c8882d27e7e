"""The real helm, and the chart as it renders."""

import json
import os
import subprocess
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from tests.deploy.kept import kept, need

ROOT = Path(__file__).parents[2]
CHART = ROOT / "deploy" / "helm" / "emotalk"
VERSION = "v3.22.0"
RELEASE, NAMESPACE = "face", "speech"
KUBERNETES = "1.37.0"
"""One that is compiled from its module knows of none."""
KAFKA: Mapping[str, Any] = {"kafka": {"servers": ["kafka-0.kafka:9092", "kafka-1.kafka:9094"]}}

Manifest = dict[str, Any]


@cache
def helm() -> Path:
    """The program, compiled from its Go module the first time: minutes. Skips without Go, but not in CI."""
    need(["go"])
    return kept(f"helm-{VERSION}", _compile) / "helm"


def _compile(folder: Path) -> None:
    words = ["go", "install", f"helm.sh/helm/v3/cmd/helm@{VERSION}"]
    subprocess.run(words, check=True, env={**os.environ, "GOBIN": str(folder), "GOFLAGS": "-buildvcs=false"})


def run(*words: str, values: Mapping[str, Any]) -> "subprocess.CompletedProcess[str]":
    """`helm WORDS… CHART -f -`."""
    return subprocess.run(
        [helm(), *words, str(CHART), "--namespace", NAMESPACE, "--kube-version", KUBERNETES, "--values", "-"],
        input=json.dumps(merged(KAFKA, values)),
        capture_output=True,
        text=True,
        check=False,
    )


def merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Values over values, as Helm lays them."""
    both = {
        name: merged(base[name], over[name])
        for name in base.keys() & over.keys()
        if isinstance(base[name], Mapping) and isinstance(over[name], Mapping)
    }
    return {**base, **over, **both}


def rendered(values: Mapping[str, Any]) -> list[Manifest]:
    """All manifests for these values, over the defaults."""
    done = run("template", RELEASE, values=values)
    assert not done.returncode, done.stderr
    return [each for each in yaml.safe_load_all(done.stdout) if each]


def refused(values: Mapping[str, Any]) -> str:
    """What helm says to values that it does not take."""
    done = run("template", RELEASE, values=values)
    assert done.returncode
    return done.stderr


def the(kind: str, name: str, manifests: list[Manifest]) -> Manifest:
    """The one of this kind whose name ends like this."""
    [found] = [each for each in manifests if each["kind"] == kind and each["metadata"]["name"].endswith(name)]
    return found


def pods(manifests: list[Manifest]) -> Iterator[tuple[str, Manifest]]:
    """Every pod that the manifests make: whose, and its spec."""
    for each in manifests:
        if each["kind"] in ("Deployment", "StatefulSet"):
            yield each["metadata"]["name"], each["spec"]["template"]["spec"]
        if each["kind"] == "Pod":
            yield each["metadata"]["name"], each["spec"]


def container(pod: Manifest) -> Manifest:
    """Its only one."""
    [only] = pod["containers"]
    return dict(only)
