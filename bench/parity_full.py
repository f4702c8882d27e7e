"""Full-size parity: what the engine answers with the seeded 2.6 GB checkpoint, against the public reference.

    python -m bench.parity_full [--threads N] [--folder DIR]     (from the repository's root; minutes, 7 GB of memory)

Writes the checkpoint to a temporary folder, prints the largest absolute difference of each full-size case, the seconds
of each and of a 20 s clip, and removes it. Exit code 1 if a case is off by more than 1e-4.
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

TOLERANCE = 1e-4


def main() -> int:
    """Run every full-size case."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--threads", type=int)
    parser.add_argument("--folder", type=Path, help="where the temporary checkpoint goes; needs 2.6 GB")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=chosen.folder) as folder:
        checkpoint = write_checkpoint(Path(folder) / "full.pth", "full")
        began = time.perf_counter()
        engine = EmoTalkEngine(checkpoint, precision="fp32", threads=chosen.threads)
        print(f"ready after {time.perf_counter() - began:.1f} s; {engine.card}")
        worst = max(difference(engine, case) for case in cases("full"))
        time_a_clip(engine, 20.0)
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.1f} GiB, the mapped file included")
    return int(worst > TOLERANCE)


def difference(engine: EmoTalkEngine, case: Case) -> float:
    """The largest absolute difference of one case."""
    began = time.perf_counter()
    frames = engine.animate(case.audio(), case.style)
    off = float(np.abs(frames - case.frames).max())
    print(f"{case.name}: max abs {off:.2e}, {time.perf_counter() - began:.2f} s")
    return off


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
