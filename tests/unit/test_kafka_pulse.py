"""Would a record be accepted now? What the leaders say, and what a write that nobody confirmed says."""

from collections.abc import Iterator, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
from confluent_kafka import OFFSET_INVALID, KafkaError, KafkaException, TopicPartition

from emotalk.errors import QueueUnavailable
from emotalk.queues.kafka.client.cluster import Cluster
from emotalk.queues.kafka.client.pulse import Pulse

EVERYONE = (1, 2, 3)


@dataclass
class Brokers:
    """What their admin client says: who leads each partition, the first also that of jobs; `dead` ones say nothing."""

    copies: tuple[int, ...] = EVERYONE
    leading: tuple[int, ...] = EVERYONE
    dead: set[int] = field(default_factory=set)
    refusal: int | None = None
    asked: int = 0
    now: float = 0.0

    def list_topics(self, topic: str, timeout: float) -> Any:
        assert timeout > 0
        leading = self.leading[:1] if topic.endswith("jobs") else self.leading
        partitions = {
            number: SimpleNamespace(leader=leader, replicas=list(self.copies)) for number, leader in enumerate(leading)
        }
        return SimpleNamespace(topics={topic: SimpleNamespace(error=None, partitions=partitions)})

    def list_offsets(self, places: Mapping[TopicPartition, Any], request_timeout: float) -> Any:
        assert request_timeout > 0
        self.asked += 1
        return {place: self._answer(self.leading[place.partition]) for place in places}

    def _answer(self, leader: int) -> "Future[Any]":
        answer = Future[Any]()
        if leader in self.dead and self.refusal is not None:
            answer.set_exception(KafkaException(KafkaError(self.refusal)))
        else:
            answer.set_result(SimpleNamespace(offset=OFFSET_INVALID if leader in self.dead else 0))
        return answer


class Log:
    """Where a small record is written, and confirmed or not."""

    def __init__(self) -> None:
        self.confirms, self.written = True, 0

    def write(self) -> None:
        self.written += 1
        if not self.confirms:
            raise QueueUnavailable("not confirmed")


@pytest.fixture
def brokers() -> Brokers:
    return Brokers()


@pytest.fixture
def log() -> Log:
    return Log()


@pytest.fixture
def pulse(brokers: Brokers, log: Log, monkeypatch: pytest.MonkeyPatch) -> Iterator[Pulse]:
    monkeypatch.setattr(Cluster, "admin", lambda _: brokers)
    made = Pulse(Cluster("nowhere:1"), log.write, lambda: brokers.now)
    yield made
    made.close()


@pytest.mark.parametrize(
    ("copies", "leading", "dead"),
    [(EVERYONE, EVERYONE, {2}), ((1, 2), (1, 2), {2}), (EVERYONE, (1, 1, 3), {3}), (EVERYONE, (1, -1, 3), set())],
)
def test_a_silent_leader_fails_a_probe_and_refuses_nobody_for_another_follows_it(
    pulse: Pulse, brokers: Brokers, copies: tuple[int, ...], leading: tuple[int, ...], dead: set[int]
) -> None:
    brokers.copies, brokers.leading, brokers.dead = copies, leading, dead
    with pytest.raises(QueueUnavailable, match="no answer from broker"):
        pulse.feel(1.0)
    pulse.look()


@pytest.mark.parametrize(
    ("copies", "leading", "dead"),
    [
        (EVERYONE, EVERYONE, {1, 3}),
        (EVERYONE, EVERYONE, {1, 2, 3}),
        (EVERYONE, (1, 2, 3), {1}),
        (EVERYONE, (-1, 2, 3), set()),
        ((1, 2), (1, 2), {1, 2}),
        ((1,), (1,), {1}),
    ],
)
@pytest.mark.parametrize("refusal", [None, KafkaError._TIMED_OUT, KafkaError._TRANSPORT])
def test_where_too_few_answer_everybody_is_refused_though_the_last_one_still_names_all_leaders(
    pulse: Pulse,
    brokers: Brokers,
    copies: tuple[int, ...],
    leading: tuple[int, ...],
    dead: set[int],
    refusal: int | None,
) -> None:
    brokers.copies, brokers.leading, brokers.dead, brokers.refusal = copies, leading, dead, refusal
    pulse.doubt()
    with pytest.raises(QueueUnavailable, match="no answer from broker"):
        pulse.look()


def test_a_leader_that_will_not_tell_is_there(pulse: Pulse, brokers: Brokers) -> None:
    brokers.dead, brokers.refusal = {1, 2, 3}, KafkaError.TOPIC_AUTHORIZATION_FAILED
    pulse.feel(1.0)


def test_nobody_is_asked_before_a_write_while_all_is_well_and_everybody_is_refused_at_once_while_it_is_not(
    pulse: Pulse, brokers: Brokers
) -> None:
    pulse.look()
    assert brokers.asked == 0
    brokers.dead = {1, 2}
    pulse.doubt()
    with pytest.raises(QueueUnavailable):
        pulse.look()
    brokers.dead = set()
    pulse.look()
    asked = brokers.asked
    pulse.look()
    assert brokers.asked == asked, "once they answer it is forgotten"


def test_after_a_write_that_nobody_confirmed_another_must_be_though_all_leaders_answer(pulse: Pulse, log: Log) -> None:
    pulse.feel(10.0)
    assert log.written == 0
    log.confirms = False
    pulse.missed()
    with pytest.raises(QueueUnavailable, match="not confirmed"):
        pulse.feel(10.0)
    log.confirms = True
    pulse.feel(10.0)
    pulse.confirmed()
    pulse.feel(10.0)
    assert log.written == 2


def test_a_write_that_waits_raises_doubt_itself_and_is_given_up_where_too_few_answer(
    pulse: Pulse, brokers: Brokers
) -> None:
    brokers.dead = {1, 2}
    for waited in (1.0, 2.1):  # no probe, no connection and no other write has told of an outage
        brokers.now = waited
        pulse.give_up_in_vain(waited)
    assert brokers.asked == 0
    brokers.now = 2.7
    with pytest.raises(QueueUnavailable, match="no answer from broker"):
        pulse.give_up_in_vain(2.7)


def test_a_write_that_is_only_slow_goes_on_and_the_leaders_are_asked_twice_a_second_at_most(
    pulse: Pulse, brokers: Brokers
) -> None:
    for tenth in range(90):
        brokers.now = tenth / 10
        pulse.give_up_in_vain(brokers.now)
    assert 8 <= brokers.asked <= 14
