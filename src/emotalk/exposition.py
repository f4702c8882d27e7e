"""The page on which Prometheus reads the instruments; opened by --metrics-port alone.

A server shows its children on its own page, since a child's port would be one more thing to configure and to discover.
Each child opens a page on a free loopback port and says which in its ready line. The server reads it whenever it is
read itself. Every series says by its label `process` whose it is.

prometheus_client has its own way with several processes: files in a shared folder. They outlive dead workers, and know
neither the memory of a process nor what is asked at the moment of reading.

Why so: docs/decisions/0022.
"""

import errno
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException

from prometheus_client import CollectorRegistry, disable_created_metrics, start_http_server
from prometheus_client.core import Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

from emotalk.errors import ConfigurationError

log = logging.getLogger(__name__)

LOOPBACK = "127.0.0.1"
CHILD_SECONDS = 1.0

Pages = Callable[[], Mapping[str, int]]
"""The name of each child process, and the loopback port of its page."""

Labels = Mapping[str, str]


class _Everyone(Collector):
    """This process and its children, each series with the name of its process."""

    def __init__(self, process: str, registries: Sequence[CollectorRegistry], children: Pages) -> None:
        self._process, self._registries, self._children = process, registries, children

    def describe(self) -> list[Metric]:
        return []

    def collect(self) -> Iterator[Metric]:
        merged: dict[str, Metric] = {}
        for registry in self._registries:
            for family in registry.collect():
                _add(merged, family, {"process": self._process}, {})
        for name, port in self._children().items():
            for family in _read_page(port):
                _add(merged, family, {}, {"process": name})
        yield from merged.values()


def _add(merged: dict[str, Metric], family: Metric, unless_said: Labels, instead: Labels) -> None:
    # One family, one block: not every reader takes two blocks of one name.
    whole = merged.setdefault(family.name, Metric(family.name, family.documentation, family.type, family.unit))
    whole.samples += [each._replace(labels={**unless_said, **each.labels, **instead}) for each in family.samples]


def _read_page(port: int) -> list[Metric]:
    """A child's families, or none where it is dying or too busy to answer: then its series are missing this once."""
    connection = HTTPConnection(LOOPBACK, port, timeout=CHILD_SECONDS)
    try:
        connection.request("GET", "/metrics", headers={"Accept": "text/plain"})
        return list(text_string_to_metric_families(connection.getresponse().read().decode()))
    except (OSError, HTTPException, ValueError) as error:
        log.debug("child cannot be measured", extra={"port": port, "error": str(error)})
        return []
    finally:
        connection.close()


@contextmanager
def open_page(
    host: str, port: int, process: str, registries: Sequence[CollectorRegistry], children: Pages = dict
) -> Iterator[int]:
    """Open the page at http://HOST:PORT/metrics; yields the port, a free one for 0. Raises ConfigurationError."""
    disable_created_metrics()  # type: ignore[no-untyped-call]
    registry = CollectorRegistry()
    registry.register(_Everyone(process, registries, children))
    try:
        server, thread = start_http_server(port, host, registry)
    except OSError as error:
        raise _make_port_error(host, port, error) from error
    try:
        yield int(server.server_port)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _make_port_error(host: str, port: int, error: OSError) -> ConfigurationError:
    if error.errno == errno.EADDRINUSE:
        return ConfigurationError(f"metrics_port: {port} is taken on {host}. Choose another with --metrics-port.")
    return ConfigurationError(f"metrics_host: {host}:{port} cannot be bound ({error.strerror}). Use 127.0.0.1.")
