"""How many workers for so many hours of speech a day, or so many conversations at once: simulated, not measured.

    python -m bench.sizing [--hours 1000] [--conversations 10000] [--patience 5]

Requests arrive by chance, in the busiest two hours of a day (twice its mean) or from people who all talk at once; their
lengths are lognormal. Each goes to the partition that Kafka's own hash gives its conversation; partitions are dealt out
evenly; a worker does one job at a time, in the order of arrival, in `overhead + cost × length` seconds. What is
simulated is waiting and uneven filling. The costs come from bench/RESULTS.md (`python bench/cost.py`). Printed is the
least number of workers, with four partitions each, with which 99 of 100 requests wait a second at most, or no longer
than `--patience` jobs take in the mean.
"""

import argparse
import math
import random
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bench.figures import table
from emotalk.queues.kafka.client.murmur import partition_of

DAY = 86_400.0
PER_WORKER = 4
"""Partitions for each worker, as docs/scaling.md says."""
COSTS = {"builtin": 30 / 3600, "emotalk": 600 / 3600}
"""Seconds of a worker for a second of speech."""
OVERHEAD = 0.010
"""Seconds of a worker for each job, however short: claim, notes and commit on Kafka (bench/RESULTS.md)."""
SPREAD = 0.8
"""Standard deviation of the logarithm of a length: most are short, some are long."""

HEAD = ("load", "engine", "workers", "partitions", "busy", "the busiest", "p50 wait s", "p99", "longest")


@dataclass(frozen=True)
class Asked:
    """One request: its moment in seconds, its conversation, its length in seconds."""

    at: float
    key: str
    seconds: float


@dataclass(frozen=True)
class Day:
    """What a fleet made of its requests: how long each waited, and which part of the time each worker was busy."""

    waits: Sequence[float]
    busy: Sequence[float]

    def wait(self, percent: float) -> float:
        """Nearest rank."""
        return sorted(self.waits)[max(0, math.ceil(len(self.waits) * percent / 100) - 1)]


def arrivals(rate: float, until: float, draw: random.Random) -> Iterator[float]:
    """Moments of a Poisson process of this rate a second."""
    at = 0.0
    while (at := at + draw.expovariate(rate)) < until:
        yield at


def asked(moments: Iterator[float], conversations: int, mean: float, draw: random.Random) -> Iterator[Asked]:
    """A request at each moment, of any of the conversations; lengths of this mean in seconds."""
    for at in moments:
        key = f"conversation-{draw.randrange(conversations)}"
        yield Asked(at, key, draw.lognormvariate(math.log(mean) - SPREAD**2 / 2, SPREAD))


def play(requests: Sequence[Asked], workers: int, partitions: int, cost: float, overhead: float, until: float) -> Day:
    """Every request by the worker that has its partition, in the order of arrival."""
    free, busy, waits = [0.0] * workers, [0.0] * workers, []
    owner = {each.key: partition_of(each.key, partitions) % workers for each in requests}
    for each in requests:
        worker, takes = owner[each.key], overhead + cost * each.seconds
        begins = max(each.at, free[worker])
        waits.append(begins - each.at)
        free[worker] = begins + takes
        busy[worker] += takes
    return Day(waits, [each / until for each in busy])


def least(requests: Sequence[Asked], cost: float, wait: float, until: float) -> tuple[int, Day]:
    """The smallest fleet whose p99 wait is within `wait` seconds, and its day.

    Raises ValueError where none is, since a conversation's requests follow each other more closely than they are done.
    """
    work = sum(OVERHEAD + cost * each.seconds for each in requests)
    few, many = 0, max(1, math.ceil(work / until))
    while not _enough(requests, many, cost, wait, until):
        few, many = many, 2 * many
        if few > len(requests):
            raise ValueError(f"no fleet is enough: a conversation waits for itself for more than {wait:g} s")
    while many - few > 1:
        half = (few + many) // 2
        few, many = (few, half) if _enough(requests, half, cost, wait, until) else (half, many)
    return many, play(requests, many, PER_WORKER * many, cost, OVERHEAD, until)


def _enough(requests: Sequence[Asked], workers: int, cost: float, wait: float, until: float) -> bool:
    return play(requests, workers, PER_WORKER * workers, cost, OVERHEAD, until).wait(99) <= wait


def busiest(hours: float, draw: random.Random, until: float, mean: float = 10.0) -> list[Asked]:
    """The busiest time of a day with so many hours of speech: twice the day's mean."""
    rate = 2 * hours * 3600 / mean / DAY
    return list(asked(arrivals(rate, until, draw), max(1, round(hours * 10)), mean, draw))


def at_once(
    conversations: int, draw: random.Random, until: float, mean: float = 8.0, every: float = 30.0
) -> list[Asked]:
    """So many people, each of whose avatars says something of `mean` seconds about `every` seconds."""
    return list(asked(arrivals(conversations / every, until, draw), conversations, mean, draw))


def main() -> int:
    """Simulate and print one table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--hours", type=float, default=1000.0, help="hours of speech a day")
    parser.add_argument("--conversations", type=int, default=10_000, help="people at once")
    parser.add_argument("--patience", type=float, default=5.0, help="jobs that 99 of 100 may wait for, or a second")
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    draw, long, short = random.Random(chosen.seed), 7200.0, 300.0
    loads = {
        f"{chosen.hours:g} hours a day": (busiest(chosen.hours, draw, long), long),
        f"{chosen.conversations} conversations": (at_once(chosen.conversations, draw, short), short),
    }
    print(table([HEAD, *(_row(load, engine, *loads[load], chosen.patience) for load in loads for engine in COSTS)]))
    return 0


def _row(load: str, engine: str, requests: Sequence[Asked], until: float, patience: float) -> tuple[str, ...]:
    job = OVERHEAD + COSTS[engine] * sum(each.seconds for each in requests) / len(requests)
    workers, day = least(requests, COSTS[engine], max(1.0, patience * job), until)
    busy = sum(day.busy) / workers
    waits = (f"{each:.2f}" for each in (day.wait(50), day.wait(99), max(day.waits)))
    return (load, engine, str(workers), str(PER_WORKER * workers), f"{busy:.2f}", f"{max(day.busy):.2f}", *waits)


if __name__ == "__main__":
    sys.exit(main())
