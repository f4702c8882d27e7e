"""The exam that every kind of queue sits: one body, no special cases."""

import threading

import pytest

from emotalk.errors import ClaimLost, QueueUnavailable, RequestConflict
from emotalk.queues.base import RESULTS_KEPT_SECONDS, Claim, Record
from tests.contract.candidate import Candidate, Clock, request


def test_a_request_is_claimed_begun_answered_and_completed(candidate: Candidate) -> None:
    queue = candidate.queue()
    results, producer, consumer = queue.results(), queue.producer(), queue.consumer("worker")
    sent = request("one", b"voice", seconds="3.5")
    receipt = producer.append(sent)
    claim = candidate.claim(consumer)
    consumer.begin(claim, 1)
    consumer.keep(claim)
    consumer.publish(claim, [b"first", b"second"])
    consumer.publish(claim, [b"last"])
    consumer.complete(claim)
    assert not receipt.repeated
    assert (claim.request, claim.attempts) == (sent, 0)
    assert (claim.partition, claim.offset) == (receipt.partition, receipt.offset)
    heard = candidate.hear(results, 3)
    assert [(result.request_id, result.payload) for result in heard] == [
        ("one", b"first"),
        ("one", b"second"),
        ("one", b"last"),
    ]


def test_requests_of_one_key_are_worked_on_in_the_order_of_their_appends(candidate: Candidate) -> None:
    queue = candidate.queue(partitions=3)
    producer, consumer = queue.producer(), queue.consumer("worker")
    for number in range(12):
        producer.append(request(f"{number}", key=f"key {number % 4}"))
    done: dict[str, list[int]] = {}
    for _ in range(12):
        claim = candidate.claim(consumer)
        done.setdefault(claim.request.key, []).append(int(claim.request.request_id))
        consumer.complete(claim)
    assert done == {f"key {key}": [key, key + 4, key + 8] for key in range(4)}


def test_while_one_works_another_stands_by(candidate: Candidate) -> None:
    queue = candidate.queue()
    producer, first = queue.producer(), queue.consumer("first")
    for number in range(2):
        producer.append(request(f"{number}"))
    claim = candidate.claim(first)
    assert not first.standing_by()
    second = candidate.queue().consumer("second")
    assert second.claim(candidate.moment) is None
    assert second.standing_by()
    first.keep(claim)


def test_the_next_worker_goes_on_when_one_leaves(candidate: Candidate) -> None:
    queue = candidate.queue()
    producer, first = queue.producer(), queue.consumer("first")
    producer.append(request("done by the first"))
    producer.append(request("left to the second"))
    claim = candidate.claim(first)
    second = queue.consumer("second")  # not before: of two who join at once either may be given the partition
    first.complete(claim)
    first.close()
    assert candidate.claim(second).request.request_id == "left to the second"


def test_a_worker_that_waits_is_woken_by_an_append(candidate: Candidate) -> None:
    queue = candidate.queue()
    producer, consumer, results = queue.producer(), queue.consumer("worker"), queue.results()

    def work() -> None:
        claim = candidate.start(consumer)
        consumer.publish(claim, [b"answer"])
        consumer.complete(claim)

    worker = threading.Thread(target=work)
    worker.start()
    producer.append(request())
    assert candidate.hear(results, 1)[0].payload == b"answer"
    worker.join()


def test_an_attempt_counts_when_its_worker_leaves_without_an_answer(candidate: Candidate) -> None:
    queue = candidate.queue()
    queue.producer().append(request())
    for attempt in range(3):
        consumer = queue.consumer(f"worker {attempt}")
        claim = candidate.claim(consumer)
        assert claim.attempts == attempt
        consumer.begin(claim, attempt + 1)
        consumer.close()


def test_an_attempt_counts_when_its_worker_is_lost_and_comes_back(candidate: Candidate) -> None:
    queue = candidate.queue()
    queue.producer().append(request())
    lost = queue.consumer("worker")
    lost.begin(candidate.claim(lost), 1)
    claim = candidate.claim(candidate.queue().consumer("worker"))
    assert (claim.request.request_id, claim.attempts) == ("one", 1)


def test_an_attempt_that_is_given_back_does_not_count(candidate: Candidate) -> None:
    queue = candidate.queue()
    queue.producer().append(request())
    first, claim = queue.consumer("first"), None
    claim = candidate.claim(first)
    first.begin(claim, 1)
    first.give_back(claim)
    first.close()
    assert candidate.claim(queue.consumer("second")).attempts == 0


