"""The settings of topics that are there already: whose they are, what is wrong with them, and mending it.

Why so: docs/decisions/0039.
"""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from confluent_kafka import KafkaException
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    ConfigSource,
    ResourceType,
)

from emotalk.errors import ConfigurationError
from emotalk.queues.kafka.client.cluster import Cluster
from emotalk.queues.kafka.client.faults import UNASKABLE, Right, answer_error, change_refused
from emotalk.queues.kafka.client.owners import holdings

_log = logging.getLogger(__name__)

_CHANGE_SECONDS = 10.0
_AT_LEAST = ("max.message.bytes",)
_AT_MOST = ("segment.ms", "max.compaction.lag.ms")
OPTIONAL = ("segment.ms", "max.compaction.lag.ms", "min.insync.replicas")
"""Without these nothing is lost: a broker that does not know them, or forbids them, will do."""
_SIGNS = ("retention.bytes", "segment.ms")
"""Set by hand to what we want: nobody else does that, so it was made for us."""

LATER = "none needed: what is deleted leaves the broker's disk later"

Settings = Mapping[str, str]


@dataclass(frozen=True)
class Topic:
    """One that is there. `known`: its settings, None where the broker does not tell; `chosen`: those of its own."""

    name: str
    partitions: Iterable[int]
    wanted: Settings
    known: Settings | None
    chosen: Settings

    @property
    def wrong(self) -> Settings:
        """What must be changed."""
        known = self.known or {}
        return {key: value for key, value in self.wanted.items() if key in known and not _fits(key, known[key], value)}

    @property
    def lacks(self) -> list[str]:
        """Settings that this broker does not know."""
        return [] if self.known is None else [key for key in self.wanted if key not in self.known]

    @property
    def is_signed(self) -> bool:
        """Do its settings say that it was made for us?"""
        signs = [key for key in _SIGNS if key in (self.known or {})]
        return bool(signs) and all(self.chosen.get(key) == self.wanted[key] for key in signs)


def look(admin: AdminClient, wanted: Mapping[str, Settings], partitions: Mapping[str, Iterable[int]]) -> list[Topic]:
    """The topics of `partitions` with their settings, in one question. Raises QueueUnavailable."""
    resources = [ConfigResource(ResourceType.TOPIC, name) for name in partitions]
    found, refusal = list[Topic](), ""
    for resource, answer in admin.describe_configs(resources).items() if resources else ():
        known, chosen = None, dict[str, str]()
        try:
            entries = answer.result(timeout=_CHANGE_SECONDS)
            known = {name: entry.value for name, entry in entries.items() if entry.value is not None}
            chosen = {name: known[name] for name in known if _is_chosen(entries[name])}
        except (KafkaException, TimeoutError) as error:
            if isinstance(error, TimeoutError) or error.args[0].code() not in UNASKABLE:
                raise answer_error(error, f"reading the settings of {resource.name}") from error
            refusal = error.args[0].str()
        found.append(Topic(resource.name, partitions[resource.name], wanted[resource.name], known, chosen))
    _say(found, refusal)
    return found


def check_owner(cluster: Cluster, topics: Iterable[Topic]) -> None:
    """Raise ConfigurationError that names a topic of somebody else's: one that holds their records and none of ours.

    Where theirs stand among ours, as after a slip of somebody's hand, it is ours, and yet no setting of it is changed.
    """
    doubtful = {topic.name: topic for topic in topics if topic.wrong or not topic.is_signed}
    held = holdings(cluster, {name: topic.partitions for name, topic in doubtful.items()}) if doubtful else {}
    for name, topic in doubtful.items():
        if held[name].foreign and (topic.wrong or not (held[name].ours or topic.is_signed)):
            raise ConfigurationError(
                f"Kafka: the topic {name} at {cluster.bootstrap} holds records that are not EmoTalk's. It is left as"
                " it is. Give this deployment names of its own: --kafka-prefix NAME"
            )


def mend(admin: AdminClient, cluster: Cluster, topic: Topic) -> None:
    """Set what is wrong, and say so. Raises ConfigurationError with the command for whoever may."""
    for optional in (False, True):
        if settings := {key: value for key, value in topic.wrong.items() if (key in OPTIONAL) is optional}:
            try:
                _alter(admin, cluster, topic, settings)
            except ConfigurationError as error:
                if not optional:
                    raise
                _log.warning("a setting stays as it is", extra={"error": str(error), "fix": LATER})


def _alter(admin: AdminClient, cluster: Cluster, topic: Topic, settings: Settings) -> None:
    known = topic.known or {}
    changes = ", ".join(f"{key}={value} (was {known[key]})" for key, value in settings.items())
    _log.warning("changing %s: %s", topic.name, changes, extra={"fix": "not EmoTalk's? use --kafka-prefix"})
    entries = [ConfigEntry(*each, incremental_operation=AlterConfigOpType.SET) for each in settings.items()]
    resource = ConfigResource(ResourceType.TOPIC, topic.name, incremental_configs=entries)
    [answer] = admin.incremental_alter_configs([resource]).values()
    try:
        answer.result(timeout=_CHANGE_SECONDS)
    except (KafkaException, TimeoutError) as error:
        fix = f"Set it by hand: {alter_command(cluster, topic.name, settings)}"
        if "max.message.bytes" in settings and (mib := int(known["max.message.bytes"]) // 2**20):
            fix += f". Or keep to what it takes: --max-message-mib {mib}"
        right = Right("AlterConfigs", "topic", topic.name)
        raise change_refused(error, f"the topic {topic.name} needs {pairs(settings)}", fix, right) from error


def alter_command(cluster: Cluster, topic: str, settings: Settings) -> str:
    """What a person types."""
    return (
        f"kafka-configs.sh --bootstrap-server {cluster.bootstrap} --alter --entity-type topics --entity-name {topic}"
        f" --add-config {pairs(settings, ',')}"
    )


def _say(topics: Iterable[Topic], refusal: str) -> None:
    if refusal:
        fix = "see docs/kafka.md for what they must be, and check them there"
        _log.warning("the settings of the topics are not told", extra={"error": refusal, "fix": fix})
    if lacking := sorted({key for topic in topics for key in topic.lacks}):
        say_unknown(", ".join(lacking))


def say_unknown(settings: str) -> None:
    """One line about settings that a broker does not have."""
    _log.warning("this broker lacks a setting", extra={"settings": settings, "fix": LATER})


def _is_chosen(entry: ConfigEntry) -> bool:
    source: object = entry.source  # a number, whatever its type says
    return source == ConfigSource.DYNAMIC_TOPIC_CONFIG.value


def pairs(settings: Settings, between: str = ", ") -> str:
    """NAME=VALUE of each."""
    return between.join(f"{key}={value}" for key, value in settings.items())


def _fits(key: str, actual: str, wanted: str) -> bool:
    if key in (*_AT_LEAST, *_AT_MOST) and actual.lstrip("-").isdigit():
        return int(actual) >= int(wanted) if key in _AT_LEAST else int(actual) <= int(wanted)
    return actual == wanted
