"""The exam in scale and back-pressure, for every kind of queue: partitions that are added, a bound on what waits."""

from itertools import count

import pytest

from emotalk.errors import QueueFull
from emotalk.queues.base import Queue
from tests.contract.candidate import Candidate, request

KEYS = 40


def spread(queue: Queue, first: int = 0) -> set[int]:
    """The partitions that requests of many keys go to."""
    producer = queue.producer()
    return {producer.append(request(f"{n}", key=f"key {n}")).partition for n in range(first, first + KEYS)}


def finish_all(candidate: Candidate, queue: Queue, count: int) -> None:
    consumer = queue.consumer("")
    for _ in range(count):
        consumer.complete(candidate.claim(consumer))
    consumer.close()


def test_requests_are_spread_over_all_partitions_that_were_asked_for(candidate: Candidate) -> None:
    assert spread(candidate.queue(partitions=4)) == {0, 1, 2, 3}


def test_a_bound_on_what_waits_refuses_the_next_request_until_one_is_done(candidate: Candidate) -> None:
    candidate.max_waiting = 2
    queue = candidate.queue(partitions=2)
    producer = queue.producer()
    producer.ping()
    for name in ("a", "b"):
        producer.append(request(name, key=name))
    with pytest.raises(QueueFull, match="2 unfinished"):
        producer.append(request("c", key="c"))
    with pytest.raises(QueueFull):
        producer.ping()
    consumer = queue.consumer("worker")
    consumer.complete(candidate.claim(consumer))
    candidate.until(producer.ping, QueueFull)
    producer.append(request("c", key="c"))


def test_partitions_are_added_where_nothing_waits_and_are_not_taken_away(lasting: Candidate) -> None:
    assert spread(lasting.queue()) == {0}
    finish_all(lasting, lasting.queue(), KEYS)
    assert spread(lasting.queue(partitions=3), KEYS) == {0, 1, 2}
    finish_all(lasting, lasting.queue(), KEYS)
    assert spread(lasting.queue(partitions=1), 2 * KEYS) == {0, 1, 2}


def test_no_partition_is_added_while_requests_wait_for_they_would_be_overtaken(
    lasting: Candidate, caplog: pytest.LogCaptureFixture
) -> None:
    lasting.queue().producer().append(request("waits", key="a"))
    assert spread(lasting.queue(partitions=3)) == {0}
    [told] = [record for record in caplog.records if "left as they are" in record.message]
    assert (told.partitions, told.wanted, told.unfinished) == (1, 3, 1)  # type: ignore[attr-defined]


def test_a_producer_that_was_open_before_uses_the_partitions_that_were_added(lasting: Candidate) -> None:
    before, seen = lasting.queue().producer(), set[int]()
    lasting.queue(partitions=3)
    numbers = count()

    def look() -> None:
        name = f"{next(numbers)}"
        seen.add(before.append(request(name, key=name)).partition)
        if len(seen) < 3:
            raise QueueFull("not all of them yet")

    lasting.until(look, QueueFull)
