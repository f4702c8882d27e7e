"""What the code exports to Prometheus: every family with its type, its labels and who shows it."""

from collections.abc import Iterator
from dataclasses import dataclass

from prometheus_client import CollectorRegistry
from prometheus_client.core import Metric
from prometheus_client.metrics import MetricWrapperBase

from emotalk import metrics
from emotalk.queues.base import LaneReading, Reading, Usage

SUFFIXES = {"counter": ("_total",), "gauge": ("",), "histogram": ("_bucket", "_sum", "_count")}


@dataclass(frozen=True)
class Family:
    """`name` as Prometheus stores it; a histogram's without _bucket, _sum and _count."""

    name: str
    kind: str
    labels: frozenset[str]
    shown_by: str

    def series(self) -> dict[str, frozenset[str]]:
        """The names that an expression may ask for, each with its labels."""
        if self.kind != "histogram":
            return {self.name: self.labels}
        own = {"_bucket": frozenset({"le"}), "_sum": frozenset[str](), "_count": frozenset[str]()}
        return {self.name + suffix: self.labels | more for suffix, more in own.items()}


class FullMeter:
    """A log of which everything can be said."""

    def read(self) -> Reading:
        return Reading([LaneReading(0, 1, 0.0)], 1, Usage(1, 2, 3))

    def close(self) -> None:
        pass


def families() -> list[Family]:
    """All of them, those of an open queue and of the process included."""
    own = {"server": metrics.SERVER, "worker": metrics.WORKER, "live": metrics.LIVE, "web": metrics.WEB}
    pages = {"all": metrics.COMMON, **own}
    with metrics.watch_log(FullMeter, lambda: 0):
        return [family for shown_by, registry in pages.items() for family in _of(registry, shown_by)]


def series() -> dict[str, frozenset[str]]:
    """Everything an expression may ask for. `process` stands on every series of ours."""
    return {name: labels | {"process"} for family in families() for name, labels in family.series().items()}


def _of(registry: CollectorRegistry, shown_by: str) -> Iterator[Family]:
    named = {f"{each._name}": frozenset(each._labelnames) for each in _instruments()}
    for family in registry.collect():
        labels = named.get(family.name, _labels(family))
        yield Family(family.name + "_total" * (family.type == "counter"), family.type, labels, shown_by)


def _instruments() -> list[MetricWrapperBase]:
    return [each for each in vars(metrics).values() if isinstance(each, MetricWrapperBase)]


def _labels(family: Metric) -> frozenset[str]:
    return frozenset(label for sample in family.samples for label in sample.labels)
