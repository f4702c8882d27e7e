"""What a broker's quota means to whoever wants to write, where no broker is needed."""

import logging

import pytest
from confluent_kafka import ThrottleEvent

from emotalk.errors import QueueUnavailable
from emotalk.queues.kafka.client.throttle import Throttle


class Clock:
    """Moves when it is told to."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def throttle(clock: Clock) -> Throttle:
    return Throttle(clock)


def held_for(seconds: float) -> ThrottleEvent:
    return ThrottleEvent("broker", 1, seconds)


def test_nobody_is_refused_where_a_record_waits_for_some_seconds_and_everybody_where_it_waits_for_longer(
    throttle: Throttle, clock: Clock
) -> None:
    throttle.check()
    throttle.hear(held_for(4.0))
    throttle.check()
    throttle.hear(held_for(11.0))
    throttle.hear(held_for(0.0))
    with pytest.raises(QueueUnavailable, match=r"quota .* is used up\. Try again in 11 s.*producer_byte_rate"):
        throttle.check()
    clock.now += 6.5
    throttle.check()


def test_a_write_that_was_held_up_by_the_quota_is_told_from_one_that_no_broker_took(
    throttle: Throttle, clock: Clock
) -> None:
    assert not throttle.held_since(clock.now)
    throttle.hear(held_for(3.0))
    began, clock.now = clock.now, clock.now + 10.0
    assert throttle.held_since(began)
    assert not throttle.held_since(clock.now)


def test_the_log_says_once_a_minute_that_kafka_slows_us_down_and_nothing_of_moments(
    throttle: Throttle, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        for seconds in [0.3, 2.0, *[5.0] * 70]:
            throttle.hear(held_for(seconds))
            clock.now += 1.0
    assert [each.message for each in caplog.records] == ["kafka slows us down"] * 2
