"""Our processes as they are seen from outside: metrics where they are asked for, traces where they are."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

from emotalk import exposition, metrics, tracing
from emotalk.errors import ConfigurationError
from emotalk.server.relay import Relay
from emotalk.server.workforce import ThreadWorker, Workforce
from emotalk.settings import Settings


@contextmanager
def server(settings: Settings, workforce: Workforce, relay: Relay) -> Iterator[None]:
    """The page of a server and of whoever works for it."""
    if settings.metrics_port and settings.metrics_port == settings.port:
        raise ConfigurationError(f"metrics_port: {settings.port} is the service's own port. Choose another.")
    metrics.say_build()
    shown = [metrics.COMMON, metrics.SERVER]
    if isinstance(workforce, ThreadWorker):
        shown.append(metrics.WORKER)
    with _traced(settings, "emotalk-server"):
        if settings.metrics_port:
            where = settings.metrics_host, settings.metrics_port
            with exposition.page(*where, "server", shown, lambda: {**workforce.pages(), **relay.pages()}):
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
def live(settings: Settings) -> Iterator[int]:
    """The port of the live engine's page, any free one that its server is told; 0 for none."""
    with _traced(settings, "emotalk-live"):
        if settings.metrics_port:
            with exposition.page(exposition.LOOPBACK, 0, "live", (metrics.COMMON, metrics.LIVE)) as port:
                yield port
        else:
            yield 0


def _traced(settings: Settings, service: str) -> AbstractContextManager[None]:
    return nullcontext() if settings.tracing == "off" else tracing.sending(service)
