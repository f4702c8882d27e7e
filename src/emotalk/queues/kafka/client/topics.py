"""The four topics: what they must be like, and making them so."""

import logging
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from confluent_kafka import KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import (
    AdminClient,
    NewPartitions,
    NewTopic,
    TopicDescription,
    TopicMetadata,
)

from emotalk.errors import NoQueue, QueueUnavailable
from emotalk.queues.base import RESULTS_KEPT_SECONDS
from emotalk.queues.kafka.claims.backlog import backlog
from emotalk.queues.kafka.client.cluster import Cluster
from emotalk.queues.kafka.client.faults import Right, answer_error, change_refused
from emotalk.queues.kafka.client.reach import check_brokers, reach
from emotalk.queues.kafka.client.rights import check_group, check_topics, describe
from emotalk.queues.kafka.client.upkeep import OPTIONAL, Settings, check_owner, look, mend, pairs, say_unknown
from emotalk.queues.lanes import not_now

_log = logging.getLogger(__name__)

_CHANGE_SECONDS = 10.0
_POLL_SECONDS = 0.02

# Retention deletes whole segments, and one that is still written to never goes: hourly segments make a day a day.
_HOUR_MS = str(3600 * 1000)
_EVERY = {"cleanup.policy": "delete", "retention.bytes": "-1", "segment.ms": _HOUR_MS}
# Of each key the newest record stays for ever, until a tombstone follows: then nothing does, within two hours or so.
_COMPACTED = {**_EVERY, "cleanup.policy": "compact", "retention.ms": "-1", "max.compaction.lag.ms": _HOUR_MS}


def list_settings(cluster: Cluster) -> dict[str, Settings]:
    """Topic → the settings it must have."""
    own = {
        cluster.requests: {**_EVERY, "retention.ms": "-1"},
        cluster.results: {**_EVERY, "retention.ms": str(RESULTS_KEPT_SECONDS * 1000)},
        cluster.dead: _COMPACTED,
        cluster.jobs: _COMPACTED,
    }
    return {topic: {**settings, "max.message.bytes": str(cluster.record_bytes)} for topic, settings in own.items()}


def prepare_topics(cluster: Cluster, partitions: int, replication: int | None, create: bool) -> None:
    """Create the topics that are missing and mend the others; without `create` nothing is changed, and NoQueue raised
    where there is nothing of ours.

    Raises QueueUnavailable within eight seconds where no broker answers, and ConfigurationError naming topic and
    setting where the broker refuses, or the right that lacks, or a topic that is somebody else's.
    """
    admin, brokers = reach(cluster)
    check_brokers(admin, cluster, brokers)
    there = describe(admin, cluster)
    if not create and cluster.requests not in there:
        raise NoQueue(
            f"queue: {cluster.bootstrap} has no topic {cluster.requests}. Check --queue and --kafka-prefix; emotalk"
            " serve makes it."
        )
    if create:
        _check_rights(cluster, there.values())
    wanted = list_settings(cluster)
    known = look(admin, wanted, {name: range(len(topic.partitions)) for name, topic in there.items()})
    check_owner(cluster, known)
    if create:
        _make(admin, cluster, wanted, there, partitions, replication or min(3, len(brokers)))
        for topic in known:
            mend(admin, cluster, topic)


def check_rights(cluster: Cluster) -> None:
    """Raise ConfigurationError that names what this user may not do and must; warn of what it should."""
    admin, _ = reach(cluster)
    _check_rights(cluster, describe(admin, cluster).values())


def _check_rights(cluster: Cluster, topics: Iterable[TopicDescription]) -> None:
    for grant, without in check_topics(cluster, topics).items():
        _log.warning("a right is missing", extra={"without": without, "fix": grant})
    check_group(cluster)


def _make(
    admin: AdminClient,
    cluster: Cluster,
    wanted: Mapping[str, Settings],
    there: Mapping[str, TopicDescription],
    partitions: int,
    copies: int,
) -> None:
    """What is missing, and partitions that are."""
    # All of the jobs' topic is read by everyone: more partitions would serve nobody, and one has an order.
    shapes = {topic: 1 if topic == cluster.jobs else partitions for topic in wanted if topic not in there}
    config = {"min.insync.replicas": str(max(1, copies - 1))}
    _create(admin, cluster, [Shape(name, shapes[name], copies, {**wanted[name], **config}) for name in shapes])
    # Another process may have been as quick, and wanted fewer partitions: what is there counts, not what was asked for.
    made = _await_leaders(admin, dict.fromkeys(shapes, 1)) if shapes else {}
    requests = made.get(cluster.requests) or there[cluster.requests]
    _grow(admin, cluster, len(requests.partitions), partitions)


@dataclass(frozen=True)
class Shape:
    """A topic that is to be made."""

    name: str
    partitions: int
    copies: int
    settings: Settings

    def without(self, setting: str) -> "Shape":
        """The same, where the broker chooses this setting."""
        return replace(self, settings={key: value for key, value in self.settings.items() if key != setting})

    def new(self) -> NewTopic:
        """As the broker takes it."""
        return NewTopic(self.name, self.partitions, self.copies, config=dict(self.settings))


