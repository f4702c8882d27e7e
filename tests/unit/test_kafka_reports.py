"""Who hears what became of a record that Kafka was given, and from whom."""

import itertools
import threading
from collections import deque
from collections.abc import Callable
from typing import Any, cast

import pytest
from confluent_kafka import KafkaError, KafkaException, Producer

from emotalk.errors import QueueUnavailable
from emotalk.queues.kafka.client.reports import Collector, Delivery

AGES = 30.0


class Stored:
    """A record where a broker keeps it."""

    def __init__(self, offset: int) -> None:
        self._offset = offset

    def partition(self) -> int:
        return 0

    def offset(self) -> int:
        return self._offset


class Connection:
    """A producer whose every poll does the next thing that is in store, or nothing; `pollers` are those who polled."""

    def __init__(self, *store: Callable[[], None]) -> None:
        self.store, self.pollers = deque(store), list[str]()

    def poll(self, _: float) -> int:
        self.pollers.append(threading.current_thread().name)
        if self.store:
            self.store.popleft()()
        return 0


def stored(delivery: Delivery, offset: int = 0, index: int = 0) -> Callable[[], None]:
    return lambda: delivery.report(index, None, cast(Any, Stored(offset)))


def refuse(*_: object) -> None:
    raise AssertionError("nothing is wrong with this producer")


def wait(collector: Collector, connection: Connection, delivery: Delivery) -> list[tuple[int, int]]:
    return collector.wait(cast(Producer, cast(Any, connection)), delivery, lambda: None)


def come(other: threading.Thread, collector: Collector) -> None:
    """Somebody else comes to wait while one polls."""
    other.start()
    while not collector._others:
        pass


def test_who_waits_polls_himself_until_all_his_records_are_reported_and_no_longer() -> None:
    delivery = Delivery(2)
    connection = Connection(lambda: None, stored(delivery, 8, 1), stored(delivery, 7, 0), refuse)
    assert wait(Collector(refuse), connection, delivery) == [(0, 7), (0, 8)]
    assert connection.pollers == [threading.current_thread().name] * 3


def test_what_is_reported_already_needs_no_poll() -> None:
    delivery = Delivery(1)
    stored(delivery, 7)()
    assert wait(Collector(refuse), Connection(refuse), delivery) == [(0, 7)]
    assert wait(Collector(refuse), Connection(refuse), Delivery(0)) == []


def test_one_polls_for_all_who_wait_and_when_he_has_his_report_the_next_goes_on() -> None:
    first, second, collector = Delivery(1), Delivery(1), Collector(refuse)
    other = threading.Thread(target=lambda: wait(collector, connection, second), name="second")
    connection = Connection(lambda: come(other, collector), stored(first), stored(second))
    assert wait(collector, connection, first) == [(0, 0)]
    other.join(AGES)
    assert not other.is_alive()
    assert second.is_complete
    assert connection.pollers == [threading.current_thread().name] * 2 + ["second"]


def test_who_waits_beside_another_hears_from_him_at_once() -> None:
    first, second, collector = Delivery(1), Delivery(1), Collector(refuse)
    heard = list[list[tuple[int, int]]]()
    other = threading.Thread(target=lambda: heard.append(wait(collector, connection, second)), name="second")

    def let_the_second_go() -> None:
        other.join(AGES)
        assert heard == [[(0, 9)]], "while the first still waits"

    connection = Connection(lambda: come(other, collector), stored(second, 9), let_the_second_go, stored(first))
    assert wait(collector, connection, first) == [(0, 0)]
    assert "second" not in connection.pollers


def test_a_hundred_who_wait_at_once_all_hear_whatever_order_their_reports_come_in() -> None:
    deliveries, collector = [Delivery(1) for _ in range(100)], Collector(refuse)
    connection = Connection(*(stored(each, at) for at, each in reversed(list(enumerate(deliveries)))))
    heard = dict[int, list[tuple[int, int]]]()

    def listen(at: int) -> None:
        heard[at] = wait(collector, connection, deliveries[at])

    threads = [threading.Thread(target=listen, args=[at]) for at in range(100)]
    for each in threads:
        each.start()
    for each in threads:
        each.join(AGES)
    assert heard == {at: [(0, at)] for at in range(100)}
    assert not collector._others
    assert not collector._turn.locked()


def test_a_record_that_was_refused_is_an_error_for_him_who_waits_once_all_are_reported() -> None:
    delivery, no = Delivery(2), KafkaError(KafkaError.TOPIC_AUTHORIZATION_FAILED)
    connection = Connection(lambda: delivery.report(0, no, cast(Any, None)), stored(delivery, 4, 1))
    with pytest.raises(KafkaException) as refused:
        wait(Collector(refuse), connection, delivery)
    assert refused.value.args[0] is no
    assert not connection.store


def test_a_producer_that_never_writes_again_is_told_of_and_he_who_waits_hears_what_became_of_his_record() -> None:
    delivery, told = Delivery(1), list[object]()
    fatal = KafkaException(KafkaError(KafkaError._FATAL))

    def break_down() -> None:
        raise fatal

    def lay_aside(producer: object, error: KafkaException) -> None:
        told.append((producer, error))
        delivery.report(0, KafkaError(KafkaError._PURGE_INFLIGHT), cast(Any, None))

    connection = Connection(break_down)
    with pytest.raises(KafkaException):
        wait(Collector(lay_aside), connection, delivery)
    assert told == [(connection, fatal)]


def test_who_waits_looks_about_every_tenth_of_a_second_and_gives_up_on_a_report_that_never_comes() -> None:
    now, looks = [0.0], list[float]()

    class Slow(Connection):
        def poll(self, _: float) -> int:
            now[0] += 0.03
            return 0

    collector = Collector(refuse, lambda: now[0])
    with pytest.raises(QueueUnavailable, match="unknown"):
        collector.wait(cast(Producer, cast(Any, Slow())), Delivery(1), lambda: looks.append(now[0]))
    assert 120 < now[0] < 121
    assert min(b - a for a, b in itertools.pairwise(looks)) > 0.1
    assert not collector._turn.locked()


def test_who_is_told_to_give_up_gives_up_and_lets_others_poll() -> None:
    now = [0.0]

    def give_up() -> None:
        raise QueueUnavailable("nobody answers")

    connection = Connection(lambda: now.__setitem__(0, 1.0))
    collector = Collector(refuse, lambda: now[0])
    with pytest.raises(QueueUnavailable, match="nobody answers"):
        collector.wait(cast(Producer, cast(Any, connection)), Delivery(1), give_up)
    late = Delivery(1)
    connection.store.append(stored(late, 3))
    assert wait(collector, connection, late) == [(0, 3)]


def test_while_nobody_waits_another_attends_and_while_somebody_does_he_leaves_it_to_him() -> None:
    collector, delivery = Collector(refuse), Delivery(1)
    beside = Connection(refuse)

    def attend_beside() -> None:
        collector.attend(cast(Producer, cast(Any, beside)))

    wait(collector, Connection(attend_beside, stored(delivery)), delivery)
    assert not beside.pollers
    unheard = Delivery(1)
    alone = Connection(stored(unheard))
    collector.attend(cast(Producer, cast(Any, alone)))
    assert unheard.is_complete
