"""What an hour of speech costs: processor seconds of server and worker, and bytes in the queue. Linux only.

    python bench/cost.py [--engines tone,builtin] [--clips 8] [--seconds 60] [--audio examples/speech.wav]

`emotalk serve` as a user starts it, on the embedded queue, and a client that sends one clip after another. Counted is
the time of the server's process, of those that decode for it and of the worker, after a first clip that warms them. The
engine `tone` costs next to nothing, so its row is the price of everything else; `x tone` is the multiple of it.
"""

import sys
from pathlib import Path

if not __package__:
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

import argparse
import os
import re
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from bench.clips import as_wav
from bench.figures import machine, table
from emotalk.audio import decode, encode_flac
from emotalk.client import EmoTalkClient, Request
from emotalk.timebase import SAMPLE_RATE

HEAD = ("engine", "server cpu s/h", "worker cpu s/h", "both", "x tone", "x real time, one core")
HOUR = 3600.0
TICK = os.sysconf("SC_CLK_TCK")
ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Serving:
    """A server that runs."""

    port: int
    server: int
    worker: int

    def spent(self) -> tuple[float, float]:
        """Processor seconds so far: of the server and those that decode for it, and of the worker."""
        everyone = sum(seconds for _, seconds in _tree(self.server))
        worker = sum(seconds for _, seconds in _tree(self.worker))
        return everyone - worker, worker


def main() -> int:
    """Measure and print one table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--engines", default="tone,builtin", help="which, by commas")
    parser.add_argument("--clips", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=60.0, help="length of each clip (default 60)")
    parser.add_argument("--audio", type=Path, default=ROOT / "examples" / "speech.wav", help="repeated to that length")
    chosen = parser.parse_args()
    pcm = np.resize(decode(chosen.audio.read_bytes()), round(chosen.seconds * SAMPLE_RATE))
    print(machine())
    rows, floor = [HEAD], 0.0
    for engine in chosen.engines.split(","):
        server, worker = (HOUR * each for each in measure(engine, as_wav(pcm), chosen.clips, chosen.seconds))
        floor = floor or server + worker
        both = server + worker
        figures = (f"{server:.0f}", f"{worker:.0f}", f"{both:.0f}", f"{both / floor:.1f}", f"{HOUR / both:.0f}")
        rows.append((engine, *figures))
    stored = len(encode_flac(pcm)) / chosen.seconds * HOUR / 1e6
    print(f"{chosen.clips} clips of {chosen.seconds:g} s; an hour is {stored:.0f} MB in the queue\n")
    print(table(rows))
    return 0


def measure(engine: str, wav: bytes, clips: int, seconds: float) -> tuple[float, float]:
    """Processor seconds of server and worker for each second of speech."""
    with serving(engine) as service, EmoTalkClient("127.0.0.1", service.port) as client:
        _hear(client, wav)
        before = service.spent()
        for _ in range(clips):
            _hear(client, wav)
        after = service.spent()
    server, worker = ((now - then) / (clips * seconds) for now, then in zip(after, before, strict=True))
    return server, worker


def _hear(client: EmoTalkClient, wav: bytes) -> None:
    for _ in client.stream(Request(wav)):
        pass


@contextmanager
def serving(engine: str) -> Iterator[Serving]:
    """`emotalk serve` on a queue of its own."""
    with tempfile.TemporaryDirectory(prefix="emotalk-cost-") as folder:
        words = ("serve", "--port", "0", "--engine", engine, "--queue", f"sqlite:///{folder}/queue.db")
        process = subprocess.Popen([sys.executable, "-m", "emotalk", *words], stderr=subprocess.PIPE, text=True)
        assert process.stderr is not None
        try:
            said = ""
            while not (port := re.search(r"serving address=\S+:(\d+)", said)):
                said += process.stderr.readline()
            worker = re.search(r"worker warm pid=(\d+)", said)
            assert worker is not None
            yield Serving(int(port[1]), process.pid, int(worker[1]))
        finally:
            process.terminate()
            process.stderr.read()
            process.wait()


def _tree(root: int) -> Iterator[tuple[int, float]]:
    """Every process below `root`, it included, with its processor seconds and those of children that have ended."""
    parents = {int(each.name): _stat(each) for each in Path("/proc").iterdir() if each.name.isdigit()}
    wanted = [root]
    for pid in wanted:
        wanted += [child for child, stat in parents.items() if stat and int(stat[1]) == pid]
        if stat := parents.get(pid):
            yield pid, sum(map(int, stat[11:15])) / TICK


def _stat(process: Path) -> list[str]:
    try:
        return (process / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


if __name__ == "__main__":
    sys.exit(main())
