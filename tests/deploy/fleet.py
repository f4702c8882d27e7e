"""A server and two workers, each of yesterday or of today, and callers of both who never stop."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from tests.deploy import yesterday
from tests.integration.served import Outside
from tests.kafka.broker import free_ports

CALLER = Path(__file__).with_name("caller.py")
SEVERAL = 3
"""Jobs that each caller must have had answered before something else is done to the fleet."""


class Yesterday(Outside):
    """A command of 0.2.0."""

    def __init__(self, home: Path, *arguments: str) -> None:
        self.program = (str(yesterday.python()), "-m", "emotalk")
        super().__init__(home, *arguments, **yesterday.PACKAGES)


Kind = type[Outside]


class Fleet:
    """One address for the whole of an upgrade. `home` holds what the processes keep."""

    def __init__(self, url: str, home: Path) -> None:
        self._url, self._home, [self.port] = url, home, free_ports(1)
        self.running: dict[str, Outside] = {}

    def start(self, name: str, kind: Kind) -> Outside:
        """`server`, or a worker by its name; does not wait."""
        common = ("--queue", self._url, "--drain-seconds", "10")
        if name == "server":
            words = ("serve", "--no-worker", "--port", str(self.port), *common)
        else:
            words = ("work", "--worker-name", name, "--engine", "tone", *common)
        self.running[name] = kind(self._home, *words)
        return self.running[name]

    def up(self, name: str, kind: Kind) -> None:
        """Started, and ready."""
        self.start(name, kind).says("serving (address)" if name == "server" else "(working)")

    def replace(self, name: str, kind: Kind, number: int = signal.SIGTERM) -> None:
        """End one, and start it again as another kind."""
        self.running[name].process.send_signal(number)
        code = self.running[name].wait()
        assert code == (0 if number == signal.SIGTERM else -number), "".join(self.running[name].log)
        self.up(name, kind)

    def end(self) -> None:
        """All of them, at once."""
        for each in self.running.values():
            with suppress(ProcessLookupError):
                each.process.kill()
            each.wait()


class Caller:
    """A process of `interpreter` that asks, and what it was answered."""

    def __init__(self, interpreter: str, port: int, name: str, sound: Path, **variables: str) -> None:
        words = [interpreter, "-P", str(CALLER), str(port), name, str(sound)]
        self.process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=variables, text=True)
        self.answers: list[dict[str, Any]] = []

    def listen(self, count: int) -> None:
        """Until so many more jobs have ended."""
        assert self.process.stdout is not None
        self.answers += [json.loads(self.process.stdout.readline()) for _ in range(count)]

    def end(self) -> list[dict[str, Any]]:
        """No new jobs; every answer, once the open ones have ended too."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.close()
        self.answers += map(json.loads, self.process.stdout)
        assert self.process.wait() == 0
        return self.answers


@contextmanager
def callers(port: int, sound: Path) -> Iterator[list[Caller]]:
    """One of yesterday, one of today."""
    both = [
        Caller(str(yesterday.python()), port, "yesterday", sound, **yesterday.PACKAGES),
        Caller(sys.executable, port, "today", sound),
    ]
    try:
        yield both
    finally:
        for each in both:
            each.process.kill()
            each.process.wait()
