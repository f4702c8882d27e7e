"""A server, wired: its queue, the worker, the live engine and the web gateway that it keeps, and the port."""

import asyncio
import logging
import os
import socket
import uuid
from collections.abc import Callable
from dataclasses import replace
from threading import Event

from emotalk import metrics
from emotalk.address import Address
from emotalk.audio.apart import Decoders
from emotalk.engines.catalog import choose
from emotalk.errors import ConfigurationError
from emotalk.live.cost import count_cores
from emotalk.live.pool import LivePool
from emotalk.pipeline import Pipeline
from emotalk.processes import observed, parts
from emotalk.processes.audio2face import make_configs
from emotalk.queues.base import Queue
from emotalk.server.contracts import contracts_of
from emotalk.server.run import Server
from emotalk.settings import DEFAULT_CHECKPOINT, Settings
from emotalk.supervision.gateway import WEB, Gateway
from emotalk.supervision.keeper import Keeper
from emotalk.supervision.leash import Child
from emotalk.supervision.workforce import WORKER, Nobody, ThreadWorker, Workforce
from emotalk.web.listening import bind
from emotalk.worker.loop import Worker

log = logging.getLogger(__name__)


def serve(settings: Settings, web_port_asked: bool) -> None:
    """Serve until SIGTERM or Ctrl-C; `web_port_asked`: a web port that is taken stops the server."""
    if settings.worker:
        parts.check(settings)
    address, guard = Address(settings.host, settings.port), parts.make_guard(settings)
    guard.warn(address)
    queue, gateway = parts.make_queue(settings), _make_gateway(settings, web_port_asked)
    with Decoders(parts.make_limits(settings)) as decoders:
        intake = parts.make_intake(settings, decoders)

        async def run() -> None:
            workforce = _make_workforce(settings, queue)
            live = _make_live_pool(settings)
            with observed.show_server(settings, workforce, live, gateway):
                known = queue, intake, workforce, address, settings.drain_seconds, guard, live, gateway
                shown = (lambda: make_configs(settings, live.places)) if settings.a2f else None
                await Server(*known, contracts_of(shown), _list_more_addresses(settings)).run()

        asyncio.run(run())


def _make_live_pool(settings: Settings) -> LivePool:
    """As many engines as cores, where one takes a hundred megabytes; of one that takes gigabytes one, on demand."""
    small = choose(settings.engine, settings.model_path, DEFAULT_CHECKPOINT) != "emotalk"
    processes = count_cores() if small else 1
    return LivePool(
        _list_environment(settings), settings.live_sessions, died=_count_deaths, processes=processes, ahead=small
    )


def _list_more_addresses(settings: Settings) -> dict[str, Address]:
    return {"a2f_port": Address(settings.host, settings.a2f_port)} if settings.a2f_port else {}


def _make_workforce(settings: Settings, queue: Queue) -> Workforce:
    if not settings.worker:
        return Nobody()
    if queue.url.startswith("memory"):
        return ThreadWorker(lambda stop: _make_thread_worker(settings, queue, stop))
    named = replace(settings, worker_name=settings.worker_name or _name_worker(settings.port))
    return Keeper(WORKER, "worker", Child(("work",), _list_environment(named)), died=_count_deaths(WORKER))


def _make_thread_worker(settings: Settings, queue: Queue, stop: Event) -> Worker:
    pipeline = Pipeline(parts.load_engine(settings))
    return parts.make_worker(settings, queue.consumer("thread"), pipeline, stop)


def _name_worker(port: int) -> str:
    """The same after a restart of worker or server, so that its job is taken over at once; and nobody else's."""
    return f"serve-{socket.gethostname()}-{uuid.getnode():x}-{port or uuid.uuid4().hex}"


def _make_gateway(settings: Settings, asked: bool) -> Gateway | None:
    """The web gateway, on a port that is bound now. Raises ConfigurationError where that one was asked for."""
    if not settings.web:
        return None
    if settings.tls_client_ca and not settings.token_file:
        log.warning(
            "no web gateway: it could not ask for certificates", extra={"fix": "give --token-file, or --no-web"}
        )
        return None
    try:
        listening = bind(Address(settings.web_host, settings.web_port))
    except ConfigurationError as busy:
        if asked:
            raise
        log.warning("no web gateway: %s", busy)
        return None
    return Gateway(_list_environment(settings), listening, died=_count_deaths(WEB))


def _list_environment(settings: Settings) -> dict[str, str]:
    """What a child needs to have the same settings."""
    return {**os.environ, **settings.as_environment()}


def _count_deaths(process: str) -> Callable[[], None]:
    """Counts; from 0 on, since Prometheus sees no increase in a series that begins with 1."""
    deaths = metrics.PROCESS_DEATHS.labels(process)

    def count_death() -> None:
        deaths.inc()
        if process == WORKER:
            metrics.WORKER_DEATHS.inc()

    return count_death
