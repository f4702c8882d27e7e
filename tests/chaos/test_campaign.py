"""A fleet under fire for half a minute, once for each queue: bench/soak.py is the same for as long as you like."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.chaos.campaign import Plan, run
from tests.chaos.poisoned import Tempo
from tests.chaos.seeds import KEPT
from tests.chaos.verdict import judge
from tests.kafka.broker import Broker

SECONDS, SETTLE_SECONDS = 20.0, 120.0
# What CI cannot wait for: the product's own patience is ten seconds for a session and more than a minute for an engine.
TEMPO = Tempo(session=2.0, hang=5.0, retry=0.1, pace=0.05)

SQLITE_POISONS, KAFKA_POISONS = (20, 21, 22, 23), (20, 23)
"""Without a hang in native code (15 s, five times), and on Kafka without any: each is followed by a new member."""


def assert_it_holds(queue: str, seed: int, folder: Path, poisons: Sequence[int]) -> None:
    seen = run(Plan(queue, seed, SECONDS, settle=SETTLE_SECONDS, tempo=TEMPO, poisons=poisons), folder)
    verdict = judge(seen)
    print(f"{queue}, seed {seed}, settled after {seen.settled:.0f} s: {verdict.figures.as_json()}")
    assert not verdict.faults, f"seed {seed} on {queue}; keep it in tests/chaos/seeds.py"
    assert not verdict.weak
    assert verdict.figures.poisoned == verdict.figures.buried > 0
    assert verdict.figures.accepted == verdict.figures.answered > 20


@pytest.mark.parametrize("seed", KEPT["sqlite"])
def test_on_sqlite_nothing_is_lost_doubled_or_out_of_order_whatever_is_killed(seed: int, tmp_path: Path) -> None:
    assert_it_holds("sqlite", seed, tmp_path, SQLITE_POISONS)


@pytest.mark.kafka
@pytest.mark.parametrize("seed", KEPT["kafka"])
def test_on_kafka_nothing_is_lost_doubled_or_out_of_order_whatever_is_killed(
    seed: int, tmp_path: Path, kafka_broker: Broker
) -> None:
    # A broker of its own, since it is killed. The session's one is asked for because it skips where none can run.
    assert_it_holds("kafka", seed, tmp_path, KAFKA_POISONS)
