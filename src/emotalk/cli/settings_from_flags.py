"""Parsed flags → settings."""

import argparse
import logging
import os
from collections.abc import Mapping
from typing import Any

from emotalk.cli import logs
from emotalk.errors import ConfigurationError
from emotalk.queues.kafka_options import is_secret
from emotalk.settings import SETTINGS, Settings, from_environment, read_file

log = logging.getLogger(__name__)


def load_settings(parsed: argparse.Namespace, shared: bool = False) -> Settings:
    """Defaults of this command < file < environment < flags; also sets up the log. Raises ConfigurationError.

    `shared`: the command meets a server through the queue, which must then be one that two processes can see.
    """
    given = {name: getattr(parsed, name, None) for name in SETTINGS}
    # Given but empty, as from an unset variable, is a mistake and never another queue.
    if (servers := getattr(parsed, "kafka_servers", None)) is not None:
        if given["queue"]:
            raise ConfigurationError("queue: --queue and --kafka-servers name two queues. Give one of them.")
        given["queue"] = f"kafka://{servers}"
    if (options := getattr(parsed, "kafka_option", None)) is not None:
        given["kafka_option"] = {name: value for each in options for name, value in each.items()}
    settings = from_environment(given, parsed.own_defaults, _read_file(parsed))
    if shared and settings.queue.startswith("memory"):
        raise ConfigurationError(
            "queue: memory:// lives inside one server and nobody else can see it. Use sqlite or kafka://HOST:PORT."
        )
    logs.configure(settings.log_level, settings.log_format)
    _warn_of_secrets(given["kafka_option"] or {})
    return settings


def is_given(parsed: argparse.Namespace, name: str) -> bool:
    """Did somebody ask for this setting, by flag, variable or file?"""
    told = SETTINGS[name].variable in os.environ or name in _read_file(parsed)
    return told or getattr(parsed, name) is not None


def _read_file(parsed: argparse.Namespace) -> dict[str, Any]:
    return read_file(parsed.config) if parsed.config else {}


def _warn_of_secrets(options: Mapping[str, str]) -> None:
    for name in filter(is_secret, options):
        fix = "put it into a file of your own: --kafka-config FILE"
        log.warning("a secret on the command line is seen by all", extra={"option": name, "fix": fix})
