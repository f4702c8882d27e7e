"""Server and worker as they are seen from outside: metrics where they are asked for, traces where they are."""

from collections.abc import Iterator
from contextlib import contextmanager

from emotalk import exposition, metrics, tracing
from emotalk.server.workforce import ThreadWorker, Workforce
from emotalk.settings import Settings


@contextmanager
def server(settings: Settings, workforce: Workforce) -> Iterator[None]:
    """The page of a server and of whoever works for it."""
    metrics.say_build()
    own = (metrics.COMMON, metrics.SERVER)
    shown = (*own, metrics.WORKER) if isinstance(workforce, ThreadWorker) else own
    with _traced(settings, "emotalk-server"):
        if settings.metrics_port:
            with exposition.page(settings.metrics_host, settings.metrics_port, "server", shown, workforce.pages):
                yield
        else:
            yield


@contextmanager
def worker(settings: Settings, supervised: bool) -> Iterator[int]:
    """The port of a worker's page, 0 for none: as it was asked for, or any free one that its server is told."""
    where = (exposition.LOOPBACK, 0) if supervised else (settings.metrics_host, settings.metrics_port)
    with _traced(settings, "emotalk-worker"):
        if settings.metrics_port:
            with exposition.page(*where, "worker", (metrics.COMMON, metrics.WORKER)) as port:
                yield port
        else:
            yield 0


@contextmanager
def _traced(settings: Settings, service: str) -> Iterator[None]:
    if settings.tracing == "off":
        yield
        return
    tracing.start(service)
    try:
        yield
    finally:
        tracing.stop()
