"""Whoever knows one kind of queue finds the same five rooms in the others."""

from importlib import import_module
from pathlib import Path

import pytest

from emotalk.queues import base

PORTS = ("producer", "consumer", "results", "ledger", "meter")


@pytest.mark.parametrize("port", PORTS)
@pytest.mark.parametrize("kind", ["memory", "sqlite", "kafka"])
def test_each_kind_keeps_each_port_of_base_under_its_own_name(kind: str, port: str) -> None:
    made = getattr(import_module(f"emotalk.queues.{kind}.{port}"), f"{kind.title()}{port.title()}")
    verbs = {name for name in vars(getattr(base, port.title())) if not name.startswith("_")}
    assert verbs <= set(dir(made)), f"{made.__name__} lacks verbs of its port"


@pytest.mark.parametrize("kind", ["memory", "sqlite", "kafka"])
def test_the_first_page_of_each_kind_is_its_table_of_contents(kind: str) -> None:
    room = import_module(f"emotalk.queues.{kind}")
    told = (room.__doc__ or "").split()
    names = {path.stem for path in Path(room.__path__[0]).iterdir() if not path.name.startswith("_")}
    assert not [name for name in names if name not in told]
