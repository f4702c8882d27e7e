"""What every kind of queue promises about a request that is known by its id: where it stands, and its end by hand."""

import pytest

from emotalk.errors import JobCancelled, NoQueue, RequestConflict
from emotalk.queues.base import RESULTS_KEPT_SECONDS, JobRow, Ledger
from tests.contract.candidate import Candidate, request


def known(ledger: Ledger, request_id: str = "one") -> JobRow:
    row = ledger.find(request_id)
    assert row is not None
    return row


def cancel(ledger: Ledger, request_id: str = "one") -> JobRow:
    return ledger.cancel(known(ledger, request_id), [b"cancelled"])


def bury(ledger: Ledger, request_id: str = "one") -> JobRow:
    return ledger.bury(known(ledger, request_id), b"letter", "by hand", [b"buried"])


def test_nobody_knows_what_was_never_appended(candidate: Candidate) -> None:
    ledger = candidate.queue().ledger()
    assert ledger.find("one") is None
    assert ledger.rows() == []


def test_a_request_is_known_at_once_to_every_process_until_its_results_are_deleted(candidate: Candidate) -> None:
    here, there = candidate.queue(), candidate.queue()
    ledger, consumer = there.ledger(), here.consumer("worker")
    receipt = here.producer().append(request(seconds="1.5"))
    row = known(ledger)
    assert (row.state, row.partition, row.offset, row.epoch) == ("queued", receipt.partition, receipt.offset, 1)
    assert (row.digest, row.headers["seconds"], row.first) == (request().digest, "1.5", None)
    claim = candidate.start(consumer)
    row = known(ledger)
    assert (row.state, row.attempts, row.finished_at) == ("running", 1, 0.0)
    assert row.started_at > 0
    consumer.publish(claim, [b"a", b"b"])
    consumer.publish(claim, [b"c"])
    consumer.complete(claim)
    row = known(ledger)
    assert (row.state, row.attempts) == ("done", 1)
    assert row.finished_at >= row.started_at


def test_results_are_read_again_from_where_they_begin_to_where_they_end(candidate: Candidate) -> None:
    queue = candidate.queue()
    ledger, consumer, results, producer = queue.ledger(), queue.consumer("worker"), queue.results(), queue.producer()
    for request_id in ("before", "one", "after"):
        producer.append(request(request_id))
        claim = candidate.start(consumer)
        consumer.publish(claim, [b"%s %d" % (request_id.encode(), number) for number in range(3)])
        consumer.complete(claim)
    row = known(ledger)
    assert row.first is not None
    assert row.last is not None
    found = results.read("one", row.first, 100, row.last)
    assert [each.payload for each in found] == [b"one 0", b"one 1", b"one 2"]
    assert found[-1].cursor == row.last
    assert results.read("one", row.last, 100, row.last) == found[-1:]
    partition, offset = row.last
    assert results.read("one", (partition, offset + 1), 100, row.last) == []


def test_the_results_of_an_attempt_that_died_are_where_the_next_one_goes_on(candidate: Candidate) -> None:
    queue = candidate.queue()
    queue.producer().append(request())
    first = queue.consumer("first")
    first.publish(candidate.start(first), [b"a"])
    first.close()
    second = queue.consumer("second")
    claim = candidate.start(second)
    second.publish(claim, [b"a", b"b"])
    second.complete(claim)
    row = known(queue.ledger())
    assert row.first is not None
    found = queue.results().read("one", row.first, 100, row.last)
    assert [each.payload for each in found] == [b"a", b"a", b"b"]
    assert row.attempts == 2


def test_any_process_recognises_an_id_that_is_sent_again_while_it_waits_runs_or_is_done(candidate: Candidate) -> None:
    first = candidate.queue()
    consumer = first.consumer("worker")
    receipt = first.producer().append(request())
    for state in ("queued", "running", "done"):
        producer = candidate.queue().producer()
        again = producer.append(request())
        assert (again.partition, again.offset, again.repeated) == (receipt.partition, receipt.offset, True), state
        with pytest.raises(RequestConflict):
            producer.append(request(payload=b"another voice"))
        if state == "queued":
            claim = candidate.start(consumer)
        elif state == "running":
            consumer.publish(claim, [b"answer"])
            consumer.complete(claim)
    start = candidate.queue().producer().append(request()).start
    assert start is not None
    assert [each.payload for each in candidate.queue().results().read("one", start, 9)] == [b"answer"]
    assert consumer.claim(candidate.moment) is None


def test_a_request_that_is_given_back_waits_again(candidate: Candidate) -> None:
    queue = candidate.queue()
    queue.producer().append(request())
    consumer, ledger = queue.consumer("worker"), queue.ledger()
    claim = candidate.start(consumer)
    consumer.give_back(claim)
    assert (known(ledger).state, known(ledger).attempts) == ("queued", 0)


