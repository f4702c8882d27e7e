"""EmoTalk's engine against its peer: one table of time, memory and error, all lanes taking turns in one run.

    python -m bench.engine [--checkpoint PTH] [--rounds 5] [--clips 3.7,20,25] [--threads N] [--reference DIR]

From the repository's root; `sh bench/peers/prepare.sh` first. Without --checkpoint the seeded full-size one is written
once to .cache/full.pth (2.6 GB). Seconds are minima over the rounds, the ratio is to the peer's on the same clip.
The error is against the peer's own frames: the largest, and the rms as a share of each channel's standard deviation
(median channel). On a processor with AMX one lane runs with the instruction set capped at AVX512-bf16.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.figures import machine, table
from bench.work import operations
from emotalk.engines.emotalk import convert, converted_path, find_weights
from tests.parity.expected import cases
from tests.parity.seeded_checkpoint import audio, write_checkpoint

ROOT = Path(__file__).resolve().parent.parent
SEEDED = ROOT / ".cache/full.pth"
PEER_PYTHON = ROOT / ".cache/peers/bin/python"
CAP = "AVX512_CORE_BF16"
PEER_TOLERANCE = 1e-4
AUDIO_SEED = 9

HEAD = ("lane", "clip", "s", "x peer", "x real time", "TFLOP/s", "of peak", "anon", "mapped", "max abs", "rms/std")


@dataclass
class Lane:
    """One engine: its command, and what was measured of it by clip."""

    name: str
    command: list[str]
    precision: str = "fp32"
    environment: Mapping[str, str] = field(default_factory=dict)
    seconds: dict[float, list[float]] = field(default_factory=dict)
    memory: dict[float, dict[str, int]] = field(default_factory=dict)
    frames: dict[float, NDArray[np.float32]] = field(default_factory=dict)
    peak: float = 0.0
    ready: dict[str, Any] = field(default_factory=dict)
    least: dict[str, float] = field(default_factory=dict)
    """What its start must cost: see `bench/start.py`. Nothing for the peer."""
    process: Any = None

    def ask(self, clip: NDArray[np.float32], level: int, person: int, folder: Path) -> dict[str, Any]:
        """Animate one clip; the answer with its frames."""
        np.save(folder / "in.npy", clip)
        asked = {"audio": str(folder / "in.npy"), "out": str(folder / "out.npy"), "level": level, "person": person}
        self.process.stdin.write(json.dumps(asked) + "\n")
        self.process.stdin.flush()
        return self.heard() | {"frames": np.load(folder / "out.npy")} if self.process.poll() is None else self.heard()

    def heard(self) -> dict[str, Any]:
        """The next line that it says."""
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"{self.name}: ended with {self.process.wait()}")
        return dict(json.loads(line))


def main() -> None:
    """Measure and print."""
    chosen = _arguments()
    checkpoint = chosen.checkpoint or _seeded()
    if not converted_path(checkpoint).exists():
        convert(find_weights(checkpoint), converted_path(checkpoint))
    print(machine(), "\n")
    lanes = _lanes(checkpoint, chosen)
    with tempfile.TemporaryDirectory() as folder, ExitStack() as open_lanes:
        for lane in lanes:
            lane.peak = _peak(lane, chosen.threads)
            if lane is not lanes[0]:
                lane.least = _least(checkpoint, lane, chosen.threads)
            open_lanes.enter_context(_running(lane))
        if chosen.checkpoint is None:
            print(f"peer against expected.npz, full size: max abs {_peer_error(lanes[0], Path(folder)):.1e}")
        for seconds in chosen.clips:
            _take_turns(lanes, seconds, chosen.rounds, Path(folder))
    print("\n".join(map(_start, lanes)))
    print("\n" + table([HEAD, *_rows(lanes, chosen.clips, dict(find_weights(checkpoint).shapes))]))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--checkpoint", type=Path, help="default: the seeded full-size one")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument(
        "--clips", type=lambda text: [float(part) for part in text.split(",")], default=[3.7, 20.0, 25.0]
    )
    parser.add_argument("--threads", type=int, help="of every lane; default: each its own choice")
    parser.add_argument(
        "--reference", type=Path, metavar="DIR", help="your own copy of the published code, as the peer"
    )
    parser.add_argument("--lanes", default="fp32,bf16", help="ours; the peer always runs")
    chosen = parser.parse_args()
    if chosen.reference and not (chosen.reference / "model.py").is_file():
        parser.error(
            f"--reference: {chosen.reference} has no model.py: name the folder that the published demo.py is in"
        )
    return chosen


def _seeded() -> Path:
    if not SEEDED.exists():
        SEEDED.parent.mkdir(exist_ok=True)
        unfinished = write_checkpoint(SEEDED.with_suffix(".part"), "full")
        unfinished.replace(SEEDED)
    return SEEDED


def _lanes(checkpoint: Path, chosen: argparse.Namespace) -> list[Lane]:
    threads = ["--threads", str(chosen.threads)] if chosen.threads else []
    reference = ["--reference", str(chosen.reference)] if chosen.reference else []
    peer = [str(PEER_PYTHON), "-m", "bench.peers.emotalk_torch", str(checkpoint), *threads, *reference]
    ours = [sys.executable, "-m", "bench.lane", str(checkpoint), *threads, "--precision"]
    lanes = [Lane("peer", peer)] + [Lane(name, [*ours, name], name) for name in chosen.lanes.split(",")]
    if "amx_bf16" not in _processor():
        print(f"bf16 capped at {CAP}: not measured, this processor has no AMX and bf16 runs so anyway")
    elif "amx" in _product_peak({"ONEDNN_MAX_CPU_ISA": CAP}, chosen.threads)["bf16"]["kernel"]:
        print(f"bf16 capped at {CAP}: not measured, the runtime does not obey the switch")
    else:
        lanes.append(Lane("bf16, no AMX", [*ours, "bf16"], "bf16", {"ONEDNN_MAX_CPU_ISA": CAP}))
    return lanes


def _processor() -> str:
    return Path("/proc/cpuinfo").read_text()


def _product_peak(environment: Mapping[str, str], threads: int | None) -> dict[str, Any]:
    command = [sys.executable, "-m", "bench.peak", *(["--threads", str(threads)] if threads else [])]
    said = subprocess.run(command, env=os.environ | environment, cwd=ROOT, capture_output=True, text=True, check=True)
    return dict(json.loads(said.stdout))


def _least(checkpoint: Path, lane: Lane, threads: int | None) -> dict[str, float]:
    command = [sys.executable, "-m", "bench.start", str(checkpoint), "--precision", lane.precision]
    command += ["--threads", str(threads)] if threads else []
    said = subprocess.run(
        command, env=os.environ | lane.environment, cwd=ROOT, capture_output=True, text=True, check=True
    )
    return dict(json.loads(said.stdout))


def _start(lane: Lane) -> str:
    took = lane.ready["ready"]
    start = f"{lane.name}: {lane.ready['name']}, ready in {took:.1f} s, peak {_gb(lane.ready['peak'])}"
    if not lane.least:
        return start
    read, built = lane.least["read"], lane.least["compile"]
    return f"{start}; {took / (read + built):.1f} x reading the file ({read:.1f} s) and compiling ({built:.1f} s)"


def _peak(lane: Lane, threads: int | None) -> float:
    found = _product_peak(lane.environment, threads)[lane.precision]
    print(f"{lane.name}: matrix product at {found['flops'] / 1e12:.2f} TFLOP/s, {found['kernel']}, {found['shape']}")
    return float(found["flops"])


@contextmanager
def _running(lane: Lane) -> Iterator[None]:
    with subprocess.Popen(
        lane.command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=os.environ | lane.environment,
        cwd=ROOT,
        text=True,
    ) as lane.process:
        lane.ready = lane.heard()
        yield
        lane.process.stdin.close()


def _peer_error(peer: Lane, folder: Path) -> float:
    worst = 0.0
    for case in cases("full"):
        answer = peer.ask(case.audio(), case.style.emotion_level, case.style.person_id, folder)
        worst = max(worst, float(np.abs(answer["frames"] - case.frames).max()))
    if worst > PEER_TOLERANCE:
        raise SystemExit(f"the peer is no peer: off by {worst:.1e} from the reference's answers")
    return worst


def _take_turns(lanes: list[Lane], seconds: float, rounds: int, folder: Path) -> None:
    """One round that is not counted, then every lane once a round."""
    clip = audio(AUDIO_SEED, seconds)
    for counted in [False] + [True] * rounds:
        for lane in lanes:
            answer = lane.ask(clip, 1, 0, folder)
            lane.frames[seconds], lane.memory[seconds] = answer["frames"], answer
            if counted:
                lane.seconds.setdefault(seconds, []).append(answer["seconds"])
            else:
                print(f"{lane.name}: first {seconds:g} s clip took {answer['seconds']:.2f} s", file=sys.stderr)


def _rows(lanes: list[Lane], clips: list[float], shapes: dict[str, tuple[int, ...]]) -> Iterator[tuple[str, ...]]:
    peer = lanes[0]
    for seconds in clips:
        work = operations(shapes, seconds)
        for lane in lanes:
            best, memory = min(lane.seconds[seconds]), lane.memory[seconds]
            off = lane.frames[seconds] - peer.frames[seconds]
            rms = np.median(np.sqrt(np.square(off).mean(0)) / peer.frames[seconds].std(0))
            yield (
                lane.name,
                f"{seconds:g} s",
                f"{best:.2f}",
                f"{min(peer.seconds[seconds]) / best:.2f}",
                f"{seconds / best:.1f}",
                f"{work / best / 1e12:.2f}",
                f"{work / best / lane.peak:.0%}",
                _gb(memory["anonymous"]),
                _gb(memory["mapped"]),
                "-" if lane is peer else f"{np.abs(off).max():.1e}",
                "-" if lane is peer else f"{rms:.1%}",
            )


def _gb(count: int) -> str:
    return f"{count / 1e9:.2f} GB"


if __name__ == "__main__":
    main()
