"""The first words with a cluster: who answers there, or why nobody does."""

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient

from emotalk.errors import ConfigurationError, QueueUnavailable
from emotalk.queues.kafka.client.cluster import Cluster, shuts_out
from emotalk.queues.kafka.client.faults import is_out_of_reach, kafka_error

_REACH_SECONDS = 6.0


def reach(cluster: Cluster) -> tuple[AdminClient, list[int]]:
    """A client that is connected, and the brokers that it knows of.

    Raises QueueUnavailable within ten seconds where no broker answers, ConfigurationError where it does not let us in.
    """
    troubles: list[KafkaError] = []
    admin = cluster.admin(troubles.append)
    return admin, brokers_of(admin, cluster, troubles)


def brokers_of(admin: AdminClient, cluster: Cluster, troubles: list[KafkaError]) -> list[int]:
    """The brokers of a cluster that answers; `troubles`: what goes wrong with the connections meanwhile."""
    try:
        brokers = admin.list_topics(timeout=_REACH_SECONDS).brokers
    except KafkaException as error:
        admin.poll(0)
        raise _out_of_reach(cluster, error, [each.str() for each in troubles if shuts_out(each)]) from error
    if not brokers:  # one that has just started answers before it knows of itself
        raise QueueUnavailable(f"Kafka: {cluster.bootstrap} is starting. Try again in a few seconds.")
    return list(brokers)


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
