"""Run a worker that takes requests from the queue, one at a time, in order.

`serve` runs one by itself; more of them share the partitions of the queue, or stand by.
"""

import argparse
import faulthandler
import logging
import os
import signal
from threading import Event

from emotalk import metrics
from emotalk.cli import flags
from emotalk.cli.exits import Exit
from emotalk.cli.settings_from_flags import settle
from emotalk.errors import NewerRecord, QueueUnavailable
from emotalk.pipeline import Pipeline
from emotalk.processes import observed, parts
from emotalk.queues.base import Queue
from emotalk.settings import Settings
from emotalk.supervision.leash import say_ready
from emotalk.worker.attempt import JobHung
from emotalk.worker.loop import Worker

log = logging.getLogger(__name__)

STILL_AT_LEAST = 15.0
"""Twice what the log may take to answer whoever keeps a claim."""


def add_arguments(parser: argparse.ArgumentParser, **defaults: object) -> None:
    """Which queue, which engine."""
    flags.add(parser, "--supervised", action="store_true", help=argparse.SUPPRESS)
    own = ("worker_name", "drain_seconds", "hang_seconds")
    flags.add_settings(parser, *own, "queue", "partitions", "engine", "metrics", "log", **defaults)


def run(parsed: argparse.Namespace) -> int:
    """Work until SIGTERM or Ctrl-C."""
    code = work(settle(parsed, shared=True), parsed.supervised)
    logging.shutdown()
    # An engine in the middle of a window cannot be interrupted, and nothing needs it any more.
    os._exit(code)


def work(settings: Settings, supervised: bool) -> int:
    """Open the queue, warm the engine, work; returns the exit code."""
    faulthandler.enable()  # a crash in native code says where
    parts.check(settings)
    with observed.process(settings, "worker", metrics.WORKER, supervised) as page:
        return _work(settings, page if supervised else None)


def _work(settings: Settings, page: int | None) -> int:
    """`page`: where our server finds our metrics; None where no server watches us."""
    stop = Event()
    queue = parts.queue(settings)
    queue.prepare()
    pipeline = Pipeline(parts.engine(settings))
    worker = parts.worker(settings, queue.consumer(settings.worker_name), pipeline, stop, _alive)
    _hear_signals(stop, worker)
    if page is not None:
        say_ready(lambda: _orphaned(stop, worker), str(page))
    log.info("working", extra={"queue": queue.url, "engine": pipeline.engine.card.name})
    try:
        worker.run()
    except JobHung as hung:
        log.critical("hung", extra={"error": str(hung), "fix": "ending; start the worker again (serve does by itself)"})
        return Exit.HUNG
    except NewerRecord as newer:
        log.critical("newer record", extra={"error": str(newer), "fix": "left in its place; upgrade this worker"})
        _close(queue)
        return Exit.NEWER_RECORD
    finally:
        faulthandler.cancel_dump_traceback_later()
    _close(queue)
    log.info("stopped")
    return Exit.OK


def _alive(seconds: float) -> None:
    """End this process should nobody call again: native code that hangs may let no thread of ours run any more.

    The watchdog in the worker is such a thread; this one is faulthandler's, in C.
    """
    faulthandler.dump_traceback_later(max(STILL_AT_LEAST, seconds), exit=True)


def _stop(stop: Event, worker: Worker) -> None:
    if stop.is_set():
        worker.hurry()
    stop.set()


def _orphaned(stop: Event, worker: Worker) -> None:
    # The server was killed. A new one starts a worker under our name: the job is given back before that happens.
    worker.hurry()
    stop.set()


def _hear_signals(stop: Event, worker: Worker) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: _stop(stop, worker))


def _close(queue: Queue) -> None:
    try:
        queue.close()
    except QueueUnavailable as outage:
        log.warning("queue unavailable", extra={"error": str(outage), "fix": "none needed: leaving anyway"})