def _create(admin: AdminClient, cluster: Cluster, shapes: Sequence[Shape]) -> None:
    """Also without what this broker does not know, or does not allow to be set, where nothing depends on it."""
    answers = admin.create_topics([shape.new() for shape in shapes]) if shapes else {}
    again = list[Shape]()
    for shape in shapes:
        try:
            answers[shape.name].result(timeout=_CHANGE_SECONDS)
        except (KafkaException, TimeoutError) as error:
            if _is_there(error):  # another process was as quick
                continue
            left_out = _find_objection(error, shape)
            if not left_out:
                raise _creation_refused(error, cluster, shape) from error
            say_unknown(left_out)
            again.append(shape.without(left_out))
    if again:
        _create(admin, cluster, again)


def _is_there(error: KafkaException | TimeoutError) -> bool:
    return isinstance(error, KafkaException) and error.args[0].code() == KafkaError.TOPIC_ALREADY_EXISTS


def _find_objection(error: KafkaException | TimeoutError, shape: Shape) -> str:
    """The setting that the broker names, if it is one that nothing depends on."""
    words = error.args[0].str() if isinstance(error, KafkaException) else ""
    return next((name for name in OPTIONAL if name in shape.settings and name in words), "")


def _creation_refused(error: KafkaException | TimeoutError, cluster: Cluster, shape: Shape) -> Exception:
    wish = f"creating the topic {shape.name} with {shape.copies} replicas and {pairs(shape.settings)}"
    command = (
        f"kafka-topics.sh --bootstrap-server {cluster.bootstrap} --create --topic {shape.name} --partitions"
        f" {shape.partitions} --replication-factor {shape.copies} --config {pairs(shape.settings, ' --config ')}"
    )
    fix = (
        "Where its policy wants smaller records: --max-message-mib; other names: --kafka-prefix; fewer replicas:"
        f" --kafka-replication. Or create it by hand: {command}"
    )
    return change_refused(error, wish, fix, Right("Create", "topic", shape.name))


def _grow(admin: AdminClient, cluster: Cluster, there: int, wanted: int) -> None:
    """Give the request topic the partitions it lacks, in a moment in which nothing waits.

    A new number sends a key to another partition, where a later request of it would overtake the earlier ones. Results
    are never spread anew: a job's first parts would stand in one partition and its last ones in another.
    """
    if wanted <= there:
        return
    waiting = backlog(cluster)
    if waiting:
        _log.warning("partitions left as they are", extra=not_now(there, wanted, waiting))
        return
    [answer] = admin.create_partitions([NewPartitions(cluster.requests, wanted)]).values()
    try:
        answer.result(timeout=_CHANGE_SECONDS)
    except (KafkaException, TimeoutError) as error:
        if isinstance(error, KafkaException) and error.args[0].code() == KafkaError.INVALID_PARTITIONS:
            return  # another process was as quick
        wish = f"growing {cluster.requests} from {there} to {wanted} partitions"
        raise change_refused(error, wish, f"Leave out --partitions {wanted}", _on(cluster, "Alter")) from error
    _log.info("partitions added", extra={"topic": cluster.requests, "before": there, "partitions": wanted})
    _await_leaders(admin, {cluster.requests: wanted})


def delete_before(cluster: Cluster, partition: int, offset: int) -> None:
    """Delete the requests below `offset`."""
    if offset <= 0:
        return
    admin = cluster.admin()  # held until it has answered: librdkafka drops the question with the client
    try:
        answers = admin.delete_records([TopicPartition(cluster.requests, partition, offset)])
        for answer in answers.values():
            answer.result(timeout=_CHANGE_SECONDS)
    except (KafkaException, TimeoutError) as error:
        doing = f"deleting answered requests from {cluster.requests}"
        raise answer_error(error, doing, _on(cluster, "Delete")) from error


def _await_leaders(admin: AdminClient, wanted: Mapping[str, int]) -> Mapping[str, TopicMetadata]:
    """The topics, once each partition has a leader; `wanted`: topic → partitions that it will have at least."""
    end = time.monotonic() + _CHANGE_SECONDS
    while time.monotonic() < end:
        topics = admin.list_topics(timeout=_CHANGE_SECONDS).topics
        if all(name in topics and _is_led(topics[name], count) for name, count in wanted.items()):
            return topics
        time.sleep(_POLL_SECONDS)
    raise QueueUnavailable(f"Kafka: {', '.join(sorted(wanted))} got no leader within {_CHANGE_SECONDS:.0f} seconds")


def _is_led(topic: TopicMetadata, partitions: int) -> bool:
    there = topic.partitions.values()
    return topic.error is None and len(there) >= partitions and all(each.leader >= 0 for each in there)


def _on(cluster: Cluster, operation: str) -> Right:
    return Right(operation, "topic", cluster.requests)
