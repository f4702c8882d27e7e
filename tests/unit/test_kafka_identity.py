"""By which sign a log is known to be another than before."""

from typing import Any

import pytest

from emotalk.errors import ConfigurationError, QueueLost, QueueUnavailable
from emotalk.queues.kafka.client.cluster import Cluster
from emotalk.queues.kafka.client.identity import Identity

CLUSTER = Cluster("nowhere:1")


class Broker:
    """What a broker says of the topics, and what becomes of the wish to make them."""

    def __init__(self) -> None:
        self.ids: dict[str, str] | Exception = dict.fromkeys(CLUSTER.topics, "first")
        self.now, self.asked, self.made = 0.0, 0, 0
        self.refusal: Exception | None = None
        self.identity = Identity(CLUSTER, self.make, lambda: self.now)
        stand_in: Any = self.identity
        stand_in._ask = self.ask
        self.look()

    def ask(self) -> dict[str, str]:
        self.asked += 1
        if isinstance(self.ids, Exception):
            raise self.ids
        return dict(self.ids)

    def make(self, _: int = 0) -> None:
        if self.refusal:
            raise self.refusal
        self.made += 1
        assert isinstance(self.ids, dict)
        self.ids = {topic: self.ids.get(topic, f"made {self.made}") for topic in CLUSTER.topics}

    def look(self) -> int:
        self.now += 2.0
        self.identity.look()
        return self.identity.number


def test_what_is_asked_again_within_two_seconds_is_answered_from_memory() -> None:
    broker = Broker()
    broker.now += 1.9
    broker.identity.look()
    assert broker.asked == 1
    assert broker.look() == 0
    assert broker.asked == 2


@pytest.mark.parametrize("gone", CLUSTER.topics)
def test_a_topic_that_is_missing_is_made_and_the_log_is_another(gone: str) -> None:
    broker, before = Broker(), Broker().identity.mark()
    assert isinstance(broker.ids, dict)
    del broker.ids[gone]
    assert broker.look() == 1
    assert broker.made == 1
    assert broker.look() == 1
    assert (broker.identity.mark() != before) is (gone in (CLUSTER.requests, CLUSTER.results))


def test_topics_that_somebody_else_has_made_again_are_known_by_their_ids() -> None:
    broker = Broker()
    broker.ids = dict.fromkeys(CLUSTER.topics, "second")
    assert broker.look() == 1
    assert broker.made == 1  # and have their settings checked


def test_a_broker_that_has_not_heard_of_the_topics_yet_is_no_loss() -> None:
    broker = Broker()
    broker.ids = {}
    make = broker.make

    def hear(_: int) -> None:
        make()
        broker.ids = dict.fromkeys(CLUSTER.topics, "first")

    broker.identity._make = hear
    assert broker.look() == 0


def test_where_topics_have_no_ids_those_that_are_missing_are_noticed_all_the_same() -> None:
    broker = Broker()
    broker.ids = dict.fromkeys(CLUSTER.topics, "")
    assert broker.look() == 0
    assert broker.identity.mark() == ""
    broker.ids = {}
    broker.make = lambda _=0: setattr(broker, "ids", dict.fromkeys(CLUSTER.topics, ""))  # type: ignore[method-assign]
    broker.identity._make = broker.make
    assert broker.look() == 1


def test_what_cannot_be_made_again_is_said_at_every_look_until_it_can() -> None:
    broker = Broker()
    broker.ids, broker.refusal = {}, ConfigurationError("The right Create is missing")
    for _ in range(2):
        with pytest.raises(QueueLost, match=r"audio-requests.*deleted.*The right Create is missing"):
            broker.look()
        with pytest.raises(QueueLost):
            broker.identity.look()
    broker.refusal = None
    assert broker.look() == 1


@pytest.mark.parametrize("while_making", [False, True])
def test_an_outage_says_nothing_of_what_is_there(while_making: bool) -> None:
    broker = Broker()
    before, outage = broker.ids, QueueUnavailable("away")
    broker.ids, broker.refusal = ({}, outage) if while_making else (outage, None)
    assert broker.look() == 0
    broker.ids, broker.refusal = before, None
    assert broker.look() == 0
