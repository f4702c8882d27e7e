"""How many people may speak at once: N speakers at their own pace through a whole server, from sound to frame.

    python -m bench.live [--speakers 1,8,16,32,64,128] [--seconds 20] [--piece 0.1] [--latency 0.5]
                         [--against COMMIT] [--limit 300]

A frame's delay runs from the moment when the last sample of its own 33 ms could be sent until its arrival; from the
frame's time code it is 33 ms more. The speakers are one process; its processor time stands apart. With `--against`, the
same load goes to that commit's server as well, in turn. A side rests once its p99 has passed the limit.
"""

import argparse
import asyncio
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from threading import Thread
from typing import Any

import grpc

from bench.clips import speech_like
from bench.figures import machine, percentile, table
from emotalk.timebase import FPS, SAMPLE_RATE
from emotalk.wire import emotalk_pb2

STREAM = "/emotalk.EmoTalkService/StreamAudio"
ROOT = Path(__file__).resolve().parent.parent
WARM_SECONDS = 2.0
"""What is said before anything is measured: engines start, and speakers come one after the other."""
START_SECONDS = 30.0


@dataclass(frozen=True)
class Heard:
    """Of one load: delays of all frames in seconds, frames that are missing, streams that failed, its own processor."""

    delays: list[float]
    missing: int
    failures: list[str]
    processor: float
    began: float
    ended: float


def pieces_of(seconds: float, piece: float, seed: int) -> list[bytes]:
    """One speaker's messages behind the first, as they go over the wire."""
    pcm = (speech_like(round(seconds * SAMPLE_RATE), seed) * 32767).astype("<i2").tobytes()
    size = 2 * round(piece * SAMPLE_RATE)
    return [emotalk_pb2.AudioFrame(audio=pcm[at : at + size]).SerializeToString() for at in range(0, len(pcm), size)]


class Speaker:
    """One who speaks: keeps the moment of each answer, and reads it when all is over."""

    def __init__(self, settings: dict[str, Any], pieces: Sequence[bytes], piece: float, begins: float) -> None:
        self._settings, self._pieces, self._piece, self._begins = settings, pieces, piece, begins
        self._answers: list[tuple[float, bytes]] = []
        self.failure = ""

    async def speak(self, channel: grpc.aio.Channel) -> None:
        """From the first message to the last frame."""
        call = channel.stream_stream(STREAM)(self._messages())
        try:
            async for answer in call:
                self._answers.append((time.perf_counter(), answer))
        except grpc.aio.AioRpcError as error:
            self.failure = f"{error.code().name}: {error.details()}"

    async def _messages(self) -> AsyncIterator[bytes]:
        await self._until(self._begins)
        yield emotalk_pb2.AudioFrame(settings={"sample_rate": SAMPLE_RATE, **self._settings}).SerializeToString()
        for number, piece in enumerate(self._pieces, 1):
            await self._until(self._begins + number * self._piece)
            yield piece

    @staticmethod
    async def _until(moment: float) -> None:
        await asyncio.sleep(max(0.0, moment - time.perf_counter()))

    def delays(self) -> Iterator[float]:
        """Seconds of each frame, in their order."""
        for moment, answer in self._answers:
            for frame in emotalk_pb2.BlendshapeResponse.FromString(answer).frames:
                yield moment - self._begins - (frame.frame_number + 1) / FPS


async def _load(address: str, speakers: int, seconds: float, piece: float, latency: float) -> Heard:
    """All of them, in this process; they begin one after the other, each at its own moment within a piece."""
    draw, total = random.Random(speakers), seconds + 2 * WARM_SECONDS
    voices = [pieces_of(total, piece, seed) for seed in range(min(speakers, 8))]
    start = time.perf_counter() + 0.5
    begins = [start + draw.uniform(0, WARM_SECONDS if speakers > 1 else 0) for _ in range(speakers)]
    wish = {"latency_hint": latency} if latency else {}
    settings = [{"request_id": f"speaker {i}", **wish} for i in range(speakers)]
    crowd = [Speaker(settings[i], voices[i % len(voices)], piece, at) for i, at in enumerate(begins)]
    async with grpc.aio.insecure_channel(address) as channel:
        await channel.channel_ready()
        before, began = _used(), time.time()
        await asyncio.gather(*(each.speak(channel) for each in crowd))
        used, ended = _used() - before, time.time()
    first, last = round(2 * WARM_SECONDS * FPS) - FPS, round(total * FPS) - FPS
    delays = [list(each.delays()) for each in crowd]
    missing = sum(round(total * FPS) - len(each) for each in delays)
    known = [delay for each in delays for delay in each[first:last]]
    return Heard(known, missing, sorted({each.failure for each in crowd} - {""}), used, began, ended)


def _used() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


