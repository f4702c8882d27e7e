"""A worker, wired: its queue, its engine, and what ends it."""

import faulthandler
import logging
from collections.abc import Callable
from threading import Event

from emotalk import metrics
from emotalk.errors import NewerRecord, QueueUnavailable
from emotalk.pipeline import Pipeline
from emotalk.processes import observed, parts
from emotalk.queues.base import Queue
from emotalk.settings import Settings
from emotalk.supervision.leash import run_supervised
from emotalk.worker.attempt import JobHung
from emotalk.worker.loop import Worker

log = logging.getLogger(__name__)

STILL_AT_LEAST = 15.0
"""Twice what the log may take to answer whoever keeps a claim."""


def work(settings: Settings, supervised: bool) -> None:
    """Work until told to stop. Raises JobHung, with which this process must end, and NewerRecord."""
    faulthandler.enable()  # a crash in native code says where
    parts.check(settings)
    queue, stop = parts.make_queue(settings), Event()
    queue.prepare()
    pipeline = Pipeline(parts.load_engine(settings))
    # The page opens last, so that whoever finds it open knows that this worker is warm (docs/kubernetes.md).
    with observed.show_process(settings, "worker", metrics.WORKER, supervised) as page:
        worker = parts.make_worker(settings, queue.consumer(settings.worker_name), pipeline, stop, _postpone_end)

        def run(ready: Callable[[], None]) -> None:
            ready()
            log.info("working", extra={"queue": queue.url, "engine": pipeline.engine.card.name})
            _run(worker, queue)

        # Orphaned, it hurries: a new server starts a worker under our name, and the job is given back before.
        run_supervised(run, stop.set, worker.hurry, page if supervised else None)


def _run(worker: Worker, queue: Queue) -> None:
    try:
        worker.run()
    except JobHung as hung:
        log.critical(
            "engine hung", extra={"error": str(hung), "fix": "ending; start the worker again (serve does by itself)"}
        )
        raise
    except NewerRecord as newer:
        log.critical("newer record", extra={"error": str(newer), "fix": "left in its place; upgrade this worker"})
        _close(queue)
        raise
    finally:
        faulthandler.cancel_dump_traceback_later()
    _close(queue)
    log.info("stopped")


def _postpone_end(seconds: float) -> None:
    """End this process should nobody call again: native code that hangs may let no thread of ours run any more.

    The watchdog in the worker is such a thread; this one is faulthandler's, in C.
    """
    faulthandler.dump_traceback_later(max(STILL_AT_LEAST, seconds), exit=True)


def _close(queue: Queue) -> None:
    try:
        queue.close()
    except QueueUnavailable as outage:
        log.warning("queue unavailable", extra={"error": str(outage), "fix": "none needed: leaving anyway"})