def test_a_request_that_is_cancelled_while_it_waits_is_never_delivered(candidate: Candidate) -> None:
    queue = candidate.queue()
    ledger, producer, results, consumer = queue.ledger(), queue.producer(), queue.results(), queue.consumer("worker")
    receipts = [producer.append(request(name)) for name in ("one", "two", "three", "four")]
    assert cancel(ledger, "one").state == "cancelled"
    assert cancel(ledger, "three").state == "cancelled"
    assert [each.payload for each in candidate.hear(results, 2)] == [b"cancelled"] * 2
    assert [candidate.queue().producer().ahead(each) for each in (receipts[1], receipts[3])] == [0, 1]
    claim = candidate.claim(consumer)
    assert claim.request.request_id == "two"
    consumer.complete(claim)
    claim = candidate.claim(consumer)
    assert claim.request.request_id == "four"
    consumer.complete(claim)
    assert consumer.claim(candidate.moment) is None
    assert {row.request_id: row.state for row in ledger.rows()} == {
        "one": "cancelled",
        "two": "done",
        "three": "cancelled",
        "four": "done",
    }


def test_a_request_that_is_cancelled_while_it_runs_is_fenced_and_makes_room_for_the_next(candidate: Candidate) -> None:
    queue = candidate.queue()
    ledger, producer, results, consumer = queue.ledger(), queue.producer(), queue.results(), queue.consumer("worker")
    for name in ("one", "two"):
        producer.append(request(name))
    claim = candidate.start(consumer)
    consumer.publish(claim, [b"first"])
    assert cancel(ledger).state == "cancelled"
    assert cancel(ledger).state == "cancelled"
    for verb in (
        lambda: consumer.begin(claim, 2),
        lambda: consumer.keep(claim),
        lambda: consumer.publish(claim, [b"late"]),
        lambda: consumer.bury(claim, b"late", "late", [b"late"]),
    ):
        with pytest.raises(JobCancelled):
            verb()
    consumer.complete(claim)
    assert [each.payload for each in candidate.hear(results, 2)] == [b"first", b"cancelled"]
    assert (known(ledger).state, known(ledger).attempts) == ("cancelled", 1)
    assert candidate.claim(consumer).request.request_id == "two"


def test_what_was_cancelled_in_the_hands_of_a_worker_that_died_is_not_done_by_the_next(candidate: Candidate) -> None:
    queue = candidate.queue()
    ledger, producer, dead = queue.ledger(), queue.producer(), queue.consumer("dead")
    producer.append(request())
    candidate.start(dead)
    cancel(ledger)
    dead.close()
    producer.append(request("two"))
    heir = queue.consumer("heir")
    claim = candidate.claim(heir)
    if claim.request.request_id == "one":
        with pytest.raises(JobCancelled):
            heir.begin(claim, claim.attempts + 1)
        heir.complete(claim)
        claim = candidate.claim(heir)
    assert claim.request.request_id == "two"
    assert known(ledger).state == "cancelled"


def test_what_is_over_cannot_be_cancelled_nor_put_aside(candidate: Candidate) -> None:
    queue = candidate.queue()
    ledger, results, consumer = queue.ledger(), queue.results(), queue.consumer("worker")
    queue.producer().append(request())
    consumer.complete(candidate.start(consumer))
    assert cancel(ledger).state == "done"
    assert bury(ledger).state == "done"
    assert candidate.silent(results)
    assert [row.state for row in ledger.rows()] == ["done"]


def test_a_cancelled_id_may_be_sent_again_even_while_its_worker_still_has_it(candidate: Candidate) -> None:
    queue = candidate.queue()
    ledger, producer, consumer = queue.ledger(), queue.producer(), queue.consumer("worker")
    producer.append(request())
    old = candidate.start(consumer)
    consumer.publish(old, [b"old"])
    cancel(ledger)
    fresh = producer.append(request(payload=b"another voice"))
    assert (fresh.repeated, fresh.epoch, fresh.start) == (False, 2, None)
    assert (known(ledger).state, known(ledger).epoch) == ("queued", 2)
    with pytest.raises(JobCancelled):
        consumer.publish(old, [b"late"])
    consumer.complete(old)
    claim = candidate.claim(consumer)
    assert (claim.request.payload, claim.epoch) == (b"another voice", 2)
    consumer.begin(claim, 1)
    consumer.publish(claim, [b"new"])
    consumer.complete(claim)
    row = known(ledger)
    assert (row.state, row.epoch) == ("done", 2)
    assert row.first is not None
    assert [each.payload for each in queue.results().read("one", row.first, 9, row.last)] == [b"new"]


def test_a_buried_id_that_is_tried_again_starts_the_next_run(candidate: Candidate) -> None:
    queue = candidate.queue()
    ledger, producer, consumer = queue.ledger(), queue.producer(), queue.consumer("worker")
    for epoch in (1, 2):
        assert producer.append(request(), again=True).epoch == epoch
        consumer.bury(candidate.start(consumer), b"letter %d" % epoch, "error", [b"failed"])
        row = known(ledger)
        assert (row.state, row.epoch, row.error, row.attempts) == ("dead", epoch, "error", 1)
        assert ledger.payload(row) == b"letter %d" % epoch
    assert producer.append(request(), again=True).epoch == 3


