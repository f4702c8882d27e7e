"""Many clients at once while server, worker and broker are killed: nothing is lost, doubled, reordered or left over.

bench/load.py is the same with figures and any size.
"""

from pathlib import Path

import pytest

from tests.chaos.load import Load, Seen, Victim, faults, left_in_kafka, left_in_sqlite, run
from tests.kafka.broker import Broker, free_ports

LOAD = Load(clients=25, requests=200, seconds=(1.0, 60.0))


def assert_all_is_well(seen: Seen, killed: list[str]) -> None:
    assert faults(seen) == []
    assert [name for name, _ in seen.kills] == killed
    assert all(0 < answered < LOAD.requests for _, answered in seen.kills)


def test_through_sqlite_every_answer_is_whole_though_server_and_worker_are_killed(tmp_path: Path) -> None:
    file = tmp_path / "queue.db"
    seen = run(LOAD, f"sqlite:///{file}", free_ports(1)[0], tmp_path, lambda: left_in_sqlite(file))
    assert_all_is_well(seen, ["worker", "server"])


@pytest.mark.kafka
def test_through_kafka_every_answer_is_whole_though_server_worker_and_broker_are_killed(
    tmp_path: Path, kafka_broker: Broker
) -> None:
    # A broker of its own, since it is killed. The session's one is asked for because it skips where none can run.
    with Broker() as broker:
        where = broker.bootstrap
        victim = Victim("broker", 0.7, broker.restart)
        seen = run(LOAD, f"kafka://{where}", free_ports(1)[0], tmp_path, lambda: left_in_kafka(where), [victim])
    assert_all_is_well(seen, ["worker", "server", "broker"])
