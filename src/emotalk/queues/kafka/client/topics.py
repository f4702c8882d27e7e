"""The four topics: what they must be like, and making them so."""

import logging
import time
from collections.abc import Mapping

from confluent_kafka import KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ClusterMetadata,
    ConfigEntry,
    ConfigResource,
    NewPartitions,
    NewTopic,
    ResourceType,
    TopicMetadata,
)

from emotalk.errors import ConfigurationError, EmoTalkError, NoQueue, QueueUnavailable
from emotalk.queues.base import RESULTS_KEPT_SECONDS
from emotalk.queues.kafka.claims.backlog import backlog
from emotalk.queues.kafka.client.cluster import RECORD_BYTES, SHUT_OUT, Cluster
from emotalk.queues.kafka.client.faults import kafka_error
from emotalk.queues.lanes import not_now

_log = logging.getLogger(__name__)

_REACH_SECONDS = 6.0
_CHANGE_SECONDS = 10.0
_POLL_SECONDS = 0.02

_OUT_OF_REACH = (KafkaError._TRANSPORT, KafkaError._TIMED_OUT, KafkaError._ALL_BROKERS_DOWN)
_AT_LEAST = ("max.message.bytes",)
_AT_MOST = ("segment.ms", "max.compaction.lag.ms")

# Retention deletes whole segments, and one that is still written to never goes: hourly segments make a day a day.
_HOUR_MS = str(3600 * 1000)
_EVERY = {"cleanup.policy": "delete", "max.message.bytes": str(RECORD_BYTES), "retention.bytes": "-1"}
# Of each key the newest record stays for ever, until a tombstone follows: then nothing does, within two hours or so.
_COMPACTED = {
    **_EVERY,
    "cleanup.policy": "compact",
    "retention.ms": "-1",
    "segment.ms": _HOUR_MS,
    "max.compaction.lag.ms": _HOUR_MS,
}


def wanted_settings(cluster: Cluster) -> dict[str, dict[str, str]]:
    """Topic → the settings it must have."""
    kept = str(RESULTS_KEPT_SECONDS * 1000)
    return {
        cluster.requests: {**_EVERY, "retention.ms": "-1", "segment.ms": _HOUR_MS},
        cluster.results: {**_EVERY, "retention.ms": kept, "segment.ms": _HOUR_MS},
        cluster.dead: _COMPACTED,
        cluster.jobs: _COMPACTED,
    }


def prepare_topics(cluster: Cluster, partitions: int, replication: int | None, create: bool) -> None:
    """Create the topics that are missing and mend the others; without `create`, not where none of ours is.

    Raises QueueUnavailable within eight seconds where no broker answers, and ConfigurationError naming topic and
    setting where the broker refuses.
    """
    troubles: list[KafkaError] = []
    admin = cluster.admin(troubles.append)
    known = _reach(admin, cluster, troubles)
    _check_broker(admin, next(iter(known.brokers)))
    if not create and cluster.requests not in known.topics:
        raise NoQueue(
            f"queue: {cluster.bootstrap} has no topic {cluster.requests}. Check --queue; emotalk serve makes it."
        )
    wanted = wanted_settings(cluster)
    missing = [topic for topic in wanted if topic not in known.topics]
    copies = replication or min(3, len(known.brokers))
    # All of the jobs' topic is read by everyone: more partitions would serve nobody, and one has an order.
    shapes = {topic: 1 if topic == cluster.jobs else partitions for topic in missing}
    created = _create(admin, {topic: wanted[topic] for topic in missing}, shapes, copies)
    _mend(admin, {topic: wanted[topic] for topic in wanted if topic not in created})
    if create and cluster.requests not in missing:
        _grow(admin, cluster, len(known.topics[cluster.requests].partitions), partitions)


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
        raise _refused(error, f"growing {cluster.requests} from {there} to {wanted} partitions") from error
    _log.info("partitions added", extra={"topic": cluster.requests, "before": there, "partitions": wanted})
    _wait_for_leaders(admin, {cluster.requests: wanted})


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
        raise _translated(error, f"deleting answered requests from {cluster.requests}") from error


def _reach(admin: AdminClient, cluster: Cluster, troubles: list[KafkaError]) -> ClusterMetadata:
    try:
        known = admin.list_topics(timeout=_REACH_SECONDS)
        if not known.brokers:  # one that has just started answers before it knows of itself
            raise QueueUnavailable(f"Kafka: {cluster.bootstrap} is starting. Try again in a few seconds.")
        return known
    except KafkaException as error:
        admin.poll(0)
        if shut := [each.str() for each in troubles if each.code() in SHUT_OUT]:
            raise _shut_out(cluster, shut[0]) from None
        if cluster.is_plain and any(place.speaks_tls() for place in cluster.places()):
            raise _shut_out(cluster, "it speaks TLS, and security.protocol is not SSL or SASL_SSL") from None
        if error.args[0].code() in _OUT_OF_REACH:
            words = (
                f"No Kafka broker answers at {cluster.bootstrap}. Start one (docker-compose up -d), give the address"
            )
            raise QueueUnavailable(f"{words} of one that runs, or use the embedded queue (--queue sqlite).") from error
        raise kafka_error(error, f"connecting to {cluster.bootstrap}") from error


