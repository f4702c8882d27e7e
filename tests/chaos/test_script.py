"""What the script promises, for any seed."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.chaos.poisoned import POISONS
from tests.chaos.script import script

SEEDS = st.integers(0, 2**32)
QUEUES = st.sampled_from(["sqlite", "kafka", "cluster"])


@given(SEEDS, QUEUES)
def test_the_same_seed_plays_the_same_script(seed: int, queue: str) -> None:
    assert script(seed, 60.0, queue) == script(seed, 60.0, queue)
    assert script(seed, 60.0, queue) != script(seed + 1, 60.0, queue)


@given(SEEDS, QUEUES, st.floats(20.0, 600.0))
def test_there_is_a_kill_every_three_seconds_and_half_of_them_want_a_job_in_hand(
    seed: int, queue: str, seconds: float
) -> None:
    kills = [act for act in script(seed, seconds, queue) if act.what.startswith("kill")]
    assert len(kills) * 3.0 >= seconds - 3.0
    share = 3 / 10 if queue == "cluster" else 1 / 2
    assert sum(act.what == "kill busy worker" for act in kills) >= share * len(kills) - 4


@given(SEEDS, QUEUES, st.floats(20.0, 90.0))
def test_every_scene_and_every_poison_is_in_the_shortest_script(seed: int, queue: str, seconds: float) -> None:
    acts = script(seed, seconds + 20.0 * (queue == "cluster"), queue)  # two hands of five kills are dealt there
    played = Counter(act.what for act in acts)
    own = {
        "kafka": {"kill broker", "stop broker"},
        "sqlite": {"fill disk"},
        "cluster": {"kill leader", "kill follower", "kill controller", "kill two brokers", "fill disk", "roll brokers"}
        | {"cut broker", "cut worker", "cut server", "slow link", "move leaders", "stop broker"},
    }[queue]
    assert own | {"stop worker", "stop server", "roll", "kill server", "cut", "poison"} <= set(played)
    assert {act.person for act in acts if act.what == "poison"} == set(POISONS)


@given(SEEDS, QUEUES)
def test_the_script_is_in_order_and_ends_in_time(seed: int, queue: str) -> None:
    times = [act.at for act in script(seed, 120.0, queue)]
    assert times == sorted(times)
    assert times[-1] < 120.0


@pytest.mark.parametrize("queue", ["sqlite", "kafka"])
def test_ten_minutes_hold_ten_of_each_scene_of_a_single_broker(queue: str) -> None:
    played = Counter(act.what for act in script(1, 600.0, queue))
    assert {played[what] for what in ("stop worker", "stop server", "roll")} == {10}
