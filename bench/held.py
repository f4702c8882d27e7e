"""What a server pays for each caller who waits for an answer: memory, with so many at once. Linux only.

    python -m bench.held [--streams 100,500,1000]

`emotalk serve --no-worker`, and callers who have sent a second of sound each and hear nothing yet, as when all workers
are busy. Counted is the server's resident memory above what it had with one caller.
"""

import argparse
import asyncio
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc

from bench.clips import as_wav, speech_like
from bench.figures import machine, table
from emotalk.timebase import SAMPLE_RATE
from emotalk.wire import emotalk_pb2, emotalk_pb2_grpc

HEAD = ("callers at once", "server MiB", "KiB each")
A_CONNECTION = 90
"""Callers for each connection: gRPC lets a hundred calls share one."""


@contextmanager
def served() -> Iterator[tuple[int, int]]:
    """Port and process of a server without workers."""
    with tempfile.TemporaryDirectory(prefix="emotalk-held-") as folder:
        words = ("serve", "--no-worker", "--no-web", "--port", "0", "--queue", f"sqlite:///{folder}/queue.db")
        limits = ("--max-concurrent-rpcs", "100000")
        command = [sys.executable, "-m", "emotalk", *words, *limits]
        log = Path(folder, "log")
        with log.open("wb") as file, subprocess.Popen(command, stderr=file) as process:
            try:
                yield _port(process, log), process.pid
            finally:
                process.kill()


def _port(process: "subprocess.Popen[bytes]", log: Path) -> int:
    while process.poll() is None:
        if found := re.search(r"serving address=\S+:(\d+)", log.read_text()):
            return int(found[1])
    raise SystemExit(log.read_text())


def resident(pid: int) -> int:
    """KiB."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(re.findall(r"^VmRSS:\s+(\d+)", status, re.M)[0])


async def measure(port: int, pid: int, counts: list[int]) -> list[tuple[str, ...]]:
    """Rows of the table."""
    sound, calls, channels = as_wav(speech_like(SAMPLE_RATE)), [], []
    rows, first = [HEAD], 0
    for count in [1, *counts]:
        while len(calls) < count:
            if len(calls) % A_CONNECTION == 0:
                own = [("grpc.use_local_subchannel_pool", 1)]
                channels.append(grpc.aio.insecure_channel(f"127.0.0.1:{port}", own))
            stub = emotalk_pb2_grpc.EmoTalkServiceStub(channels[-1])
            calls.append(stub.ProcessAudio(emotalk_pb2.AudioRequest(audio_data=sound, chunk_duration=25.0)))
            await calls[-1].initial_metadata()  # it is stored, and waits
        memory = resident(pid)
        first = first or memory
        if count > 1:
            rows.append((str(count), f"{memory / 1024:.0f}", f"{(memory - first) / (count - 1):.0f}"))
    for each in channels:
        await each.close()
    return rows


def main() -> int:
    """Measure and print one table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--streams", default="100,500,1000", help="how many, by commas")
    chosen = parser.parse_args()
    print(machine())
    with served() as (port, pid):
        print(table(asyncio.run(measure(port, pid, [int(each) for each in chosen.streams.split(",")]))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
