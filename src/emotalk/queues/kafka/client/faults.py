"""librdkafka's errors → ours, in one place."""

from dataclasses import dataclass
from typing import Literal

from confluent_kafka import KafkaError, KafkaException

from emotalk.errors import ClaimLost, ConfigurationError, EmoTalkError, QueueFull, QueueUnavailable

_LOST = {
    KafkaError.ILLEGAL_GENERATION,
    KafkaError.UNKNOWN_MEMBER_ID,
    KafkaError.GROUP_ID_NOT_FOUND,
    KafkaError.FENCED_INSTANCE_ID,
    KafkaError.FENCED_MEMBER_EPOCH,
    KafkaError.STALE_MEMBER_EPOCH,
    KafkaError._FENCED,
    KafkaError._ASSIGNMENT_LOST,
    KafkaError._MAX_POLL_EXCEEDED,
}
_FORBIDDEN = {
    KafkaError.TOPIC_AUTHORIZATION_FAILED,
    KafkaError.GROUP_AUTHORIZATION_FAILED,
    KafkaError.CLUSTER_AUTHORIZATION_FAILED,
}
_REFUSED = _FORBIDDEN | {KafkaError.SASL_AUTHENTICATION_FAILED, KafkaError._AUTHENTICATION}
UNASKABLE = _FORBIDDEN | {KafkaError.UNSUPPORTED_VERSION, KafkaError._UNSUPPORTED_FEATURE, KafkaError.INVALID_REQUEST}
"""What a broker answers that does not tell, or does not know how to."""
_OUT_OF_REACH = (KafkaError._TRANSPORT, KafkaError._TIMED_OUT, KafkaError._ALL_BROKERS_DOWN)
_TOO_LARGE = {KafkaError.MSG_SIZE_TOO_LARGE, KafkaError.RECORD_LIST_TOO_LARGE}


@dataclass(frozen=True)
class Right:
    """To do `operation` with a resource of that name; `shared`: with whatever begins with the name."""

    operation: str
    kind: Literal["topic", "group"]
    name: str
    shared: bool = False

    def grant(self, server: str = "HOST:PORT", user: str = "NAME") -> str:
        """The command that gives it."""
        pattern = " --resource-pattern-type prefixed" if self.shared else ""
        return (
            f"kafka-acls.sh --bootstrap-server {server} --add --allow-principal User:{user}"
            f" --operation {self.operation} --{self.kind} {self.name}{pattern}"
        )

    def __str__(self) -> str:
        return f"The right {self.operation} on the {self.kind} {self.name} is missing. Grant it: {self.grant()}"


def kafka_error(cause: KafkaError | KafkaException | None, doing: str, right: Right | None = None) -> EmoTalkError:
    """The error to raise for `cause`, met while `doing`; everything not named here is an outage that may pass.

    `right`: what must be allowed for it.
    """
    error = cause.args[0] if isinstance(cause, KafkaException) else cause or KafkaError(KafkaError._FAIL)
    code, words = error.code(), f"Kafka, {doing}: {error.str()}"
    if code in _LOST:
        return ClaimLost(words)
    if code in _TOO_LARGE:
        return ConfigurationError(
            f"{words}. Lower --max-message-mib, or raise max.message.bytes of the topic or message.max.bytes of the"
            " broker."
        )
    if code in _FORBIDDEN and right is not None:
        return ConfigurationError(f"{words}. {right}")
    if code in _REFUSED:
        return ConfigurationError(f"{words}. Check the broker's ACLs and the security settings given here.")
    if code == KafkaError._QUEUE_FULL:
        return QueueFull(words)
    return QueueUnavailable(words)


def change_refused(error: KafkaException | TimeoutError, wish: str, fix: str, right: Right) -> EmoTalkError:
    """Out of reach is an outage; any other no to a change is for a person to mend."""
    if isinstance(error, TimeoutError) or error.args[0].code() in _OUT_OF_REACH:
        return answer_error(error, wish)
    if error.args[0].code() in _FORBIDDEN:
        fix = f"{right}. Or: {fix}"
    return ConfigurationError(f"Kafka refuses: {wish} ({error.args[0].str()}). {fix}")


def answer_error(error: KafkaException | TimeoutError, doing: str, right: Right | None = None) -> EmoTalkError:
    """The same of a question that may have waited in vain."""
    if isinstance(error, TimeoutError):
        return QueueUnavailable(f"Kafka, {doing}: no answer in time")
    return kafka_error(error, doing, right)


def is_out_of_reach(error: KafkaException) -> bool:
    """Did nobody answer?"""
    return error.args[0].code() in _OUT_OF_REACH
