"""Run a worker that takes requests from the queue, one at a time, in order.

`serve` runs one by itself; more of them share the partitions of the queue, or stand by.
"""

import argparse
import logging
import os
import traceback

from emotalk.cli import flags
from emotalk.cli.exits import Exit, run_guarded
from emotalk.cli.settings_from_flags import load_settings
from emotalk.errors import NewerRecord
from emotalk.processes.work import work
from emotalk.settings import Settings
from emotalk.worker.attempt import JobHung


def add_arguments(parser: argparse.ArgumentParser, **defaults: object) -> None:
    """Which queue, which engine."""
    flags.add(parser, "--supervised", action="store_true", help=argparse.SUPPRESS)
    own = ("worker_name", "drain_seconds", "hang_seconds")
    flags.add_settings(parser, *own, "queue", "partitions", "engine", "metrics", "log", **defaults)


def run(parsed: argparse.Namespace) -> int:
    """Work until SIGTERM or Ctrl-C.

    The process ends here, whatever happened. An engine in the middle of a window cannot be interrupted. And Python, as
    it ends, would wait without end for a membership that Kafka's group has refused.
    """
    code: int = Exit.FAILED
    try:
        code = run_guarded(lambda: _work(load_settings(parsed, shared=True), parsed.supervised))
    except Exception:  # noqa: BLE001 told as Python would, which must not go on to end itself
        traceback.print_exc()
    logging.shutdown()
    os._exit(code)


def _work(settings: Settings, supervised: bool) -> Exit:
    try:
        work(settings, supervised)
    except JobHung:
        return Exit.HUNG
    except NewerRecord:
        return Exit.NEWER_RECORD
    return Exit.OK