def test_attempts_that_failed_still_count_when_the_next_is_given_back(candidate: Candidate) -> None:
    queue = candidate.queue()
    queue.producer().append(request())
    first = queue.consumer("first")
    claim = candidate.claim(first)
    first.begin(claim, 1)
    first.begin(claim, 2)
    first.give_back(claim)
    first.close()
    assert candidate.claim(queue.consumer("second")).attempts == 1


def test_attempts_of_one_request_are_none_of_the_next(candidate: Candidate) -> None:
    queue = candidate.queue()
    producer, consumer = queue.producer(), queue.consumer("worker")
    for number in range(2):
        producer.append(request(f"{number}"))
    claim = candidate.claim(consumer)
    consumer.begin(claim, 4)
    consumer.complete(claim)
    assert candidate.claim(consumer).attempts == 0


def test_nothing_is_delivered_after_complete(candidate: Candidate) -> None:
    queue = candidate.queue()
    queue.producer().append(request())
    consumer = queue.consumer("worker")
    consumer.complete(candidate.claim(consumer))
    assert consumer.claim(candidate.moment) is None
    consumer.close()
    assert candidate.queue().consumer("another").claim(candidate.moment) is None


def test_a_buried_request_leaves_a_letter_and_an_answer_and_is_not_delivered_again(candidate: Candidate) -> None:
    queue = candidate.queue()
    results, consumer = queue.results(), queue.consumer("worker")
    queue.producer().append(request(seconds="2"))
    claim = candidate.claim(consumer)
    consumer.begin(claim, 5)
    consumer.bury(claim, b"the whole letter", "engine: NaN", [b"failed"])
    assert [result.payload for result in candidate.hear(results, 1)] == [b"failed"]
    assert consumer.claim(candidate.moment) is None
    (row,) = [row for row in queue.jobs() if row.state == "dead"]
    assert (row.request_id, row.error) == ("one", "engine: NaN")
    assert queue.ledger().payload(row) == b"the whole letter"


def test_a_reader_hears_what_is_published_after_it_was_opened_and_nothing_older(candidate: Candidate) -> None:
    queue = candidate.queue()
    early, consumer = queue.results(), queue.consumer("worker")
    queue.producer().append(request())
    claim = candidate.start(consumer)
    consumer.publish(claim, [b"old"])
    late = candidate.queue().results()
    consumer.publish(claim, [b"%d" % number for number in range(100)])
    new = [b"%d" % number for number in range(100)]
    assert [result.payload for result in candidate.hear(late, 100)] == new
    assert [result.payload for result in candidate.hear(early, 101)] == [b"old", *new]
    assert candidate.silent(late)


def test_the_log_can_be_read_again_from_any_result_on(candidate: Candidate) -> None:
    queue = candidate.queue()
    results, consumer, producer = queue.results(), queue.consumer("worker"), queue.producer()
    for request_id in ("another", "one"):
        producer.append(request(request_id))
        claim = candidate.start(consumer)
        consumer.publish(claim, [b"%s %d" % (request_id.encode(), number) for number in range(5)])
        consumer.complete(claim)
    heard = candidate.hear(results, 10)
    mine = [result for result in heard if result.request_id == "one"]
    assert results.read("one", mine[0].cursor, 3) == mine[:3]
    assert results.read("one", mine[2].cursor, 10) == mine[2:]
    partition, offset = mine[-1].cursor
    assert results.read("one", (partition, offset + 1), 10) == []
    assert results.read("nobody", mine[0].cursor, 10) == []


def test_repeating_an_append_is_safe(candidate: Candidate) -> None:
    """A log that cannot look ids up delivers it again; the work, and so the answer, is the same."""
    queue = candidate.queue()
    producer, consumer = queue.producer(), queue.consumer("worker")
    for _ in range(2):
        producer.append(request())
    claim: Claim | None = candidate.claim(consumer)
    worked_on = []
    while claim is not None:
        worked_on.append(claim.request)
        consumer.complete(claim)
        claim = consumer.claim(candidate.moment)
    assert worked_on in ([request()], [request()] * 2)


def test_a_log_that_knows_its_ids_adds_nothing_when_an_append_is_repeated(leasing: tuple[Candidate, Clock]) -> None:
    candidate, _ = leasing
    queue = candidate.queue()
    producer, consumer = queue.producer(), queue.consumer("worker")
    first, again = producer.append(request()), producer.append(request())
    assert (again.partition, again.offset, again.repeated) == (first.partition, first.offset, True)
    claim = candidate.claim(consumer)
    assert producer.append(request()).repeated
    consumer.complete(claim)
    assert consumer.claim(candidate.moment) is None


