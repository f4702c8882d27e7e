"""A fleet under fire for as long as you like: is anything lost, doubled, out of order, or buried that was sound?

    python bench/soak.py [--seed 1] [--minutes 2] [--queue sqlite,kafka] [--brokers 1] [--clients 10]

Two servers, three workers and many clients, while a script drawn from the seed kills, stops, restarts and poisons them
(tests/chaos). With --brokers 3 it also kills, cuts off, fills and rolls the brokers of a cluster (tests/cluster). The
minutes are shared by the queues, which take their turns; then everything that is open is waited for.
The last line is JSON, the sum over the queues. Exit code 1 where a promise was broken.
"""

import sys
from pathlib import Path

if not __package__:
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

import argparse
import json
import shutil
import signal
import tempfile
from dataclasses import asdict

from bench.figures import machine
from tests.chaos.campaign import Plan, Seen, run
from tests.chaos.verdict import Figures, Verdict, judge
from tests.cluster.brokers import NUMBERS
from tests.cluster.director import ClusterDirector
from tests.cluster.ground import cluster

QUEUES = ("sqlite", "kafka")
CLUSTER = "cluster"
SHOWN = 20


def main() -> int:
    """Play, tell, count."""
    chosen = _parsed()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # nothing stays, least of all a mount
    print(machine(), flush=True)
    verdicts = {queue: _soaked(queue, chosen) for queue in chosen.queue}
    total = sum((each.figures for each in verdicts.values()), Figures())
    split = {queue: asdict(each.figures) for queue, each in verdicts.items()}
    print(total.as_json(seed=chosen.seed, minutes=chosen.minutes, queues=split), flush=True)
    return 1 if any(each.faults for each in verdicts.values()) else 0


def _parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seed", type=int, default=1, help="of the script and of what is asked (default 1)")
    parser.add_argument("--minutes", type=float, default=2.0, help="of fire, shared by the queues (default 2)")
    parser.add_argument("--queue", default=",".join(QUEUES), type=_queues, help="sqlite, kafka or both (default both)")
    parser.add_argument("--clients", type=int, default=10, help="how many talk at once (default 10)")
    parser.add_argument("--brokers", type=int, choices=(1, 3), default=1, help="3: Kafka alone, in a cluster of three")
    chosen = parser.parse_args()
    if chosen.brokers == len(NUMBERS):
        chosen.queue = [CLUSTER]
    return chosen


def _queues(text: str) -> list[str]:
    names = text.split(",")
    if unknown := set(names) - set(QUEUES):
        raise argparse.ArgumentTypeError(
            f"{', '.join(sorted(unknown))}: no such queue; choose from {', '.join(QUEUES)}"
        )
    return names


def _soaked(queue: str, chosen: argparse.Namespace) -> Verdict:
    """One queue's campaign; its logs are kept where something is wrong."""
    seconds = 60.0 * chosen.minutes / len(chosen.queue)
    folder = Path(tempfile.mkdtemp(prefix=f"emotalk-soak-{queue}-"))
    plan = Plan(queue, chosen.seed, seconds, chosen.clients)
    seen = run(plan, folder, cluster, ClusterDirector) if queue == CLUSTER else run(plan, folder)
    verdict = judge(seen)
    print(_story(seen, verdict), flush=True)
    if verdict.faults:
        print(f"{queue}: FAILED with seed {chosen.seed}; the logs are in {folder}/logs", flush=True)
    else:
        shutil.rmtree(folder)
    return verdict


def _story(seen: Seen, verdict: Verdict) -> str:
    figures, audio = verdict.figures, sum(len(each.pcm) for each in seen.asked) / 16_000
    repeated = len(seen.starts) - len({line["request_id"] for line in seen.starts})
    lines = [
        f"{seen.plan.queue}: {seen.seconds:.0f} s of fire, {seen.settled:.0f} s until the last answer",
        f"  {figures.accepted} requests accepted, {audio:.0f} s of sound, {figures.answered} answered in full",
        f"  {sum(figures.kills.values())} kills {json.dumps(figures.kills)}, {figures.jobs_interrupted} in a job",
        f"  {len(seen.calls)} calls, {repeated} starts beyond one per request, {len(seen.ends)} processes ended",
        *(f"  full disk by {seen.disk}" for _ in [0] if seen.disk),
        f"  {seen.told()}",
        *(f"  weak: {each}" for each in verdict.weak),
        *(f"  FAULT {' '.join(each.split())}" for each in verdict.faults[:SHOWN]),
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
