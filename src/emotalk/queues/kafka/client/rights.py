"""What a broker with ACLs must allow, and the sentence about what it does not.

Why these: docs/decisions/0039.
"""

from collections.abc import Iterable
from typing import cast

from confluent_kafka import KafkaError, KafkaException, TopicCollection
from confluent_kafka.admin import AclOperation, AdminClient, ConsumerGroupDescription, TopicDescription

from emotalk.errors import ConfigurationError
from emotalk.queues.kafka.client.cluster import Cluster
from emotalk.queues.kafka.client.faults import Right, answer_error

_ASK_SECONDS = 5.0
_NEVER_SECONDS = 3600.0


# Without these nothing goes: what is written must be read again, and each process looks where the workers are.
_NEEDED = (AclOperation.DESCRIBE, AclOperation.READ, AclOperation.WRITE)
_WISHED = {
    AclOperation.DELETE: "voices stay in the topic when they are answered",
    AclOperation.DESCRIBE_CONFIGS: "the topic's settings cannot be checked",
}


def describe(admin: AdminClient, cluster: Cluster, timeout: float = _ASK_SECONDS) -> dict[str, TopicDescription]:
    """The topics that are there. Raises QueueUnavailable, and ConfigurationError where they are hidden from us."""
    asked = admin.describe_topics(
        TopicCollection(list(cluster.topics)), include_authorized_operations=True, request_timeout=timeout
    )
    found, hidden = {}, []
    for name, answer in asked.items():
        try:
            found[name] = answer.result(timeout=2 * timeout)
        except (KafkaException, TimeoutError) as error:
            code = error.args[0].code() if isinstance(error, KafkaException) else None
            if code == KafkaError.TOPIC_AUTHORIZATION_FAILED:
                hidden.append(name)
            elif code != KafkaError.UNKNOWN_TOPIC_OR_PART:
                raise answer_error(error, f"asking for {name}") from error
    if hidden:
        raise _missing(cluster, [Right(_name(each), "topic", name) for name in hidden for each in _NEEDED])
    return found


def check_topics(cluster: Cluster, topics: Iterable[TopicDescription]) -> dict[str, str]:
    """Raise ConfigurationError that names every right that lacks; what the others would be good for, by their command.

    A broker that does not say what is allowed is believed to allow it.
    """
    lacking, wished = list[Right](), dict[str, str]()
    for topic in topics:
        allowed = set(topic.authorized_operations or ())
        if AclOperation.DESCRIBE not in allowed:  # whoever could describe it may: so this broker does not say
            continue
        lacking += [Right(_name(each), "topic", topic.name) for each in _NEEDED if each not in allowed]
        without = {each: why for each, why in _WISHED.items() if each not in allowed}
        wished |= {_grant(cluster, Right(_name(each), "topic", topic.name)): why for each, why in without.items()}
    if lacking:
        raise _missing(cluster, lacking)
    return wished


def check_group(cluster: Cluster) -> None:
    """Raise ConfigurationError where the workers may not join their group; whatever else goes wrong shows later."""
    right = Right("Read", "group", cluster.group)
    try:
        allowed = set(describe_group(cluster).authorized_operations or ())
    except (KafkaException, TimeoutError) as error:
        if isinstance(error, KafkaException) and error.args[0].code() == KafkaError.GROUP_AUTHORIZATION_FAILED:
            raise _missing(cluster, [right]) from error
        return
    if AclOperation.DESCRIBE in allowed and AclOperation.READ not in allowed:
        raise _missing(cluster, [right])


def describe_group(cluster: Cluster) -> ConsumerGroupDescription:
    """Its members, and what we may do with it. Raises KafkaException, and TimeoutError where nobody answers.

    By a client of its own that is gone before it gives up: librdkafka ends the process where a group's coordinator
    comes back to a question that has timed out (its issue 4605).
    """
    with cluster.admin() as admin:
        [answer] = admin.describe_consumer_groups(
            [cluster.group], include_authorized_operations=True, request_timeout=_NEVER_SECONDS
        ).values()
        return cast(ConsumerGroupDescription, answer.result(timeout=_ASK_SECONDS))


def _missing(cluster: Cluster, rights: Iterable[Right]) -> ConfigurationError:
    named = [(f"{each.operation} on the {each.kind} {each.name}", _grant(cluster, each)) for each in rights]
    grants = "\n".join(dict.fromkeys(grant for _, grant in named))
    return ConfigurationError(
        f"Kafka at {cluster.bootstrap} does not allow this user: {', '.join(what for what, _ in named)}."
        f" Its operator grants it so:\n{grants}"
    )


def _grant(cluster: Cluster, right: Right) -> str:
    """Where there is a prefix, once for all that begins with it."""
    whole = Right(right.operation, right.kind, cluster.prefix, shared=True) if cluster.prefix else right
    return whole.grant(cluster.bootstrap, cluster.settings.get("sasl.username", "NAME"))


def _name(operation: AclOperation) -> str:
    return "".join(word.capitalize() for word in operation.name.split("_"))
