"""A server to talk to: in this process with a queue that the test holds, or as a user would start it."""

import asyncio
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread
from typing import Any

import grpc
import numpy as np

from emotalk.address import Address
from emotalk.audio import Limits
from emotalk.engines.base import Engine, WindowEngine
from emotalk.engines.tone import ToneEngine
from emotalk.face import Frames
from emotalk.jobs.intake import Intake
from emotalk.live.pool import LivePool
from emotalk.pipeline import Pipeline
from emotalk.queues.base import Queue
from emotalk.queues.memory import MemoryQueue
from emotalk.server.contracts import CONTRACTS
from emotalk.server.contracts.base import Contract
from emotalk.server.guard.guard import Guard
from emotalk.server.run import Server
from emotalk.supervision.workforce import Nobody, ThreadWorker, Workforce
from emotalk.wire import emotalk_pb2, emotalk_pb2_grpc
from emotalk.worker.loop import Worker
from tests.unit.audio_files import wav
from tests.unit.stage import tones

PATIENCE = 30.0


def speech(seconds: float, seed: int = 0) -> bytes:
    """A 16 kHz, 16-bit mono WAV."""
    return wav((tones(round(seconds * 16_000), seed) * 32768).astype("<i2").tobytes())


class Inside:
    """A server in a thread of this process. Without an engine nobody works, and the test may."""

    def __init__(self, queue: Queue | None = None, engine: Engine | WindowEngine | None = None, **options: Any) -> None:
        self.queue = queue or MemoryQueue()
        workforce: Workforce = options.pop("workforce", None) or Nobody()
        if engine is not None:
            workforce = ThreadWorker(lambda stop: self.worker(engine, stop))
        self.doors = options.pop("doors", Guard())
        self.relay: LivePool | None = options.pop("relay", None)
        self.window: Any = options.pop("window", None)
        self.contracts: Sequence[Contract] = options.pop("contracts", CONTRACTS)
        self.drain_seconds = options.pop("drain_seconds", PATIENCE)
        self.intake = Intake(Limits(**options))
        self.workforce = workforce
        self.failure: BaseException | None = None
        self._started = Event()
        self.thread = Thread(target=self._run, daemon=True)

    def worker(self, engine: Engine | WindowEngine, stop: Event) -> Worker:
        return Worker(self.queue.consumer("inside"), Pipeline(engine), stop)

    def _run(self) -> None:
        async def live() -> None:
            self.loop = asyncio.get_running_loop()
            address = Address("127.0.0.1", 0)
            options = (self.drain_seconds, self.doors, self.relay, self.window)
            self.server = Server(self.queue, self.intake, self.workforce, address, *options, contracts=self.contracts)
            self._started.set()
            await self.server.run()

        try:
            asyncio.run(live())
        except Exception as error:  # noqa: BLE001 - handed to the test
            self.failure = error

    def __enter__(self) -> "Inside":
        self.thread.start()
        assert self._started.wait(PATIENCE)
        eventually(lambda: self.server.port or self.failure)
        if self.failure:
            raise self.failure
        self.channel = grpc.insecure_channel(f"127.0.0.1:{self.server.port}", [("grpc.max_send_message_length", -1)])
        self.stub = emotalk_pb2_grpc.EmoTalkServiceStub(self.channel)
        return self

    def stop(self) -> None:
        self.loop.call_soon_threadsafe(self.server.stop)

    def __exit__(self, *_: object) -> None:
        self.channel.close()
        if self.thread.is_alive():
            self.stop()
        self.thread.join(PATIENCE)
        assert not self.thread.is_alive()

    def ask(self, audio: bytes = b"", **fields: Any) -> Any:
        """The call, not yet read."""
        fields.setdefault("audio_data", audio or speech(3.0))
        return self.stub.ProcessAudio(emotalk_pb2.AudioRequest(**fields), timeout=PATIENCE)

    def work(self, engine: Engine | WindowEngine | None = None) -> None:
        """Do what is queued, then leave."""
        stop, consumer, ledger = Event(), self.queue.consumer("by hand"), self.queue.ledger()
        claim = consumer.claim

        def claim_or_stop(_: float) -> Any:
            found = claim(0.05)  # Kafka hands out nothing at once: it assigns first
            if found is None and not any(row.state in ("queued", "running") for row in ledger.rows()):
                stop.set()
            return found

        consumer.claim = claim_or_stop  # type: ignore[assignment, method-assign]
        Worker(consumer, Pipeline(engine or ToneEngine()), stop).run()
        consumer.close()


