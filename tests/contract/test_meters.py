"""What every kind of queue tells to whoever watches it from outside."""

import time
from concurrent.futures import ThreadPoolExecutor
from threading import Event

from emotalk.queues.base import Reading
from tests.contract.candidate import Candidate, request


def oldest_of(reading: Reading) -> float:
    [lane] = reading.lanes
    assert lane.oldest_at is not None
    return lane.oldest_at


def unfinished(reading: Reading) -> int:
    return sum(lane.unfinished for lane in reading.lanes)


def now(candidate: Candidate) -> float:
    return candidate.clock() if candidate.clock else time.time()


def pass_time(candidate: Candidate) -> None:
    if candidate.clock:
        candidate.clock.now += 7.0


def test_an_empty_queue_has_nothing_unfinished_and_no_oldest_request(candidate: Candidate) -> None:
    reading = candidate.queue().meter().read()
    assert [(lane.unfinished, lane.oldest_at) for lane in reading.lanes] == [(0, None)]
    assert reading.dead_letters == 0


def test_the_request_in_hand_counts_until_it_is_done_and_then_the_next_one_is_the_oldest(candidate: Candidate) -> None:
    queue = candidate.queue()
    meter, producer, consumer = queue.meter(), queue.producer(), queue.consumer("worker")
    times = []
    for name in ("one", "two", "three"):
        times.append(now(candidate))
        producer.append(request(name))
        pass_time(candidate)
    claim = candidate.start(consumer)
    assert unfinished(meter.read()) == 3
    assert abs(oldest_of(meter.read()) - times[0]) < 1.0
    consumer.complete(claim)
    assert unfinished(meter.read()) == 2
    assert times[1] - 0.01 <= oldest_of(meter.read()) < times[1] + 1.0


def test_each_partition_is_measured_for_itself(candidate: Candidate) -> None:
    queue = candidate.queue(3)
    places = [queue.producer().append(request(f"{n}", key=f"{n}")).partition for n in range(9)]
    lanes = queue.meter().read().lanes
    assert [lane.partition for lane in lanes] == [0, 1, 2]
    assert [lane.unfinished for lane in lanes] == [places.count(partition) for partition in range(3)]
    assert [lane.oldest_at is None for lane in lanes] == [lane.unfinished == 0 for lane in lanes]


def test_a_buried_request_is_a_dead_letter_and_waits_no_more(candidate: Candidate) -> None:
    queue = candidate.queue()
    queue.producer().append(request())
    consumer = queue.consumer("worker")
    consumer.bury(candidate.start(consumer), b"letter", "broken", [b"failure"])
    reading = queue.meter().read()
    assert (unfinished(reading), reading.dead_letters) == (0, 1)


def test_measuring_takes_nothing_from_the_worker(candidate: Candidate) -> None:
    queue = candidate.queue()
    queue.producer().append(request("one", b"voice"))
    meter = queue.meter()
    meter.read()
    assert candidate.start(queue.consumer("worker")).request.payload == b"voice"


def test_a_reader_is_behind_by_what_it_has_not_polled(candidate: Candidate) -> None:
    queue = candidate.queue()
    results = queue.results()
    assert results.behind() == 0
    queue.producer().append(request())
    consumer = queue.consumer("worker")
    claim = candidate.start(consumer)
    consumer.publish(claim, [b"a", b"b"])
    until = time.monotonic() + candidate.patience
    while candidate.clock is None and results.behind() == 0 and time.monotonic() < until:
        pass  # a broker tells its ends with the answer to a fetch
    assert results.behind() == 2
    candidate.hear(results, 2)
    assert results.behind() == 0


def test_a_meter_may_be_closed_twice_since_its_queue_closes_it_as_well(candidate: Candidate) -> None:
    meter = candidate.queue().meter()
    meter.read()
    meter.close()
    meter.close()


def test_who_asks_how_far_a_reader_is_behind_waits_for_no_poll(candidate: Candidate) -> None:
    results, over = candidate.queue().results(), Event()

    def poll() -> None:
        while not over.is_set():
            results.poll(0.5)

    with ThreadPoolExecutor(2) as threads:
        polling = threads.submit(poll)
        try:
            assert threads.submit(results.behind).result(candidate.patience) == 0
        finally:
            over.set()
            polling.result(candidate.patience)
