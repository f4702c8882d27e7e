"""Many clients at once, server, worker and broker killed on the way: how it went, in figures.

    python -m bench.load [--queue sqlite,kafka] [--clients 25] [--requests 200] [--seconds 1,60] [--kills 1]

The long form of tests/chaos/test_load.py, with the same checks; the engine is `tone`. Exit code 1 where a check fails.
"""

import sys
from pathlib import Path

if not __package__:
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

import argparse
import tempfile
from contextlib import ExitStack

from bench.figures import machine, percentile, table
from emotalk.timebase import SAMPLE_RATE
from tests.chaos.leftovers import left_in_kafka, left_in_sqlite
from tests.chaos.load import Load, Seen, Victim, faults, run
from tests.chaos.programs import embedded, two_programs
from tests.kafka.broker import Broker, free_ports

HEAD = ("queue", "killed after", "answers", "audio s", "took s", "x real time", "p50 s", "p99 s", "again", "faults")
SHOWN = 20


def main() -> int:
    """Run, print a table and the faults."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--queue", default="sqlite,kafka", help="which, by commas")
    parser.add_argument("--clients", type=int, default=25)
    parser.add_argument("--requests", type=int, default=200)
    parser.add_argument("--seconds", default="1,60", help="shortest and longest clip (default 1,60)")
    parser.add_argument("--kills", type=int, default=1, help="how often each of them is killed (default 1; 0: nobody)")
    chosen = parser.parse_args()
    shortest, longest = map(float, chosen.seconds.split(","))
    load = Load(chosen.clients, chosen.requests, (shortest, longest), chosen.kills)
    print(machine())
    seen = {name: _through(name, load) for name in chosen.queue.split(",")}
    print(f"{load.clients} clients, {load.requests} requests of {shortest:g} to {longest:g} s\n")
    print(table([HEAD, *(_row(name, each) for name, each in seen.items())]))
    found = [f"{name}: {fault}" for name, each in seen.items() for fault in faults(each)]
    print(*found[:SHOWN], sep="\n")
    return 1 if found else 0


def _through(name: str, load: Load) -> Seen:
    [port] = free_ports(1)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="emotalk-load-")))
        if name == "sqlite":
            file = folder / "queue.db"
            return run(load, embedded(f"sqlite:///{file}", port, folder), port, lambda: left_in_sqlite(file))
        broker = stack.enter_context(Broker())
        where, victim = broker.bootstrap, Victim("broker", 0.7, broker.restart)
        return run(load, two_programs(f"kafka://{where}", port, folder), port, lambda: left_in_kafka(where), [victim])


def _row(name: str, seen: Seen) -> tuple[str, ...]:
    audio = sum(len(each.pcm) for each in seen.errands) / SAMPLE_RATE
    waits = list(seen.waits.values())
    killed = ", ".join(f"{who} {after}" for who, after in seen.kills[:3]) or "nobody"
    figures = f"{audio:.0f}", f"{seen.seconds:.1f}", f"{audio / seen.seconds:.0f}"
    again = len(seen.started) - len(seen.errands)
    latency = f"{percentile(waits, 50):.2f}", f"{percentile(waits, 99):.2f}"
    return name, killed, str(len(seen.answers)), *figures, *latency, str(again), str(len(faults(seen)))


if __name__ == "__main__":
    sys.exit(main())