def _shut_out(cluster: Cluster, trouble: str) -> ConfigurationError:
    return ConfigurationError(
        f"Kafka at {cluster.bootstrap} does not let us in: {cluster.scrub(trouble)}. "
        "See --kafka-config and --kafka-option."
    )


def _create(
    admin: AdminClient, settings: Mapping[str, Mapping[str, str]], shapes: Mapping[str, int], copies: int
) -> set[str]:
    """`shapes`: topic → partitions. Returns the new ones: a young one may be there though the broker did not say so."""
    created = set[str]()
    if not settings:
        return created
    durable = {"min.insync.replicas": str(max(1, copies - 1))}
    topics = [NewTopic(name, shapes[name], copies, config={**own, **durable}) for name, own in settings.items()]
    for name, answer in admin.create_topics(topics).items():
        try:
            answer.result(timeout=_CHANGE_SECONDS)
            created.add(name)
        except KafkaException as error:
            if error.args[0].code() == KafkaError.TOPIC_ALREADY_EXISTS:  # another process was as quick
                continue
            raise _refused(error, f"creating the topic {name} with {copies} replicas") from error
    _wait_for_leaders(admin, {name: shapes[name] if name in created else 1 for name in settings})
    return created


def _wait_for_leaders(admin: AdminClient, wanted: Mapping[str, int]) -> None:
    """`wanted`: topic → partitions that it will have."""
    end = time.monotonic() + _CHANGE_SECONDS
    while time.monotonic() < end:
        topics = admin.list_topics(timeout=_CHANGE_SECONDS).topics
        if all(name in topics and _is_led(topics[name], count) for name, count in wanted.items()):
            return
        time.sleep(_POLL_SECONDS)
    raise QueueUnavailable(f"Kafka: {', '.join(sorted(wanted))} got no leader within {_CHANGE_SECONDS:.0f} seconds")


def _is_led(topic: TopicMetadata, partitions: int) -> bool:
    there = topic.partitions.values()
    return topic.error is None and len(there) >= partitions and all(each.leader >= 0 for each in there)


def _mend(admin: AdminClient, settings: Mapping[str, Mapping[str, str]]) -> None:
    for name, wanted in settings.items():
        actual = _described(admin, ConfigResource(ResourceType.TOPIC, name))
        wrong = {key: value for key, value in wanted.items() if not _fits(key, actual.get(key, ""), value)}
        if wrong:
            _log.warning("changing %s: %s", name, ", ".join(f"{key}={value}" for key, value in wrong.items()))
            _alter(admin, name, wrong)


def _fits(key: str, actual: str, wanted: str) -> bool:
    if key in _AT_LEAST:
        return int(actual) >= int(wanted)
    if key in _AT_MOST:
        return int(actual) <= int(wanted)
    return actual == wanted


def _alter(admin: AdminClient, name: str, settings: Mapping[str, str]) -> None:
    entries = [ConfigEntry(key, value, incremental_operation=AlterConfigOpType.SET) for key, value in settings.items()]
    resource = ConfigResource(ResourceType.TOPIC, name, incremental_configs=entries)
    wish = " and ".join(f"{key}={value}" for key, value in settings.items())
    for answer in admin.incremental_alter_configs([resource]).values():
        try:
            answer.result(timeout=_CHANGE_SECONDS)
        except (KafkaException, TimeoutError) as error:
            raise _refused(error, f"the topic {name} needs {wish}") from error


def _described(admin: AdminClient, resource: ConfigResource) -> dict[str, str]:
    [answer] = admin.describe_configs([resource]).values()
    try:
        return {name: entry.value for name, entry in answer.result(timeout=_CHANGE_SECONDS).items()}
    except (KafkaException, TimeoutError) as error:
        raise _translated(error, f"reading the settings of {resource.name}") from error


def _check_broker(admin: AdminClient, broker: int) -> None:
    """A request larger than socket.request.max.bytes is cut off without a word, and no topic setting overrides it."""
    try:
        settings = _described(admin, ConfigResource(ResourceType.BROKER, str(broker)))
    except ConfigurationError:  # not allowed to ask: the first large request will tell
        return
    if int(settings.get("socket.request.max.bytes") or RECORD_BYTES) < RECORD_BYTES:
        raise ConfigurationError(f"Kafka broker {broker}: socket.request.max.bytes must be at least {RECORD_BYTES}")


def _refused(error: KafkaException | TimeoutError, wish: str) -> EmoTalkError:
    """Out of reach is an outage; any other no is for a person to mend."""
    if isinstance(error, TimeoutError) or error.args[0].code() in _OUT_OF_REACH:
        return _translated(error, wish)
    return ConfigurationError(f"Kafka refuses: {wish} ({error.args[0].str()}). Set it by hand, or allow this user to.")


def _translated(error: KafkaException | TimeoutError, doing: str) -> EmoTalkError:
    if isinstance(error, TimeoutError):
        return QueueUnavailable(f"Kafka, {doing}: no answer within {_CHANGE_SECONDS:.0f} seconds")
    return kafka_error(error, doing)