class Service:
    """A server as it is started, with all the processes that it keeps."""

    def __init__(self, source: Path, words: Sequence[str]) -> None:
        self._folder = tempfile.TemporaryDirectory()
        command = [sys.executable, "-P", "-m", "emotalk", "serve", "--no-web", "--no-worker"]
        environment = {**os.environ, "PYTHONPATH": str(source / "src")}
        command += ["--queue", f"sqlite:///{self._folder.name}/queue.db"]
        self._process = subprocess.Popen(
            [*command, "--port", "0", "--engine", "builtin", "--log-format", "json", *words],
            stderr=subprocess.PIPE,
            env=environment,
            text=True,
        )
        assert self._process.stderr is not None
        self.address = next(str(fact["address"]) for line in self._process.stderr if "address" in (fact := _fact(line)))
        Thread(target=self._process.stderr.read, daemon=True).start()

    def processor(self) -> dict[str, float]:
        """Seconds that were used so far: by the server itself, and by its engines."""
        of = {pid: _cpu_of(pid) for pid in [self._process.pid, *self._engines()]}
        return {"server": of.pop(self._process.pid), "engines": sum(of.values())}

    def _engines(self) -> list[int]:
        return _children(self._process.pid)

    def memory(self) -> dict[str, int]:
        """Resident megabytes of the server, and of the largest engine."""
        of = {pid: _resident(pid) for pid in [self._process.pid, *self._engines()]}
        return {"server": of.pop(self._process.pid), "engine": max(of.values(), default=0)}

    def descriptors(self) -> int:
        """Open in the server and its engines."""
        return sum(len(list(Path(f"/proc/{pid}/fd").iterdir())) for pid in [self._process.pid, *self._engines()])

    def close(self) -> None:
        """End it."""
        self._process.terminate()
        self._process.wait()
        self._folder.cleanup()


def _fact(line: str) -> dict[str, Any]:
    with suppress(ValueError):
        return dict(json.loads(line))
    return {}


def _children(parent: int) -> list[int]:
    listed = subprocess.run(["ps", "-e", "-o", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
    return [int(pid) for pid, of in map(str.split, listed.splitlines()) if int(of) == parent]


def _cpu_of(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _resident(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") // 2**20


@contextmanager
def service(source: Path, words: Sequence[str]) -> Iterator[Service]:
    """The server of the tree at `source`."""
    one = Service(source, words)
    try:
        yield one
    finally:
        one.close()


@contextmanager
def tree_of(commit: str) -> Iterator[Path]:
    """A worktree of that commit, as long as it is needed."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "tree"
        git = ["git", "-C", str(ROOT), "worktree"]
        subprocess.run([*git, "add", "--quiet", "--detach", str(path), commit], check=True)
        try:
            yield path
        finally:
            subprocess.run([*git, "remove", "--force", str(path)], check=True)


def heard(address: str, speakers: int, seconds: float, piece: float, latency: float) -> Heard:
    """The load, in a process of its own."""
    words = [sys.executable, "-m", "bench.live", "--load", address, *map(str, (speakers, seconds, piece, latency))]
    done = subprocess.run(words, cwd=ROOT, stdout=subprocess.PIPE, check=True, text=True)
    return Heard(**json.loads(done.stdout))


def _measured(one: Service, name: str, speakers: int, chosen: argparse.Namespace) -> tuple[list[str], float]:
    """A row, and its p99 in milliseconds."""
    before = one.processor()
    found = heard(one.address, speakers, chosen.seconds, chosen.piece, chosen.latency)
    used = {part: seconds - before[part] for part, seconds in one.processor().items()}
    delays = [1000 * delay for delay in found.delays] or [float("inf")]
    spoken = speakers * (chosen.seconds + 2 * WARM_SECONDS)
    worst, p99 = max(delays), percentile(delays, 99)
    row = [name, str(speakers), f"{percentile(delays, 50):.0f}", f"{p99:.0f}", f"{worst:.0f}"]
    row += [f"{1000 * each / spoken:.1f}" for each in (used["server"], used["engines"], found.processor)]
    row += [f"{sum(used.values()) / (found.ended - found.began):.2f}", str(one.memory()["engine"])]
    row += [str(found.missing), "; ".join(found.failures)[:60]]
    return row, p99


HEAD = "side, speakers, p50 ms, p99, worst, server ms/s, engines ms/s, load ms/s, cores, engine MB, missing, failures"


def compared(chosen: argparse.Namespace) -> list[list[str]]:
    """A row for each number of speakers and each side, in turn."""
    rows = [HEAD.split(", ")]
    with ExitStack() as stack:
        trees = {"this": ROOT}
        if chosen.against:
            trees["that"] = stack.enter_context(tree_of(chosen.against))
        words = ["--live-sessions", str(chosen.places or max(chosen.speakers))]
        services = {name: stack.enter_context(service(tree, words)) for name, tree in trees.items()}
        for one in services.values():
            heard(one.address, 1, 0.5, chosen.piece, chosen.latency)  # its engine starts with the first
        for speakers in chosen.speakers:
            for name in list(services):
                row, p99 = _measured(services[name], name, speakers, chosen)
                print(json.dumps(dict(zip(rows[0], row, strict=True))), file=sys.stderr, flush=True)
                rows.append(row)
                if p99 > chosen.limit:
                    del services[name]
    return rows


def numbers(text: str) -> list[int]:
    """1,8 → those."""
    return [int(each) for each in text.split(",")]


def main() -> None:
    """Print the machine and a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--speakers", type=numbers, default=[1, 8, 16, 32, 64, 128])
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--piece", type=float, default=0.1, help="seconds of sound in a message")
    parser.add_argument("--against", metavar="COMMIT")
    parser.add_argument("--limit", type=float, default=300.0, help="milliseconds of p99 at which a side ends")
    parser.add_argument("--places", type=int, help="--live-sessions; as many as are asked for")
    parser.add_argument("--latency", type=float, default=0.0, help="seconds that each may wait for a frame; 0: unsaid")
    parser.add_argument("--load", nargs=5, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.load:
        address, speakers, *rest = chosen.load
        print(json.dumps(asdict(asyncio.run(_load(address, int(speakers), *map(float, rest))))))
        return
    print(machine(), flush=True)
    print(table(compared(chosen)), flush=True)


if __name__ == "__main__":
    main()
