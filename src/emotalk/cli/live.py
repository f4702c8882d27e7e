"""Animate live microphones for a server on this machine; `serve` starts this by itself.

Serves the live pool of that server alone, on the address that it is given.
"""

import argparse
import signal
from threading import Event

from emotalk import metrics
from emotalk.cli import flags
from emotalk.cli.settings_from_flags import settle
from emotalk.live.room import LiveRoom, serve
from emotalk.pipeline import Pipeline
from emotalk.processes import observed, parts
from emotalk.supervision.leash import say_ready

GOODBYE_SECONDS = 1.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Where, and which engine."""
    flags.add(
        parser, "--address", required=True, metavar="ADDRESS", help="where to listen, as gRPC has it: `unix:PATH`"
    )
    flags.add(parser, "--supervised", action="store_true", help=argparse.SUPPRESS)
    flags.add_settings(parser, "sound", "engine", "shaping", "log")


def run(parsed: argparse.Namespace) -> None:
    """Serve until SIGTERM, Ctrl-C, or the end of the server that started us."""
    settings = settle(parsed)
    stop = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    pipeline = Pipeline(parts.engine(settings))
    metrics.say_build(pipeline.engine.card)
    service = LiveRoom(pipeline, parts.gains(settings), settings.max_seconds)
    with observed.process(settings, "live", metrics.LIVE, parsed.supervised) as page:
        # The server counts its speakers; one that has just hung up may still hold a place here.
        server = serve(service, parsed.address, 2 * settings.live_sessions)
        if parsed.supervised:
            say_ready(stop.set, f"{page}")
        stop.wait()
        server.stop(GOODBYE_SECONDS).wait()
