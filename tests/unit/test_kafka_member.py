"""Committing behind one's own back, where no broker is needed to see what is committed, and when."""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any, cast

import pytest
from confluent_kafka import TopicPartition

from emotalk.queues.kafka.claims.marks import Mark
from emotalk.queues.kafka.claims.member import Member

AGES = 3600.0
FIRST, SECOND = Mark(7, "seven", 1), Mark(8)


class Group:
    """Takes every commit."""

    def __init__(self) -> None:
        self.taken: list[int] = []

    def commit(self, offsets: list[TopicPartition], asynchronous: bool) -> list[Any]:
        assert not asynchronous
        self.taken += [each.offset for each in offsets]
        return [SimpleNamespace(error=None) for _ in offsets]


@pytest.fixture
def group() -> Group:
    return Group()


@pytest.fixture
def member(group: Group) -> Iterator[Member]:
    made = Member.__new__(Member)
    made._topic, made._kafka, made._goes = "requests", cast(Any, group), Future()
    with ThreadPoolExecutor(1) as made._commits:
        made._committing = made._commits.submit(lambda: None)
        yield made
        made.settled_commit()


def test_a_commit_that_has_not_been_sent_can_be_spared_and_the_next_one_goes_its_way(
    member: Member, group: Group
) -> None:
    told = list[str]()
    member.commit_behind(0, FIRST, lambda: told.append("taken"), AGES)
    assert member.spare_commit()
    assert member.commit(0, SECOND) is None
    assert (group.taken, told) == ([SECOND.offset], [])


def test_whoever_waits_for_a_commit_ends_its_grace_and_then_it_cannot_be_spared(member: Member, group: Group) -> None:
    told = list[str]()
    member.commit_behind(0, FIRST, lambda: told.append("taken"), AGES)
    assert member.settled_commit() is None
    assert (group.taken, told) == ([FIRST.offset], ["taken"])
    assert not member.spare_commit()


def test_the_next_commit_comes_after_the_one_before_whatever_grace_that_had(member: Member, group: Group) -> None:
    member.commit_behind(0, FIRST, grace=AGES)
    assert member.commit(0, SECOND) is None
    assert group.taken == [FIRST.offset, SECOND.offset]


def test_a_commit_is_sent_by_itself_when_its_grace_is_over(member: Member, group: Group) -> None:
    member.commit_behind(0, FIRST, grace=0.0)
    assert member._committing.result(AGES) is None
    assert group.taken == [FIRST.offset]
