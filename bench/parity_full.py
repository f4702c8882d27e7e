"""Full-size parity: what the engine answers with the seeded 2.6 GB checkpoint, against the public reference.

    python -m bench.parity_full [--precision fp32|bf16] [--threads N] [--folder DIR] [--checkpoint PTH]

From the repository's root; minutes, 7 GB of memory. Writes the checkpoint to a temporary folder, prints how far each
full-size case is off, the seconds of each and of a 20 s clip, and removes it. Exit code 1 if a case is off by more than
1e-4 (in bf16: 0.035, or 6 % of each channel's standard deviation, rms, median channel).
"""

import argparse
import resource
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from emotalk.engines.emotalk import EmoTalkEngine
from emotalk.face import Style
from tests.parity.expected import Case, cases
from tests.parity.seeded_checkpoint import audio, write_checkpoint

TOLERANCES = {"fp32": (1e-4, 1e-4), "bf16": (0.035, 0.06)}


def main() -> int:
    """Run every full-size case."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--precision", choices=TOLERANCES, default="fp32")
    parser.add_argument("--threads", type=int)
    parser.add_argument("--folder", type=Path, help="where the temporary checkpoint goes; needs 2.6 GB")
    parser.add_argument("--checkpoint", type=Path, help="the seeded full-size one, if it was written before")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=chosen.folder) as folder:
        checkpoint = chosen.checkpoint or write_checkpoint(Path(folder) / "full.pth", "full")
        began = time.perf_counter()
        engine = EmoTalkEngine(checkpoint, precision=chosen.precision, threads=chosen.threads)
        print(f"ready after {time.perf_counter() - began:.1f} s; {engine.card}")
        worst = np.max([differences(engine, case) for case in cases("full")], axis=0)
        time_a_clip(engine, 20.0)
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.1f} GiB, the mapped file included")
    return int(np.any(worst > TOLERANCES[chosen.precision]))


def differences(engine: EmoTalkEngine, case: Case) -> tuple[float, float]:
    """The largest absolute difference of one case, and the rms as a share of the median channel's deviation."""
    began = time.perf_counter()
    frames = engine.animate(case.audio(), case.style)
    off = frames - case.frames
    largest, rms = float(np.abs(off).max()), float(np.median(np.sqrt(np.square(off).mean(0)) / case.frames.std(0)))
    print(f"{case.name}: max abs {largest:.2e}, rms {rms:.2%} of std, {time.perf_counter() - began:.2f} s")
    return largest, rms


def time_a_clip(engine: EmoTalkEngine, length: float, rounds: int = 3) -> None:
    """Print the best of a few rounds."""
    clip, took = audio(9, length), []
    for _ in range(rounds):
        began = time.perf_counter()
        engine.animate(clip, Style())
        took.append(time.perf_counter() - began)
    print(f"{length:g} s of audio: {min(took):.2f} s at best of {rounds}")


if __name__ == "__main__":
    sys.exit(main())
