"""librdkafka's errors → ours, in one place."""

from confluent_kafka import KafkaError, KafkaException

from emotalk.errors import ClaimLost, ConfigurationError, EmoTalkError, QueueFull, QueueUnavailable

_LOST = {
    KafkaError.ILLEGAL_GENERATION,
    KafkaError.UNKNOWN_MEMBER_ID,
    KafkaError.FENCED_INSTANCE_ID,
    KafkaError.FENCED_MEMBER_EPOCH,
    KafkaError.STALE_MEMBER_EPOCH,
    KafkaError._FENCED,
    KafkaError._ASSIGNMENT_LOST,
    KafkaError._MAX_POLL_EXCEEDED,
}
_REFUSED = {
    KafkaError.TOPIC_AUTHORIZATION_FAILED,
    KafkaError.GROUP_AUTHORIZATION_FAILED,
    KafkaError.CLUSTER_AUTHORIZATION_FAILED,
    KafkaError.SASL_AUTHENTICATION_FAILED,
    KafkaError._AUTHENTICATION,
}
_TOO_LARGE = {KafkaError.MSG_SIZE_TOO_LARGE, KafkaError.RECORD_LIST_TOO_LARGE}


def kafka_error(cause: KafkaError | KafkaException | None, doing: str) -> EmoTalkError:
    """The error to raise for `cause`, met while `doing`; everything not named here is an outage that may pass."""
    error = cause.args[0] if isinstance(cause, KafkaException) else cause or KafkaError(KafkaError._FAIL)
    code, words = error.code(), f"Kafka, {doing}: {error.str()}"
    if code in _LOST:
        return ClaimLost(words)
    if code in _TOO_LARGE:
        return ConfigurationError(f"{words}. Raise max.message.bytes of the topic or message.max.bytes of the broker.")
    if code in _REFUSED:
        return ConfigurationError(f"{words}. Check the broker's ACLs and the security settings given here.")
    if code == KafkaError._QUEUE_FULL:
        return QueueFull(words)
    return QueueUnavailable(words)
