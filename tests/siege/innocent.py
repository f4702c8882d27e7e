"""A client with a token beside the attack, in a process of its own: what each of its calls took, and what failed."""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

import grpc
import httpx2 as httpx
from grpc_health.v1 import health_pb2, health_pb2_grpc

from emotalk.client import Credentials, EmoTalkClient, Request
from tests.integration.served import speech

PATIENCE = 20.0


def main(port: str, url: str, ca: str, token: str) -> None:
    """For each line on standard input, a number of rounds, a line of JSON."""
    secret = grpc.ssl_channel_credentials(Path(ca).read_bytes())
    probe = health_pb2_grpc.HealthStub(grpc.secure_channel(f"localhost:{port}", secret))
    sound, bearer = speech(0.2), {"Authorization": f"Bearer {token}"}
    credentials = Credentials(ca=Path(ca), token=token)
    with EmoTalkClient("localhost", int(port), credentials=credentials, patience=1) as client:
        deeds = {
            "submit": lambda: client.submit(Request(sound)),
            "health": lambda: client.health(),
            "probe": lambda: probe.Check(health_pb2.HealthCheckRequest(service="emotalk"), timeout=PATIENCE),
            "post": lambda: _ok(httpx.post(f"{url}v1/jobs", content=sound, headers=bearer, timeout=PATIENCE)),
        }
        for line in sys.stdin:
            taken: dict[str, list[float]] = {name: [] for name in deeds}
            errors: list[str] = []
            for _ in range(int(line)):
                for name, deed in deeds.items():
                    _time(name, deed, taken, errors)
            print(json.dumps({"taken": taken, "errors": errors}), flush=True)


def _time(name: str, deed: Callable[[], object], taken: dict[str, list[float]], errors: list[str]) -> None:
    since = time.perf_counter()
    try:
        deed()
    except Exception as error:  # noqa: BLE001 - handed to the test
        errors.append(f"{name}: {type(error).__name__}: {str(error)[:200]}")
    taken[name].append(time.perf_counter() - since)


def _ok(answer: httpx.Response) -> None:
    answer.raise_for_status()


if __name__ == "__main__":
    main(*sys.argv[1:])
