"""Asking where a topic ends, where no broker is needed to see what is asked."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import pytest
from confluent_kafka import OFFSET_END, Consumer, KafkaError, KafkaException, TopicPartition

from emotalk.errors import QueueUnavailable
from emotalk.queues.kafka.client.reading import ends_of

JOBS, RESULTS = ("jobs", 0), ("results", 3)


@dataclass
class Place:
    """What a broker says of one partition."""

    topic: str
    partition: int
    offset: int
    code: int | None = None

    @property
    def error(self) -> KafkaError | None:
        return None if self.code is None else KafkaError(self.code)


class Answering:
    """A client whose questions are counted, and answered in turn."""

    def __init__(self, *answers: Sequence[Place] | KafkaException) -> None:
        self.answers = list(answers)
        self.questions: list[list[tuple[str, int, int]]] = []
        self.heard_anew: list[str] = []

    def offsets_for_times(self, places: list[TopicPartition], timeout: float) -> Sequence[Place]:
        assert timeout > 0
        self.questions.append([(each.topic, each.partition, each.offset) for each in places])
        answer = self.answers.pop(0)
        if isinstance(answer, KafkaException):
            raise answer
        return answer

    def list_topics(self, topic: str, timeout: float) -> None:
        assert timeout > 0
        self.heard_anew.append(topic)


def asked(kafka: Answering) -> list[int]:
    return ends_of(cast(Consumer, cast(Any, kafka)), [JOBS, RESULTS])


def test_the_ends_of_several_topics_are_one_question() -> None:
    kafka = Answering([Place(*JOBS, 41), Place(*RESULTS, 7)])
    assert asked(kafka) == [41, 7]
    assert kafka.questions == [[(*JOBS, OFFSET_END), (*RESULTS, OFFSET_END)]]


@pytest.mark.parametrize(
    "young",
    [
        [Place(*JOBS, 41), Place(*RESULTS, -1, KafkaError.UNKNOWN_TOPIC_OR_PART)],
        KafkaException(KafkaError(KafkaError.LEADER_NOT_AVAILABLE)),
        KafkaException(KafkaError(KafkaError.OFFSET_NOT_AVAILABLE)),
        KafkaException(KafkaError(KafkaError._UNKNOWN_PARTITION)),
    ],
)
def test_a_topic_or_a_leader_that_is_some_milliseconds_old_is_asked_again(
    young: Sequence[Place] | KafkaException,
) -> None:
    kafka = Answering(young, [Place(*JOBS, 42), Place(*RESULTS, 0)])
    assert asked(kafka) == [42, 0]
    assert kafka.questions[0] == kafka.questions[1]
    assert kafka.heard_anew == ["jobs", "results"], "librdkafka keeps what it was told, and it was told wrong"


def test_one_partition_without_an_answer_is_an_outage_and_no_end_is_made_up_for_it() -> None:
    with pytest.raises(QueueUnavailable, match="jobs, results"):
        asked(Answering([Place(*JOBS, 41), Place(*RESULTS, -1, KafkaError._TRANSPORT)]))
