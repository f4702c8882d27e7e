"""A worker's end of Kafka's log where no broker is needed to see what it does."""

from collections.abc import Callable
from itertools import count
from typing import Any, cast

import pytest
from confluent_kafka import KafkaError

from emotalk.errors import ClaimLost, QueueUnavailable
from emotalk.queues.base import Claim, Cursor, Record
from emotalk.queues.kafka.claims.marks import Mark
from emotalk.queues.kafka.consumer import KafkaConsumer, _Hand


class Refusing:
    """A membership that owns partition 0 and refuses every commit with one error."""

    def __init__(self, code: int) -> None:
        self.code, self.sought = code, list[tuple[int, int]]()
        self.stalled = False

    def commit(self, _: int, __: Mark) -> KafkaError:
        return KafkaError(self.code)

    def seek(self, partition: int, offset: int) -> None:
        self.sought.append((partition, offset))

    def poll(self, _: float) -> None:
        return None


def holding(member: Refusing) -> tuple[KafkaConsumer, Claim]:
    claim = Claim(Record("one", "", "digest", b"voice"), 0, 7, 0, 1)
    consumer = KafkaConsumer.__new__(KafkaConsumer)
    consumer._member, consumer._hand = cast(Any, member), _Hand(claim, 1)
    consumer._marks, consumer._to_spare, consumer._tokens = {}, [], count(2)
    return consumer, claim


def test_an_outage_leaves_the_claim_in_hand_and_the_same_commit_may_be_repeated() -> None:
    consumer, claim = holding(Refusing(KafkaError._TRANSPORT))
    for _ in range(2):
        with pytest.raises(QueueUnavailable):
            consumer._commit(claim, Mark(7, "one", 1), lambda _: None)


def test_a_membership_that_met_a_fatal_error_loses_its_claim_for_it_would_never_commit_again() -> None:
    member = Refusing(KafkaError._FATAL)
    consumer, claim = holding(member)
    with pytest.raises(ClaimLost):
        consumer._commit(claim, Mark(7, "one", 1), lambda _: None)
    assert member.sought == [(0, 7)], "read again, should the partition still be ours"
    with pytest.raises(ClaimLost):
        consumer._commit(claim, Mark(7, "one", 1), lambda _: None)


class Accepting:
    """A membership that takes every commit, and remembers which were waited for."""

    def __init__(self) -> None:
        self.waited: list[Mark] = []
        self.behind: list[Mark] = []
        self.confirmed_at = float("inf")
        self.answer: KafkaError | None = None

    def commit(self, _: int, mark: Mark) -> None:
        self.waited.append(mark)

    def commit_behind(self, _: int, mark: Mark, then: Callable[[], object]) -> None:
        self.behind.append(mark)
        then()

    def settle_commit(self) -> KafkaError | None:
        return self.answer

    def seek(self, *_: int) -> None:
        """Nothing is read here."""


class Notes:
    """A journal that knows nothing of any run but that it was accepted."""

    untouched = True

    def is_untouched(self, _: Claim) -> bool:
        return self.untouched

    def open(self, _: Claim, __: Cursor) -> Callable[[], None]:
        return lambda: None

    def begin(self, _: Claim, __: int) -> Callable[[], None]:
        return lambda: None

    def end(self, *_: object) -> None:
        """It would be noted."""


def working() -> tuple[KafkaConsumer, Accepting, Notes]:
    member, notes = Accepting(), Notes()
    consumer = KafkaConsumer.__new__(KafkaConsumer)
    consumer._member, consumer._journal, consumer._hand = cast(Any, member), cast(Any, notes), None
    consumer._marks, consumer._reached, consumer._to_spare = {}, {}, []
    cast(Any, consumer)._follow_the_log = lambda: None
    return consumer, member, notes


def take(consumer: KafkaConsumer, offset: int, earliest: Cursor | None = (0, 0)) -> Claim:
    claim = Claim(Record(f"job {offset}", "", "digest", b"voice"), 0, offset, 0, offset)
    consumer._hand = _Hand(claim, 0, earliest)
    return claim


def answer(consumer: KafkaConsumer, offset: int) -> None:
    claim = take(consumer, offset)
    consumer.begin(claim, 1)
    consumer.complete(claim)


def test_the_first_request_of_a_partition_begins_once_the_group_knows_for_another_may_have_died_in_it() -> None:
    consumer, member, _ = working()
    consumer.begin(take(consumer, 7), 1)
    assert (member.waited, member.behind) == ([Mark(7, "job 7", 1)], [])


def test_nobody_waits_for_the_mark_of_a_request_that_only_we_can_have_had() -> None:
    consumer, member, _ = working()
    answer(consumer, 7)
    consumer.begin(take(consumer, 8), 1)
    assert (member.waited[-1], member.behind) == (Mark(8), [Mark(8, "job 8", 1)])


@pytest.mark.parametrize("why", ["a retry", "moved", "known", "yesterday's record", "a gap", "passed over"])
def test_the_mark_is_waited_for_wherever_somebody_may_have_begun_before(why: str) -> None:
    consumer, member, notes = working()
    answer(consumer, 7)
    if why == "moved":
        consumer.arrived({0})
    if why == "passed over":
        consumer._pass(take(consumer, 8))
    notes.untouched = why != "known"
    offset = {"a gap": 9, "passed over": 9}.get(why, 8)
    attempt = 2 if why == "a retry" else 1
    consumer.begin(take(consumer, offset, None if why == "yesterday's record" else (0, 0)), attempt)
    assert (member.waited[-1], member.behind) == (Mark(offset, f"job {offset}", attempt), [])


def test_a_mark_that_was_refused_behind_our_back_is_committed_again_before_the_request_is_done() -> None:
    consumer, member, _ = working()
    answer(consumer, 7)
    claim = take(consumer, 8)
    consumer.begin(claim, 1)
    member.answer = KafkaError(KafkaError._TIMED_OUT)
    consumer.complete(claim)
    assert member.waited[-2:] == [Mark(8, "job 8", 1), Mark(9)]
