"""Nearly valid bytes for everything that reads a stranger's: is there a refusal with a name for each of them?

    python -m bench.fuzz [--target audio,containers,checkpoint,converted,codec,wire,answer] [--seconds 60] [--seed 0]

The same cases for the same seed: a finding is told with the number that makes it again (--seed N --cases 1). Exit code
1 where there was one. In CI tests/fuzz runs the first few hundred of each.
"""

import sys
from pathlib import Path

if not __package__:
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

import argparse
import os
import tempfile
import time
import traceback
from collections import Counter
from itertools import count, islice

from bench.figures import machine, table
from tests.fuzz.targets import TARGETS, Target, opened

HEAD = ("target", "cases", "a second", "findings", "slowest ms", "outcomes")


def main() -> int:
    """Fuzz and print; returns 1 where something was found."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--target", default=",".join(TARGETS), help="which, by commas")
    parser.add_argument("--seconds", type=float, default=60.0, help="for each target (default 60)")
    parser.add_argument("--seed", type=int, default=0, help="number of the first case (default 0)")
    parser.add_argument("--cases", type=int, help="stop after so many")
    chosen = parser.parse_args()
    print(machine())
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())  # libmpg123 tells of every damaged frame
    rows = []
    for name in chosen.target.split(","):
        with tempfile.TemporaryDirectory(prefix="emotalk-fuzz-") as folder, opened(name, Path(folder)) as target:
            rows.append((name, *_fuzz(name, target, chosen.seconds, chosen.seed, chosen.cases)))
    print(table([HEAD, *([*map(str, row)] for row in rows)]))
    return 1 if any(row[3] for row in rows) else 0


def _fuzz(name: str, target: Target, seconds: float, seed: int, cases: int | None) -> tuple[int, str, int, str, str]:
    outcomes: Counter[str] = Counter()
    findings, slowest, began = 0, 0.0, time.monotonic()
    for number in islice(count(seed), cases):
        since = time.monotonic()
        if since - began > seconds:
            break
        try:
            outcomes[target.run(target.case(number))] += 1
        except Exception:  # noqa: BLE001 - whatever it is, it is what we are looking for
            findings += 1
            outcomes["DEFECT"] += 1
            print(f"{name}: --seed {number} --cases 1\n{traceback.format_exc(limit=-4)}", flush=True)
        slowest = max(slowest, time.monotonic() - since)
    done = sum(outcomes.values())
    speed = done / max(time.monotonic() - began, 1e-9)
    told = ", ".join(f"{word} {times}" for word, times in outcomes.most_common())
    return done, f"{speed:.0f}", findings, f"{1e3 * slowest:.0f}", told


if __name__ == "__main__":
    sys.exit(main())
