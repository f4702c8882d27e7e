"""Parsed flags → settings."""

import argparse
from dataclasses import fields

from emotalk.cli import logs
from emotalk.errors import ConfigurationError
from emotalk.settings import Settings, from_environment


def settle(parsed: argparse.Namespace, shared: bool = False, **defaults: object) -> Settings:
    """Defaults of this command < environment < flags; also sets up the log. Raises ConfigurationError.

    `shared`: the command meets a server through the queue, which must then be one that two processes can see.
    """
    given = {item.name: getattr(parsed, item.name, None) for item in fields(Settings)}
    # Given but empty, as from an unset variable, is a mistake and never another queue.
    if (servers := getattr(parsed, "kafka_servers", None)) is not None:
        if given["queue"]:
            raise ConfigurationError("queue: --queue and --kafka-servers name two queues. Give one of them.")
        given["queue"] = f"kafka://{servers}"
    settings = from_environment(given, defaults)
    if shared and settings.queue.startswith("memory"):
        raise ConfigurationError(
            "queue: memory:// lives inside one server and nobody else can see it. Use sqlite or kafka://HOST:PORT."
        )
    logs.configure(settings.log_level, settings.log_format)
    return settings