def eventually(look: Callable[[], Any], patience: float = PATIENCE) -> Any:
    """What `look` finds, once it finds something."""
    until = time.monotonic() + patience
    while not (found := look()):
        assert time.monotonic() < until, "it never came"
        time.sleep(0.01)
    return found


def frames_of(responses: list[Any]) -> Frames:
    """All frames of an answer; they are numbered from 0 without a gap, each with its timecode."""
    rows = [frame for response in responses for frame in response.frames]
    assert [frame.frame_number for frame in rows] == list(range(len(rows)))
    assert all(frame.timecode == frame.frame_number / 30 for frame in rows)
    return np.array([frame.blendshapes for frame in rows], np.float32)


class Outside:
    """`emotalk serve`, or any command of ours that stays, as a process with its log."""

    program: Sequence[str] = (sys.executable, "-m", "emotalk")

    def __init__(self, home: Path, *arguments: str, **variables: str) -> None:
        self.environment = environment(home) | variables
        self.process = subprocess.Popen(
            [*self.program, *arguments],
            env=self.environment,
            cwd=home,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.log: list[str] = []
        self._reader = Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stderr is not None
        self.log.extend(iter(self.process.stderr.readline, ""))

    def find(self, pattern: str) -> list[str]:
        """What the pattern's group matches, line by line."""
        return [found[1] for line in list(self.log) if (found := re.search(pattern, line))]

    def says(self, pattern: str, times: int = 1) -> str:
        """Wait for the line; returns what the group matched the last time."""

        def look() -> list[str] | None:
            found = self.find(pattern)
            assert len(found) >= times or self.process.poll() is None, "".join(self.log)
            return found if len(found) >= times else None

        return str(eventually(look)[-1])

    @property
    def port(self) -> int:
        return int(self.says(r"serving address=\S+:(\d+)"))

    @property
    def worker_pid(self) -> int:
        return int(self.says(r"worker warm pid=(\d+)"))

    def end(self) -> int:
        """SIGTERM, wait; returns the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.wait()

    def wait(self) -> int:
        code = self.process.wait(PATIENCE)
        self._reader.join(PATIENCE)
        return code


def environment(home: Path) -> dict[str, str]:
    """Everything of ours lies under `home`."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("EMOTALK_")}
    own = {"XDG_STATE_HOME": str(home / "state"), "HOME": str(home)}
    return clean | own | {"EMOTALK_WEB": "no"}  # whoever wants a window asks for it


@contextmanager
def outside(home: Path, *arguments: str, **variables: str) -> Iterator[Outside]:
    one = Outside(home, *arguments, **variables)
    try:
        yield one
    finally:
        if one.process.poll() is None:
            one.process.kill()
        one.wait()


def command(home: Path, *arguments: str, timeout: float = PATIENCE) -> "subprocess.CompletedProcess[str]":
    """A command of ours that ends."""
    return subprocess.run(
        [sys.executable, "-m", "emotalk", *arguments],
        env=environment(home),
        cwd=home,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )


def gone(pid: int) -> bool:
    """No such process, or one that only waits to be buried."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


def children(parent: int, name: str) -> list[int]:
    """The processes `emotalk NAME` that it has started; without -ww, `ps` cuts their commands at a screen's width."""
    listed = ["ps", "-ww", "-e", "-o", "pid=,ppid=,args="]
    lines = subprocess.run(listed, capture_output=True, check=True).stdout.decode("utf-8", "replace").splitlines()
    words = [line.split(None, 2) for line in lines]
    return [int(pid) for pid, of, args in words if int(of) == parent and f"emotalk {name}" in args]
