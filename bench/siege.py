"""The attacks of tests/siege for longer: python -m bench.siege [MINUTES] [NAME …]. Ratios are of one run.

Each attack lasts its share of the minutes; a line says how much slower the innocent client was than before it (the
slowest but one in a hundred), how many of its calls failed, and what memory and log the attack has cost.
"""

import sys
import tempfile
from pathlib import Path
from time import monotonic

from tests.siege.attacks import ATTACKS
from tests.siege.besieged import Besieged, besieged
from tests.siege.test_siege import latency

MIB = 2**20


def main(minutes: float = 10.0, *names: str) -> None:
    """Print a line an attack."""
    chosen = names or tuple(ATTACKS)
    with tempfile.TemporaryDirectory() as home, besieged(Path(home)) as siege:
        siege.rounds()
        for name in chosen:
            print(f"{name:40}", _suffer(siege, name, 60 * minutes / len(chosen)), flush=True)


def _suffer(siege: Besieged, name: str, seconds: float) -> str:
    before, memory, logged = latency(siege.rounds()), siege.memory(), siege.logged()
    until, reports, most = monotonic() + seconds, [], memory
    while monotonic() < until:
        with ATTACKS[name](siege):
            reports.append(siege.rounds())
            most = max(most, siege.memory())
    slowest, failed = max(map(latency, reports)), sum(len(each["errors"]) for each in reports)
    cost = f"{(most - memory) / MIB:6.0f} MiB, {(siege.logged() - logged) / MIB:5.2f} MiB of log"
    return f"{slowest / before:6.1f} × as slow ({slowest * 1000:.0f} ms), {failed} failed, {cost}"


if __name__ == "__main__":
    main(*map(float, sys.argv[1:2]), *sys.argv[2:])
