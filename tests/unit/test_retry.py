"""The policy: five attempts, one to thirty seconds apart, and none for what can never succeed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emotalk.errors import AudioError, CheckpointError, EmoTalkError, EngineError, ForeignRecord, OutOfMemory
from emotalk.jobs import retry
from emotalk.jobs.retry import Bury, Retry


def test_an_engine_that_fails_is_tried_four_times_more_with_growing_pauses() -> None:
    decisions = [retry.decide(attempt, EngineError("NaN")) for attempt in range(1, 6)]
    assert decisions == [Retry(1.0), Retry(3.0), Retry(9.0), Retry(27.0), Bury()]


@pytest.mark.parametrize("error", [AudioError("p", "f"), CheckpointError("c"), ForeignRecord("r"), EmoTalkError("e")])
def test_what_cannot_help_is_buried_at_once(error: EmoTalkError) -> None:
    assert retry.decide(1, error) == Bury()


def test_a_lack_of_memory_may_pass() -> None:
    assert retry.decide(1, OutOfMemory("full")) == Retry(1.0)


@given(attempts=st.integers(1, 100))
def test_no_pause_is_shorter_than_a_second_or_longer_than_thirty_and_there_are_four_at_most(attempts: int) -> None:
    decision = retry.decide(attempts, EngineError("NaN"))
    if attempts < 5:
        assert isinstance(decision, Retry)
        assert 1.0 <= decision.delay <= 30.0
    else:
        assert decision == Bury()


@given(attempts=st.integers(0, 100))
def test_a_request_whose_workers_died_is_begun_five_times_and_not_six(attempts: int) -> None:
    error = retry.before(attempts)
    assert (error is None) == (attempts < 5)
    if error:
        assert str(attempts) in str(error)
