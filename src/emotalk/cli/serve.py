"""Run the gRPC server, by default with its own worker.

With the embedded queue, the default, nothing else needs to run: it is a file in the user's state folder.
"""

import argparse
import asyncio
import logging
import os
import socket
import uuid
from dataclasses import replace
from threading import Event

from emotalk.address import Address
from emotalk.audio.apart import Decoders
from emotalk.cli import flags
from emotalk.cli.settings_from_flags import is_given, settle
from emotalk.errors import ConfigurationError
from emotalk.jobs.intake import Intake
from emotalk.live.pool import LivePool
from emotalk.pipeline import Pipeline
from emotalk.processes import observed, parts
from emotalk.queues.base import Queue
from emotalk.server.run import Server
from emotalk.settings import Settings
from emotalk.supervision.gateway import Gateway
from emotalk.supervision.workforce import ChildWorker, Nobody, ThreadWorker, Workforce
from emotalk.web.listening import bound
from emotalk.worker.loop import Worker

log = logging.getLogger(__name__)


def add_arguments(parser: argparse.ArgumentParser, **defaults: object) -> None:
    """Where to listen, and everything the worker needs."""
    work = ("worker", "drain_seconds", "hang_seconds")
    doors = ("window", "keys", "limits")
    shown = ("metrics", "log")
    flags.add_settings(
        parser, "listening", *work, "sound", *doors, "queue", "bounds", "engine", "shaping", *shown, **defaults
    )


def run(parsed: argparse.Namespace) -> None:
    """Serve until SIGTERM or Ctrl-C."""
    serve(settle(parsed, shared=parsed.worker is False), is_given(parsed, "web_port"))


def serve(settings: Settings, web_port_asked: bool) -> None:
    """Serve with these settings."""
    if settings.worker:
        parts.check(settings)
    doors = parts.doors(settings)
    address = Address(settings.host, settings.port)
    doors.warn(address)
    queue, window = parts.queue(settings), _window(settings, web_port_asked)

    async def live(intake: Intake) -> None:
        workforce = _workforce(settings, queue)
        relay = LivePool(_environment(settings), settings.live_sessions)
        with observed.server(settings, workforce, relay, window):
            await Server(queue, intake, workforce, address, settings.drain_seconds, doors, relay, window).run()

    with Decoders(parts.limits(settings)) as decoders:
        asyncio.run(live(parts.intake(settings, decoders)))


def _workforce(settings: Settings, queue: Queue) -> Workforce:
    if not settings.worker:
        return Nobody()
    if queue.url.startswith("memory"):
        return ThreadWorker(lambda stop: _thread_worker(settings, queue, stop))
    named = replace(settings, worker_name=settings.worker_name or _worker_name(settings.port))
    return ChildWorker(_environment(named))


def _window(settings: Settings, asked: bool) -> Gateway | None:
    """The browser's window, on a port that is bound now. Raises ConfigurationError where that one was asked for."""
    if not settings.web:
        return None
    if settings.tls_client_ca and not settings.token_file:
        log.warning("no window: it could not ask for certificates", extra={"fix": "give --token-file, or --no-web"})
        return None
    try:
        listening = bound(Address(settings.web_host, settings.web_port))
    except ConfigurationError as busy:
        if asked:
            raise
        log.warning("no window: %s", busy)
        return None
    return Gateway(_environment(settings), listening)


def _environment(settings: Settings) -> dict[str, str]:
    """What a child needs to have the same settings."""
    return {**os.environ, **settings.as_environment()}


def _worker_name(port: int) -> str:
    """The same after a restart of worker or server, so that its job is taken over at once; and nobody else's."""
    return f"serve-{socket.gethostname()}-{uuid.getnode():x}-{port or uuid.uuid4().hex}"


def _thread_worker(settings: Settings, queue: Queue, stop: Event) -> Worker:
    pipeline = Pipeline(parts.engine(settings))
    return parts.worker(settings, queue.consumer("thread"), pipeline, stop)
