"""Our processes as they are seen from outside: metrics where they are asked for, traces where they are."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext

from prometheus_client import CollectorRegistry

from emotalk import exposition, metrics, tracing
from emotalk.errors import ConfigurationError
from emotalk.live.pool import LivePool
from emotalk.settings import Settings
from emotalk.supervision.gateway import Gateway
from emotalk.supervision.workforce import Nobody, ThreadWorker, Workforce


@contextmanager
def show_server(settings: Settings, workforce: Workforce, relay: LivePool, gateway: Gateway | None) -> Iterator[None]:
    """The page of a server and of whoever works for it."""
    if settings.metrics_port and settings.metrics_port == settings.port:
        raise ConfigurationError(f"metrics_port: {settings.port} is the service's own port. Choose another.")
    metrics.say_build()
    metrics.LIMIT_JOBS.set(settings.max_waiting)
    metrics.WORKERS.set(works := not isinstance(workforce, Nobody))
    metrics.WORKERS_WARM.set_function(lambda: works and workforce.warm())
    shown = [metrics.COMMON, metrics.SERVER]
    if isinstance(workforce, ThreadWorker):
        shown.append(metrics.WORKER)
    with _start_tracing(settings, "emotalk-server"):
        if settings.metrics_port:
            children = (workforce, relay, gateway) if gateway else (workforce, relay)
            where = settings.metrics_host, settings.metrics_port
            with exposition.open_page(*where, "server", shown, lambda: _list_pages(children)):
                yield
        else:
            yield


def _list_pages(children: Sequence[Workforce | LivePool | Gateway]) -> dict[str, int]:
    return {name: port for each in children for name, port in each.pages().items()}


@contextmanager
def show_process(settings: Settings, name: str, registry: CollectorRegistry, supervised: bool) -> Iterator[int]:
    """The port of another process's page, 0 for none: as it was asked for, or any free one that its server is told."""
    where = (exposition.LOOPBACK, 0) if supervised else (settings.metrics_host, settings.metrics_port)
    with _start_tracing(settings, f"emotalk-{name}"):
        if settings.metrics_port:
            with exposition.open_page(*where, name, (metrics.COMMON, registry)) as port:
                yield port
        else:
            yield 0


def _start_tracing(settings: Settings, service: str) -> AbstractContextManager[None]:
    return nullcontext() if settings.tracing == "off" else tracing.send_spans(service)
