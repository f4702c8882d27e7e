"""Run the gRPC server, by default with its own worker.

With the embedded queue, the default, nothing else needs to run: it is a file in the user's state folder.
"""

import argparse

from emotalk.cli import flags
from emotalk.cli.settings_from_flags import is_given, load_settings
from emotalk.processes.serve import serve


def add_arguments(parser: argparse.ArgumentParser, **defaults: object) -> None:
    """Where to listen, and everything the worker needs."""
    work = ("worker", "drain_seconds", "hang_seconds")
    doors = ("gateway", "keys", "limits")
    shown = ("metrics", "log")
    flags.add_settings(
        parser, "listening", *work, "sound", *doors, "queue", "bounds", "engine", "shaping", *shown, **defaults
    )


def run(parsed: argparse.Namespace) -> None:
    """Serve until SIGTERM or Ctrl-C."""
    serve(load_settings(parsed, shared=parsed.worker is False), is_given(parsed, "web_port"))
