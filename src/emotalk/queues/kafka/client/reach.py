"""The first words with a cluster: who answers there, or why nobody does."""

from collections.abc import Mapping
from concurrent.futures import Future

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient, ConfigEntry, ConfigResource, ResourceType

from emotalk.errors import ConfigurationError, QueueUnavailable
from emotalk.queues.kafka.client.cluster import Cluster, shuts_out
from emotalk.queues.kafka.client.faults import is_out_of_reach, kafka_error

_REACH_SECONDS = 6.0
_ASK_SECONDS = 6.0
_ASKED = 5
"""Brokers of a large cluster that are asked."""


def reach(cluster: Cluster) -> tuple[AdminClient, Mapping[int, str]]:
    """A client that is connected, and the brokers that it knows of: number → HOST:PORT to which it sends its clients.

    Raises QueueUnavailable within ten seconds where no broker answers, ConfigurationError where it does not let us in.
    """
    troubles: list[KafkaError] = []
    admin = cluster.admin(troubles.append)
    return admin, brokers_of(admin, cluster, troubles)


def brokers_of(admin: AdminClient, cluster: Cluster, troubles: list[KafkaError]) -> Mapping[int, str]:
    """The brokers of a cluster that answers; `troubles`: what goes wrong with the connections meanwhile."""
    try:
        brokers = admin.list_topics(timeout=_REACH_SECONDS).brokers
    except KafkaException as error:
        admin.poll(0)
        raise _out_of_reach(cluster, error, [each.str() for each in troubles if shuts_out(each)]) from error
    if not brokers:  # one that has just started answers before it knows of itself
        raise QueueUnavailable(f"Kafka: {cluster.bootstrap} is starting. Try again in a few seconds.")
    return {number: f"{broker.host}:{broker.port}" for number, broker in brokers.items()}


def check_brokers(admin: AdminClient, cluster: Cluster, brokers: Mapping[int, str]) -> None:
    """A broker whose socket.request.max.bytes is too small cuts a large request off without a word.

    No topic setting overrides it. Raises ConfigurationError that names it, and QueueUnavailable where a cluster answers
    and no broker can be reached at the address that it gives.
    """
    resources = {number: ConfigResource(ResourceType.BROKER, str(number)) for number in sorted(brokers)[:_ASKED]}
    asked = {number: admin.describe_configs([each], request_timeout=_ASK_SECONDS) for number, each in resources.items()}
    silent = {number for number in asked if not _answers(asked[number][resources[number]], number, cluster)}
    if silent == asked.keys():
        raise QueueUnavailable(
            f"Kafka at {cluster.bootstrap} answers, and sends its clients on to {', '.join(brokers.values())}, where"
            " nobody answers. Mend advertised.listeners of the broker, or let this machine reach that address."
        )


def _answers(answer: "Future[Mapping[str, ConfigEntry]]", broker: int, cluster: Cluster) -> bool:
    try:
        entry = answer.result(timeout=2 * _ASK_SECONDS).get("socket.request.max.bytes")
    except (KafkaException, TimeoutError) as error:  # else not allowed to ask: the first large request will tell
        return isinstance(error, KafkaException) and not is_out_of_reach(error)
    if entry and entry.value and int(entry.value) < cluster.record_bytes:
        raise ConfigurationError(
            f"Kafka broker {broker}: socket.request.max.bytes must be at least {cluster.record_bytes}, and is"
            f" {entry.value}. Raise it, or lower --max-message-mib to {int(entry.value) // 2**20}"
        )
    return True


def _out_of_reach(cluster: Cluster, error: KafkaException, shut: list[str]) -> Exception:
    if shut:
        return _shut_out(cluster, shut[0])
    if cluster.is_plain and cluster.speaks_tls():
        return _shut_out(cluster, "it speaks TLS, and security.protocol is not SSL or SASL_SSL")
    if is_out_of_reach(error):
        words = f"No Kafka broker answers at {cluster.bootstrap}. Start one (docker-compose up -d), give the address"
        return QueueUnavailable(f"{words} of one that runs, or use the embedded queue (--queue sqlite).")
    return kafka_error(error, f"connecting to {cluster.bootstrap}")


def _shut_out(cluster: Cluster, trouble: str) -> ConfigurationError:
    return ConfigurationError(
        f"Kafka at {cluster.bootstrap} does not let us in: {cluster.scrub(trouble)}. "
        "See --kafka-config and --kafka-option."
    )
