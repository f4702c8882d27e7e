"""Animate live microphones for a server on this machine; `serve` starts this by itself.

Serves the live pool of that server alone, on the address that it is given.
"""

import argparse

from emotalk.cli import flags
from emotalk.cli.settings_from_flags import load_settings
from emotalk.processes.live import serve_live


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Where, and which engine."""
    flags.add(parser, "--address", required=True, metavar="ADDRESS", help="where to listen: `unix:PATH`")
    flags.add(parser, "--supervised", action="store_true", help=argparse.SUPPRESS)
    flags.add_settings(parser, "sound", "engine", "shaping", "log")


def run(parsed: argparse.Namespace) -> None:
    """Serve until SIGTERM, Ctrl-C, or the end of the server that started us."""
    serve_live(load_settings(parsed), parsed.address, parsed.supervised)