def test_an_id_that_is_taken_by_other_content_is_a_conflict(leasing: tuple[Candidate, Clock]) -> None:
    candidate, _ = leasing
    producer = candidate.queue().producer()
    producer.append(request(payload=b"voice"))
    with pytest.raises(RequestConflict, match="one"):
        producer.append(request(payload=b"another voice"))


def test_any_bytes_and_any_script_come_back_unchanged(candidate: Candidate) -> None:
    queue = candidate.queue()
    consumer, results = queue.consumer("worker"), queue.results()
    strange = Record("идентификатор 🗝", "ключ", "d", bytes(range(256)), {"заголовок": "声音 ✓", "empty": ""})
    queue.producer().append(strange)
    claim = candidate.start(consumer)
    consumer.publish(claim, [bytes(range(256)), b""])
    assert claim.request == strange
    heard = candidate.hear(results, 2)
    assert [(result.request_id, result.payload) for result in heard] == [
        (strange.request_id, bytes(range(256))),
        (strange.request_id, b""),
    ]


def test_twenty_megabytes_come_back_unchanged(candidate: Candidate) -> None:
    queue = candidate.queue()
    payload = bytes(range(251)) * (20 * 2**20 // 251)
    queue.producer().append(request(payload=payload))
    assert candidate.claim(queue.consumer("worker")).request.payload == payload


def test_the_place_in_the_queue_counts_what_is_unfinished(candidate: Candidate) -> None:
    queue = candidate.queue()
    producer, consumer = queue.producer(), queue.consumer("worker")
    receipts = [producer.append(request(f"{number}")) for number in range(3)]
    assert [producer.ahead(receipt) for receipt in receipts] == [0, 1, 2]
    consumer.complete(candidate.claim(consumer))
    fresh = candidate.queue().producer()  # the figure may be a second old; nobody who comes new has an old one
    assert [fresh.ahead(receipt) for receipt in receipts] == [0, 0, 1]


def test_a_worker_that_knows_its_place_was_taken_can_change_nothing(candidate: Candidate) -> None:
    queue = candidate.queue()
    results, stale = queue.results(), queue.consumer("worker")
    queue.producer().append(request())
    old = candidate.start(stale)
    owner = candidate.queue().consumer("worker")
    claim = candidate.start(owner)
    candidate.keep_until_lost(stale, old)
    with pytest.raises(ClaimLost):
        stale.publish(old, [b"stale"])
    with pytest.raises(ClaimLost):
        stale.bury(old, b"stale", "stale", [b"stale"])
    with pytest.raises(ClaimLost):
        stale.complete(old)
    stale.close()
    owner.publish(claim, [b"mine"])
    assert [result.payload for result in candidate.hear(results, 1)] == [b"mine"]
    assert [row.state for row in queue.jobs()] == ["running"]
    owner.complete(claim)


def test_a_lease_that_is_not_kept_passes_to_another(leasing: tuple[Candidate, Clock]) -> None:
    candidate, clock = leasing
    queue = candidate.queue()
    results, lost, heir = queue.results(), queue.consumer("lost"), queue.consumer("heir")
    queue.producer().append(request())
    old = candidate.claim(lost)
    lost.begin(old, 1)
    clock.now += 9
    lost.keep(old)
    clock.now += 9
    assert heir.claim(0) is None
    clock.now += 1
    claim = candidate.claim(heir)
    assert claim.attempts == 1
    for verb in (
        lambda: lost.begin(old, 2),
        lambda: lost.keep(old),
        lambda: lost.publish(old, [b"stale"]),
        lambda: lost.complete(old),
        lambda: lost.bury(old, b"stale", "stale", [b"stale"]),
        lambda: lost.give_back(old),
    ):
        with pytest.raises(ClaimLost):
            verb()
    heir.publish(claim, [b"mine"])
    assert [result.payload for result in results.poll(0)] == [b"mine"]


def test_a_late_owner_whom_nobody_replaced_is_still_the_owner(leasing: tuple[Candidate, Clock]) -> None:
    candidate, clock = leasing
    queue = candidate.queue()
    consumer, results = queue.consumer("worker"), queue.results()
    queue.producer().append(request())
    claim = candidate.claim(consumer)
    clock.now += 3600
    consumer.publish(claim, [b"late"])
    consumer.complete(claim)
    assert [result.payload for result in results.poll(0)] == [b"late"]


def test_a_clock_that_is_set_back_does_not_lock_a_dead_workers_request_up(leasing: tuple[Candidate, Clock]) -> None:
    candidate, clock = leasing
    queue = candidate.queue()
    queue.producer().append(request())
    candidate.claim(queue.consumer("dead"))
    clock.now -= 3600
    assert candidate.claim(queue.consumer("heir")).request.request_id == "one"


def test_a_done_request_is_remembered_as_long_as_its_results(leasing: tuple[Candidate, Clock]) -> None:
    candidate, clock = leasing
    queue = candidate.queue()
    producer, consumer, results = queue.producer(), queue.consumer("worker"), queue.results()
    producer.append(request())
    claim = candidate.claim(consumer)
    consumer.publish(claim, [b"answer"])
    consumer.complete(claim)
    clock.now += RESULTS_KEPT_SECONDS
    consumer.housekeep()
    assert producer.append(request()).repeated
    assert [result.payload for result in results.read("one", (0, 0), 10)] == [b"answer"]
    clock.now += 1
    consumer.housekeep()
    assert not producer.append(request()).repeated
    assert results.read("one", (0, 0), 10) == []


def test_an_answer_that_took_long_is_kept_whole_as_long_as_its_request_is_remembered(
    leasing: tuple[Candidate, Clock],
) -> None:
    candidate, clock = leasing
    queue = candidate.queue()
    producer, consumer, results = queue.producer(), queue.consumer("worker"), queue.results()
    producer.append(request())
    claim = candidate.claim(consumer)
    consumer.publish(claim, [b"first"])
    clock.now += 3600
    consumer.publish(claim, [b"last"])
    consumer.complete(claim)
    clock.now += RESULTS_KEPT_SECONDS - 1800
    consumer.housekeep()
    assert producer.append(request()).repeated
    assert [result.payload for result in results.read("one", (0, 0), 10)] == [b"first", b"last"]
    clock.now += 1801
    consumer.housekeep()
    assert results.read("one", (0, 0), 10) == []


def test_a_buried_request_may_be_tried_again_and_has_a_new_answer(leasing: tuple[Candidate, Clock]) -> None:
    candidate, _ = leasing
    queue = candidate.queue()
    producer, consumer, results = queue.producer(), queue.consumer("worker"), queue.results()
    producer.append(request())
    consumer.bury(candidate.claim(consumer), b"letter", "error", [b"failed"])
    assert not producer.append(request(), again=True).repeated
    assert results.read("one", (0, 0), 10) == []
    claim = candidate.claim(consumer)
    consumer.publish(claim, [b"answer"])
    consumer.complete(claim)
    assert [result.payload for result in results.read("one", (0, 0), 10)] == [b"answer"]
    assert sorted(row.state for row in queue.jobs()) == ["dead", "done"]


def test_an_operator_sees_queued_running_done_and_dead_requests(candidate: Candidate) -> None:
    queue = candidate.queue()
    producer, consumer = queue.producer(), queue.consumer("worker")
    for name in ("done", "dead", "running", "queued"):
        producer.append(request(name, seconds="1.5"))
    consumer.complete(candidate.claim(consumer))
    consumer.bury(candidate.start(consumer), b"letter", "reason", [])
    claim = candidate.claim(consumer)
    consumer.begin(claim, 2)
    rows = queue.jobs()
    assert [(row.request_id, row.state) for row in rows] == [
        (name, name) for name in ("queued", "running", "done", "dead")
    ]
    assert [row.attempts for row in rows if row.state == "running"] == [2]
    assert [row.headers["seconds"] for row in rows if row.state == "queued"] == ["1.5"]


def test_preparing_twice_changes_nothing(candidate: Candidate) -> None:
    queue = candidate.queue()
    queue.producer().append(request())
    queue.prepare()
    other = candidate.queue()
    other.producer().ping()
    assert candidate.claim(other.consumer("worker")).request.request_id == "one"


def test_closing_leaves_no_thread_and_refuses_what_comes_after(candidate: Candidate) -> None:
    before = set(threading.enumerate())
    queue = candidate.queue()
    producer, consumer, results = queue.producer(), queue.consumer("worker"), queue.results()
    producer.append(request())
    candidate.claim(consumer)
    results.poll(0)
    queue.close()
    queue.close()
    assert set(threading.enumerate()) == before
    with pytest.raises(QueueUnavailable):
        producer.append(request("too late"))
