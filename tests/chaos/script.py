"""What happens when: drawn from a seed, so that a campaign that failed can be played again.

kills     one every 2.2 s on average: six in ten a worker with a job in its hands
scenes    each once a minute, and at least once: a worker, a server, the broker stand still for longer than a
          session; a rolling deploy; a full disk (SQLite); poison of every kind
cuts      every 3 s some of the clients' connections
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import cycle
from typing import Literal

from tests.chaos.poisoned import POISONS

What = Literal[
    "kill busy worker", "kill worker", "kill server", "kill broker",
    "stop worker", "stop server", "stop broker", "roll", "fill disk", "cut", "poison",
    "kill leader", "kill follower", "kill controller", "kill two brokers",
    "cut broker", "cut worker", "cut server", "slow link", "roll brokers", "move leaders",
]  # fmt: skip

KILL_EVERY = (1.4, 3.0)
CUT_EVERY = (1.5, 4.5)
MINUTE = 60.0
EVERY_POISON = tuple(POISONS)
_BUSY: tuple[What, ...] = ("kill busy worker",) * 3
_KILLS: dict[str, tuple[tuple[What, ...], ...]] = {
    "kafka": ((*_BUSY, "kill server", "kill broker"), (*_BUSY, "kill server", "kill worker")),
    "sqlite": ((*_BUSY, "kill server", "kill busy worker"), (*_BUSY, "kill server", "kill worker")),
    "cluster": (
        ("kill busy worker", "kill leader", "kill follower", "kill server", "kill controller"),
        ("kill busy worker", "kill busy worker", "kill leader", "kill worker", "kill controller"),
    ),
}
"""Hands of five that are dealt in turn, so that even a short script has everyone killed."""
_SCENES: dict[str, tuple[What, ...]] = {
    "kafka": ("stop worker", "stop server", "stop broker", "roll"),
    "sqlite": ("stop worker", "stop server", "fill disk", "roll"),
    "cluster": (
        "stop worker", "stop server", "stop broker", "roll", "fill disk", "kill two brokers",
        "cut broker", "cut worker", "cut server", "slow link", "roll brokers", "move leaders",
    ),
}  # fmt: skip
_ROUND = {"kafka": MINUTE, "sqlite": MINUTE, "cluster": 2 * MINUTE}
"""Seconds in which each scene is played once."""


@dataclass(frozen=True, order=True)
class Act:
    """`at` seconds after the start, at whoever `pick` (0..1) points to; `person` is the poison's."""

    at: float
    what: What
    pick: float
    person: int = 0


def script(seed: int, seconds: float, queue: str, poisons: Sequence[int] = EVERY_POISON) -> list[Act]:
    """The whole of it, in order of time."""
    draw = random.Random(f"{queue}-{seed}")
    acts = [*_kills(draw, seconds, queue), *_scenes(draw, seconds, queue, poisons), *_cuts(draw, seconds)]
    return sorted(acts)


def _kills(draw: random.Random, seconds: float, queue: str) -> Iterator[Act]:
    hands, hand = cycle(_KILLS[queue]), list[What]()
    at = draw.uniform(*KILL_EVERY)
    while at < seconds:
        if not hand:
            hand = list(next(hands))
            draw.shuffle(hand)
        yield Act(at, hand.pop(), draw.random())
        at += draw.uniform(*KILL_EVERY)


def _scenes(draw: random.Random, seconds: float, queue: str, poisons: Sequence[int]) -> Iterator[Act]:
    """Poison early in each round: it takes the longest to be over. The others share what is left evenly."""
    whole = _ROUND[queue]
    for start in range(0, max(1, round(seconds / whole))):
        length = min(whole, seconds)
        begin = start * whole
        yield from (Act(begin + draw.uniform(0.0, 0.2) * length, "poison", 0.0, person) for person in poisons)
        scenes = list(_SCENES[queue])
        draw.shuffle(scenes)
        for place, what in enumerate(scenes):
            share = (place + draw.random() / 2) / len(scenes)
            yield Act(begin + length * (0.1 + 0.8 * share), what, draw.random())


def _cuts(draw: random.Random, seconds: float) -> Iterator[Act]:
    at = draw.uniform(*CUT_EVERY)
    while at < seconds:
        yield Act(at, "cut", draw.random())
        at += draw.uniform(*CUT_EVERY)
