"""A worker's end of Kafka's log where no broker is needed to see what it does."""

from itertools import count
from typing import Any, cast

import pytest
from confluent_kafka import KafkaError

from emotalk.errors import ClaimLost, QueueUnavailable
from emotalk.queues.base import Claim, Record
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
    consumer._marks, consumer._forgiven, consumer._tokens = {}, None, count(2)
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
