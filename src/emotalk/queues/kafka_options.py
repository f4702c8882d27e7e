"""librdkafka's settings that a user may add: TLS, SASL, time-outs; never those that delivery stands on."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from emotalk.errors import ConfigurationError

REDACTED = "***"
_SECRET = re.compile(r"password|secret|\.pem$|^ssl_key$|oauthbearer\.config|jaas")
_PREFIX = re.compile(r"[a-zA-Z0-9._-]{0,200}")
_OURS = frozenset(
    (
        "acks bootstrap.servers metadata.broker.list enable.auto.commit enable.auto.offset.store auto.offset.reset "
        "auto.commit.enable enable.idempotence group.id group.instance.id group.protocol isolation.level partitioner "
        "partition.assignment.strategy request.required.acks transactional.id"
    ).split()
)


def is_secret(name: str) -> bool:
    """May its value not be seen in a process list, a log or an error?"""
    return bool(_SECRET.search(name))


def check_options(options: Mapping[str, str]) -> None:
    """Raise ConfigurationError for settings on which it stands that nothing is lost, doubled or overtaken."""
    for name in options:
        if name in _OURS:
            raise ConfigurationError(
                f"kafka_option: {name} cannot be set: the delivery guarantees depend on it. Remove it."
            )


def check_prefix(prefix: str) -> None:
    """Raise ConfigurationError for what cannot stand before the name of a topic."""
    if not _PREFIX.fullmatch(prefix):
        raise ConfigurationError(
            f"kafka_prefix: '{prefix[:60]}' cannot begin a topic's name. Use up to 200 of a-z, A-Z, 0-9, '.', '_', '-'."
        )


def read_options(path: Path) -> dict[str, str]:
    """A file of lines NAME=VALUE, with comments (#). Raises ConfigurationError naming the line, never its value."""
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"kafka_config: {path} cannot be read ({error}).") from error
    told = [(number, line.strip()) for number, line in enumerate(lines, 1)]
    return dict(_read_pair(line, f"line {number} of {path}") for number, line in told if line and line[0] not in "#!")


def _read_pair(line: str, where: str) -> tuple[str, str]:
    name, equals, value = line.partition("=")
    if not equals or not name.strip():
        raise ConfigurationError(f"kafka_config: {where} is not NAME=VALUE, e.g. security.protocol=SASL_SSL.")
    return name.strip(), value.strip()


def without_secrets(text: str, options: Mapping[str, str]) -> str:
    """The text with every secret of the options struck out."""
    for secret in _list_secrets(options):
        text = text.replace(secret, REDACTED)
    return text


def describe(options: Mapping[str, str]) -> str:
    """For people: every option by name, secrets without their values."""
    return ", ".join(f"{name}={REDACTED if is_secret(name) else value}" for name, value in sorted(options.items()))


def _list_secrets(options: Mapping[str, str]) -> Iterable[str]:
    return sorted((value for name, value in options.items() if is_secret(name) and value), key=len, reverse=True)