def test_whoever_repeats_what_was_given_up_hears_why_and_nothing_is_begun_anew(candidate: Candidate) -> None:
    queue = candidate.queue()
    ledger, consumer = queue.ledger(), queue.consumer("worker")
    first = queue.producer().append(request())
    consumer.bury(candidate.start(consumer), b"letter", "it kills", [b"failed"])
    for producer in (queue.producer(), candidate.queue().producer()):
        receipt = producer.append(request())
        assert (receipt.repeated, receipt.failure, receipt.epoch) == (True, "it kills", 1)
        assert (receipt.partition, receipt.offset) == (first.partition, first.offset)
    assert consumer.claim(candidate.moment) is None
    assert (known(ledger).state, known(ledger).attempts, known(ledger).epoch) == ("dead", 1, 1)


def test_other_content_under_the_id_of_what_was_given_up_is_a_request_of_its_own(candidate: Candidate) -> None:
    queue = candidate.queue()
    consumer, producer = queue.consumer("worker"), queue.producer()
    producer.append(request())
    consumer.bury(candidate.start(consumer), b"letter", "it kills", [])
    receipt = producer.append(request(payload=b"another voice"))
    assert (receipt.repeated, receipt.failure, receipt.epoch) == (False, None, 2)
    assert candidate.claim(consumer).request.payload == b"another voice"


def test_a_repetition_of_what_is_tried_again_joins_the_new_run(candidate: Candidate) -> None:
    queue = candidate.queue()
    consumer, producer = queue.consumer("worker"), queue.producer()
    producer.append(request())
    consumer.bury(candidate.start(consumer), b"letter", "it kills", [])
    assert producer.append(request(), again=True).epoch == 2
    for repeat in (False, True):
        receipt = candidate.queue().producer().append(request(), again=repeat)
        assert (receipt.repeated, receipt.failure, receipt.epoch) == (True, None, 2)


def test_a_request_is_put_aside_by_hand_with_its_letter_while_it_waits_and_while_it_runs(candidate: Candidate) -> None:
    queue = candidate.queue()
    ledger, producer, results, consumer = queue.ledger(), queue.producer(), queue.results(), queue.consumer("worker")
    for name in ("runs", "waits", "next"):
        producer.append(request(name, b"voice of " + name.encode()))
    claim = candidate.start(consumer)
    for name in ("runs", "waits"):
        assert ledger.payload(known(ledger, name)) == b"voice of " + name.encode()
        row = bury(ledger, name)
        assert (row.state, row.error, ledger.payload(row)) == ("dead", "by hand", b"letter")
    with pytest.raises(JobCancelled):
        consumer.keep(claim)
    consumer.complete(claim)
    assert candidate.start(consumer).request.request_id == "next"
    assert [each.payload for each in candidate.hear(results, 2)] == [b"buried"] * 2
    candidate.becomes(lambda: sorted(row.state for row in ledger.rows()), ["dead", "dead", "running"])


def test_a_dead_letter_is_deleted_for_everyone_and_its_id_starts_anew(candidate: Candidate) -> None:
    queue = candidate.queue()
    ledger, producer, consumer = queue.ledger(), queue.producer(), queue.consumer("worker")
    producer.append(request())
    consumer.bury(candidate.start(consumer), b"letter", "error", [b"failed"])
    row = known(ledger)
    assert ledger.delete("one") == 1
    assert ledger.delete("nobody") == 0
    other = candidate.queue().ledger()
    assert other.payload(row) == b""
    assert [each.state for each in other.rows()] == ["failed"]
    assert (known(other).state, known(other).error) == ("failed", "error")
    assert producer.append(request()).epoch == 2


def test_a_letter_outlives_the_memory_of_its_run(leasing: tuple[Candidate, object]) -> None:
    candidate, clock = leasing
    queue = candidate.queue()
    ledger, producer, consumer = queue.ledger(), queue.producer(), queue.consumer("worker")
    producer.append(request())
    consumer.bury(candidate.start(consumer), b"letter", "error", [])
    clock.now += RESULTS_KEPT_SECONDS + 1  # type: ignore[attr-defined]
    consumer.housekeep()
    assert ledger.payload(known(ledger)) == b"letter"
    assert producer.append(request()).failure == "error"
    assert producer.append(request(), again=True).epoch == 2
    assert ledger.delete("one") == 1


def test_looking_for_a_queue_does_not_make_one(candidate: Candidate) -> None:
    queue = candidate.make()
    candidate.opened.append(queue)
    if queue.url == "memory://":
        return  # always there
    for _ in range(2):
        with pytest.raises(NoQueue):
            queue.prepare(create=False)
    queue.prepare()
    candidate.make().prepare(create=False)
