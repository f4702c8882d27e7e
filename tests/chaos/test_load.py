"""Many clients at once while server, worker and broker are killed: nothing is lost, doubled, reordered or left over.

bench/load.py is the same with figures and any size.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from emotalk.client import Chunk
from emotalk.errors import QueueUnavailable
from tests.chaos.leftovers import left_in_kafka, left_in_sqlite
from tests.chaos.load import Load, Seen, Victim, faults, run
from tests.chaos.programs import embedded, two_programs
from tests.kafka.broker import Broker, free_ports

LOAD = Load(clients=25, requests=200, seconds=(1.0, 60.0))


def test_whatever_is_wrong_with_an_answer_or_with_the_order_is_found() -> None:
    seen = undisturbed()
    assert faults(seen) == []
    [errand] = seen.errands
    first, last = seen.answers[errand.request_id]
    flaws: list[dict[str, object]] = [
        {"answers": {errand.request_id: [first, replace(last, is_final=False)]}},
        {"answers": {errand.request_id: [first, first, last]}},
        {"answers": {errand.request_id: [first]}},
        {"answers": {errand.request_id: [first, replace(last, frames=last.frames[:-1])]}},
        {"answers": {errand.request_id: [replace(first, frames=first.frames + np.float32(1e-6)), last]}},
        {"answers": {}, "errors": {errand.request_id: QueueUnavailable("gone")}},
        {"started": [*seen.started, {"partition": 0, "offset": 0}]},
        {"started": []},
        {"accepted": []},
        {"left": ["one"]},
    ]
    assert [bool(faults(replace(seen, **flaw))) for flaw in flaws] == [True] * len(flaws)


def undisturbed() -> Seen:
    """One errand of thirty seconds, answered as it should be."""
    [errand] = Load(requests=1, seconds=(30.0, 30.0)).errands()
    frames, seam = errand.expected(), 733
    chunks = [Chunk("", 0, 0, frames[:seam], False), Chunk("", 1, seam, frames[seam:], True)]
    place = {"partition": 0, "offset": 1}
    accepted = {"request_id": errand.request_id, **place}
    return Seen([errand], {errand.request_id: chunks}, accepted=[accepted], started=[place])


def assert_all_is_well(seen: Seen, killed: list[str]) -> None:
    assert faults(seen) == []
    assert [name for name, _ in seen.kills] == killed
    assert all(0 < answered < LOAD.requests for _, answered in seen.kills)


def test_through_sqlite_every_answer_is_whole_though_server_and_worker_are_killed(tmp_path: Path) -> None:
    file, [port] = tmp_path / "queue.db", free_ports(1)
    seen = run(LOAD, embedded(f"sqlite:///{file}", port, tmp_path), port, lambda: left_in_sqlite(file))
    assert_all_is_well(seen, ["worker", "server"])


@pytest.mark.kafka
def test_through_kafka_every_answer_is_whole_though_server_worker_and_broker_are_killed(
    tmp_path: Path, kafka_broker: Broker
) -> None:
    # A broker of its own, since it is killed. The session's one is asked for because it skips where none can run.
    with Broker() as broker:
        where, [port] = broker.bootstrap, free_ports(1)
        service, victim = two_programs(f"kafka://{where}", port, tmp_path), Victim("broker", 0.7, broker.restart)
        seen = run(LOAD, service, port, lambda: left_in_kafka(where), [victim])
    assert_all_is_well(seen, ["worker", "server", "broker"])
