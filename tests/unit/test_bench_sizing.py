"""The simulation behind docs/sizing.md, against what is known of queues."""

import random

import pytest

from bench.sizing import DAY, Asked, arrivals, at_once, busiest, least, play

HOURS = 100_000.0


@pytest.mark.parametrize("load", [0.3, 0.6, 0.8])
def test_one_worker_waits_as_pollaczek_and_khinchine_say(load: float) -> None:
    takes, draw = 1.0, random.Random(1)
    moments = arrivals(load, HOURS, draw)
    requests = [Asked(at, "one", takes) for at in moments]
    day = play(requests, workers=1, partitions=1, cost=1.0, overhead=0.0, until=HOURS)
    assert sum(day.waits) / len(day.waits) == pytest.approx(load * takes / (2 * (1 - load)), rel=0.08)
    assert day.busy[0] == pytest.approx(load, rel=0.02)


def test_the_busiest_time_has_twice_the_day_s_hours_in_the_order_of_arrival() -> None:
    requests = busiest(100.0, random.Random(2), DAY)
    assert sum(each.seconds for each in requests) / 3600 == pytest.approx(200.0, rel=0.05)
    assert [each.at for each in requests] == sorted(each.at for each in requests)


def test_the_least_fleet_is_enough_and_one_worker_fewer_is_not() -> None:
    requests = at_once(300, random.Random(3), 600.0)
    workers, day = least(requests, cost=1 / 6, wait=4.0, until=600.0)
    assert day.wait(99) <= 4.0
    assert play(requests, workers - 1, 4 * (workers - 1), 1 / 6, 0.010, 600.0).wait(99) > 4.0


def test_no_fleet_helps_a_conversation_that_waits_for_itself() -> None:
    requests = [Asked(float(at), "one", 10.0) for at in range(20)]
    with pytest.raises(ValueError, match="waits for itself"):
        least(requests, cost=1.0, wait=1.0, until=20.0)


def test_waiting_counts_from_the_moment_of_the_request() -> None:
    requests = [Asked(0.0, "a", 10.0), Asked(1.0, "a", 10.0), Asked(100.0, "a", 10.0)]
    assert list(play(requests, 1, 4, cost=1.0, overhead=0.5, until=200.0).waits) == [0.0, 9.5, 0.0]
