"""Who is in the workers' group now."""

import time

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import MemberDescription

from emotalk.errors import QueueUnavailable
from emotalk.queues.kafka.client.cluster import Cluster
from emotalk.queues.kafka.client.faults import kafka_error
from emotalk.queues.kafka.client.rights import describe_group

_SETTLE_SECONDS = 5.0
_PAUSE_SECONDS = 0.05
# A broker that has just started is still finding out which groups are its own.
_SETTLING = (
    KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
    KafkaError.COORDINATOR_NOT_AVAILABLE,
    KafkaError.NOT_COORDINATOR,
)


def find_manned(cluster: Cluster) -> set[int]:
    """Partitions that have a worker. It takes the first unfinished request at once, so that one is running."""
    members = _members(cluster)
    places = [place for member in members for place in (member.assignment.topic_partitions or [])]
    return {place.partition for place in places if place.topic == cluster.requests}


def _members(cluster: Cluster) -> list[MemberDescription]:
    end = time.monotonic() + _SETTLE_SECONDS
    while True:
        try:
            return list(describe_group(cluster).members)
        except TimeoutError as silence:
            raise QueueUnavailable(f"Kafka: nobody answers for the group {cluster.group}; try again") from silence
        except KafkaException as error:
            if error.args[0].code() == KafkaError.GROUP_ID_NOT_FOUND:
                return []
            if error.args[0].code() not in _SETTLING or time.monotonic() > end:
                raise kafka_error(error, f"asking for the group {cluster.group}") from error
        time.sleep(_PAUSE_SECONDS)
