"""One question for all who come while another is asked: who shares which, and how long anybody waits."""

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from emotalk.errors import QueueUnavailable
from emotalk.queues.kafka.client.sharing import SharedQuestion

PATIENCE = 10.0


class Broker:
    """Answers each thing with its length; the first question is held until `go`, and fails where that is wished."""

    def __init__(self) -> None:
        self.asked: list[list[str]] = []
        self.under_way, self.go = threading.Event(), threading.Event()
        self.outage = ""

    def ask(self, things: Sequence[str], timeout: float) -> dict[str, int]:
        assert timeout >= 0
        self.asked.append(list(things))
        self.under_way.set()
        assert self.go.wait(PATIENCE)
        if self.outage:
            raise QueueUnavailable(self.outage)
        return {thing: len(thing) for thing in things}


class Crowd:
    """Callers in threads of their own, the first of whom is asking."""

    def __init__(self, broker: Broker, hands: ThreadPoolExecutor) -> None:
        self.question, self._hands = SharedQuestion(broker.ask), hands
        self.first = self.call("a")
        assert broker.under_way.wait(PATIENCE)

    def call(self, *things: str) -> "Future[list[int]]":
        return self._hands.submit(self.question.answers, things, PATIENCE)

    def join(self, *things: str) -> "Future[list[int]]":
        """The same, once it is certain that they wait for the next question."""
        calling = self.call(*things)
        while not set(things) <= self.question._next.wanted.keys():
            assert not calling.done()
        return calling


@pytest.fixture
def broker() -> Broker:
    return Broker()


@pytest.fixture
def crowd(broker: Broker) -> Iterator[Crowd]:
    with ThreadPoolExecutor() as hands:
        yield Crowd(broker, hands)
        broker.go.set()


def test_who_comes_while_a_question_is_under_way_shares_the_next_one_which_begins_after_he_came(
    broker: Broker, crowd: Crowd
) -> None:
    others = [crowd.join("bb"), crowd.join("ccc", "a"), crowd.join("bb", "dddd")]
    broker.go.set()
    assert [each.result(PATIENCE) for each in (crowd.first, *others)] == [[1], [2], [3, 1], [2, 4]]
    assert broker.asked == [["a"], ["bb", "ccc", "a", "dddd"]]


def test_one_failure_is_heard_by_all_who_waited_meanwhile_and_whoever_comes_later_asks_anew(
    broker: Broker, crowd: Crowd
) -> None:
    others = [crowd.join("bb"), crowd.join("ccc")]
    broker.outage = "away"
    broker.go.set()
    assert [str(each.exception(PATIENCE)) for each in (crowd.first, *others)] == ["away"] * 3
    assert broker.asked == [["a"]]
    broker.outage = ""
    assert crowd.question.answers(["bb"], PATIENCE) == [2]


def test_nobody_waits_longer_than_he_said_whether_he_would_ask_next_or_another_does(
    broker: Broker, crowd: Crowd
) -> None:
    with pytest.raises(QueueUnavailable, match="try again"):
        crowd.question.answers(["bb"], 0.0)
    patient = crowd.join("ccc")
    with pytest.raises(QueueUnavailable, match="try again"):
        crowd.question.answers(["dddd"], 0.0)
    broker.go.set()
    assert (crowd.first.result(PATIENCE), patient.result(PATIENCE)) == ([1], [3])


def test_whoever_must_be_alone_waits_for_the_question_under_way_and_for_as_long_as_he_said(
    broker: Broker, crowd: Crowd
) -> None:
    with pytest.raises(QueueUnavailable, match="try again"), crowd.question.alone(0.0):
        pytest.fail("somebody is asking")
    broker.go.set()
    with crowd.question.alone():
        assert crowd.first.result(PATIENCE) == [1]
