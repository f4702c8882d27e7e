"""Three brokers under fire for two minutes: bench/soak.py --brokers 3 is the same for as long as you like."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chaos.campaign import Plan, run
from tests.chaos.poisoned import Tempo
from tests.chaos.seeds import KEPT
from tests.chaos.verdict import judge
from tests.cluster.director import ClusterDirector
from tests.cluster.ground import cluster
from tests.kafka.broker import Broker
from tests.kafka.lent import lent

pytestmark = pytest.mark.cluster

SECONDS, SETTLE_SECONDS, KILLS = 135.0, 150.0, 40
TEMPO = Tempo(session=2.0, hang=5.0, retry=0.1, pace=0.05)
POISONS = (20, 23)


@pytest.fixture
def java() -> Iterator[Broker]:
    """Skips where no broker can run."""
    yield from lent(Broker())


@pytest.mark.usefixtures("java")
@pytest.mark.parametrize("seed", KEPT["cluster"])
def test_with_three_brokers_nothing_is_lost_doubled_or_out_of_order_whatever_is_killed_or_cut_off(
    seed: int, tmp_path: Path
) -> None:
    plan = Plan("cluster", seed, SECONDS, settle=SETTLE_SECONDS, tempo=TEMPO, poisons=POISONS)
    seen = run(plan, tmp_path, cluster, ClusterDirector)
    verdict = judge(seen)
    print(f"seed {seed}, settled after {seen.settled:.0f} s: {verdict.figures.as_json()}; {seen.disk}; {seen.told()}")
    assert not verdict.faults, f"seed {seed}; keep it in tests/chaos/seeds.py"
    assert not verdict.weak
    assert sum(verdict.figures.kills.values()) >= KILLS
    assert verdict.figures.poisoned == verdict.figures.buried > 0
    assert verdict.figures.accepted == verdict.figures.answered > 20
