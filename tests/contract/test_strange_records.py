"""Whatever others write into a log: good jobs are answered, and what is not ours can be seen and removed."""

import random
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from sqlite3 import connect
from threading import Event
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from emotalk.cli import jobs as command
from emotalk.engines.tone import ToneEngine
from emotalk.errors import ConfigurationError
from emotalk.jobs.assembly import Assembly
from emotalk.jobs.codec import part_of
from emotalk.jobs.intake import as_request
from emotalk.pipeline import Pipeline
from emotalk.queues.base import Queue, Results
from emotalk.worker.loop import Worker
from tests.contract.candidate import Candidate, kafka, memory, sqlite
from tests.contract.strangers import into_kafka, into_memory, into_sqlite, request, states_of
from tests.unit.stage import Clock, job

EXAMPLES, STRANGERS, GOOD = 40, 12, 4
EXAMPLES_ON_KAFKA, STRANGERS_ON_KAFKA = 2, 80

Write = Callable[[Queue, random.Random, list[str]], None]
seeds = st.integers(0, 2**32)


def work(queue: Queue, patience: float) -> None:
    """Until nothing waits; a worker that a record has stopped, or that stands before one for ever, fails its test."""
    stop, clock, consumer = Event(), Clock(), queue.consumer("")
    claim, looks = consumer.claim, iter(range(400))

    def claim_or_stop(_: float) -> Any:
        next(looks)
        found = claim(patience)
        if found is None and not {"queued", "running"} & set(states_of(queue.jobs())):
            stop.set()
        return found

    consumer.claim = claim_or_stop  # type: ignore[method-assign]
    Worker(consumer, Pipeline(ToneEngine()), stop, monotonic=clock, pause=clock.sleep).run()
    consumer.close()


def assert_answered(results: Results, good: list[str], patience: float) -> None:
    """Every frame of every one of them, read as a server reads."""
    answers = {name: Assembly() for name in good}
    for _ in range(1000):
        for result in results.poll(patience):
            part = part_of(result)
            if part is not None and result.request_id in answers and part.answers(f"digest of {result.request_id}", 1):
                answers[result.request_id].add(part)
        if all(answer.complete for answer in answers.values()):
            return
    pytest.fail(f"not answered: {[name for name, answer in answers.items() if not answer.complete]}")


def play(candidate: Candidate, write: Write, draw: random.Random, strangers: int, patience: float) -> None:
    """Good requests and strange ones in turn; a worker; then a person who looks and cleans up."""
    queue = candidate.queue()
    producer, results, good = queue.producer(), queue.results(), [f"good-{number}" for number in range(GOOD)]
    for number in range(strangers):
        if number % (strangers // GOOD) == 0:
            producer.append(as_request(job(good[number * GOOD // strangers], 1.0)))
        if draw.random() < 0.3:
            producer.append(request(draw, f"appended-{number}"))
        else:
            write(queue, draw, good)
    producer.ping()
    queue.meter().read()
    work(candidate.queue(), patience)
    assert_answered(results, good, patience)
    ledger, meter = queue.ledger(), queue.meter()
    rows = ledger.rows()
    assert {"done"} == {row.state for row in map(ledger.find, good) if row is not None}
    command._list(rows, as_json=True)
    command._list(rows, as_json=False)
    for row in rows:
        command._format_facts(command._list_facts(row) | command._list_letter_facts(ledger.payload(row)))
        if row.state == "dead":
            ledger.delete(row.request_id)
    assert "dead" not in set(states_of(ledger.rows())), "a letter that nobody can remove"
    assert sum(lane.unfinished for lane in meter.read().lanes) == 0


@settings(max_examples=EXAMPLES, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=seeds)
@pytest.mark.long
def test_in_memory_good_jobs_are_answered_beside_strange_records(seed: int) -> None:

    play(memory(None, None), into_memory, random.Random(seed), STRANGERS, 0.0)  # type: ignore[arg-type]


@settings(max_examples=EXAMPLES, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=seeds)
@pytest.mark.long
def test_on_sqlite_good_jobs_are_answered_beside_strange_rows(
    seed: int, tmp_path_factory: pytest.TempPathFactory
) -> None:

    folder = tmp_path_factory.mktemp("strange")
    candidate = sqlite(folder, None)  # type: ignore[arg-type]
    try:
        play(candidate, into_sqlite(folder / "q.db"), random.Random(seed), STRANGERS, 0.0)
    finally:
        for queue in candidate.opened:
            queue.close()


LANES = ("head", "next", "token", "attempts", "owner", "kept_at", "lease")


@pytest.fixture
def spoilt(tmp_path: Path) -> Iterator[tuple[Candidate, Callable[..., Any]]]:
    """A queue on SQLite, and a shell to its file."""

    candidate = sqlite(tmp_path, None)  # type: ignore[arg-type]
    candidate.queue()
    with closing(connect(tmp_path / "q.db", isolation_level=None)) as shell:
        yield candidate, shell.execute
    for queue in candidate.opened:
        queue.close()


@pytest.mark.parametrize("cell", ["zz", -7, 2**40, b"\xff", "9" * 5000])
@pytest.mark.parametrize("column", LANES)
def test_a_lane_whose_figures_are_spoilt_is_mended_by_whoever_opens_it_next(
    spoilt: tuple[Candidate, Callable[..., Any]], column: str, cell: object
) -> None:
    candidate, shell = spoilt
    queue, good = candidate.queue(), ["good-0", "good-1"]
    producer, results = queue.producer(), queue.results()
    producer.append(as_request(job(good[0], 1.0)))
    shell(f"UPDATE lanes SET {column} = ?", (cell,))
    assert candidate.clock is not None
    candidate.clock.now += 24 * 3600.0  # an owner that nobody has heard of may have had its time
    candidate.queue().producer().append(as_request(job(good[1], 1.0)))
    work(candidate.queue(), 0.0)
    assert_answered(results, good, 0.0)


def test_a_request_whose_sound_was_deleted_is_buried_and_takes_no_other_ones(
    spoilt: tuple[Candidate, Callable[..., Any]],
) -> None:
    candidate, shell = spoilt
    queue = candidate.queue()
    producer, results = queue.producer(), queue.results()
    producer.append(as_request(job("lost", 1.0)))
    shell("DELETE FROM payloads")
    producer.append(as_request(job("good-0", 1.0)))
    work(candidate.queue(), 0.0)
    assert_answered(results, ["good-0"], 0.0)
    assert {row.request_id: row.state for row in queue.jobs()} == {"lost": "dead", "good-0": "done"}


@pytest.mark.parametrize("damage", ["DROP TABLE payloads", "ALTER TABLE results DROP COLUMN payload"])
def test_a_file_that_lacks_a_table_or_a_column_is_refused_by_name(
    spoilt: tuple[Candidate, Callable[..., Any]], damage: str
) -> None:
    candidate, shell = spoilt
    shell(damage)
    with pytest.raises(ConfigurationError, match=r"q\.db: lacks (payloads|results)\."):
        candidate.queue()


@pytest.mark.kafka
@settings(max_examples=EXAMPLES_ON_KAFKA, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=seeds)
def test_on_kafka_good_jobs_are_answered_beside_strange_records(seed: int, request: pytest.FixtureRequest) -> None:

    candidate = kafka(None, request)  # type: ignore[arg-type]
    queue: Any = candidate.queue()
    cluster = queue._cluster
    try:
        write = into_kafka(cluster.bootstrap, cluster.prefix)
        play(candidate, write, random.Random(seed), STRANGERS_ON_KAFKA, 1.0)
    finally:
        for each in candidate.opened:
            each.close()
