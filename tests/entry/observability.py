"""The expressions of dashboard and alerts, taken apart, and what the files around them say."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import promql_parser
import yaml

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "deploy" / "observability"
VARIABLES = {"$__rate_interval": "5m", "$instance": "a"}


@dataclass(frozen=True)
class Selector:
    """One metric that an expression asks for, its matchers, and the function that is applied to it at once."""

    name: str
    matchers: tuple[tuple[str, str, str], ...]
    function: str


@dataclass(frozen=True)
class Asked:
    """An expression: what it selects, and the labels by which it groups what it has selected."""

    text: str
    selectors: tuple[Selector, ...]
    grouped: tuple[tuple[frozenset[str], tuple[Selector, ...]], ...]


def parsed(file: str) -> dict[str, Any]:
    """A YAML or JSON file of the folder."""
    text = (FOLDER / file).read_text("utf-8")
    found: dict[str, Any] = json.loads(text) if file.endswith(".json") else yaml.safe_load(text)
    return found


def alerts() -> list[dict[str, Any]]:
    """All alert rules."""
    return [rule for group in parsed("alerts.yml")["groups"] for rule in group["rules"]]


def panels() -> list[dict[str, Any]]:
    """The dashboard's panels."""
    return list(parsed("grafana/emotalk.json")["panels"])


def expressions() -> dict[str, str]:
    """Where each stands → its text, Grafana's variables replaced."""
    found = {alert["alert"]: alert["expr"] for alert in alerts()}
    for panel in panels():
        for target in panel["targets"]:
            found[f"{panel['title']} {target['refId']}"] = target["expr"]
    return {where: _filled(text) for where, text in found.items()}


def ask(text: str) -> Asked:
    """Take an expression apart. Raises ValueError where it is no PromQL."""
    tree = promql_parser.parse(text)
    groups = [(by, tuple(_selectors(inner, ""))) for by, inner in _groups(tree)]
    return Asked(text, tuple(_selectors(tree, "")), tuple(groups))


def _filled(text: str) -> str:
    for name, value in VARIABLES.items():
        text = text.replace(name, value)
    return re.sub(r"\s+", " ", text)


def _children(node: Any) -> list[Any]:
    names = ("expr", "lhs", "rhs", "args", "param")
    found = [getattr(node, name, None) for name in names]
    return [each for one in found if one is not None for each in (one if isinstance(one, list) else [one])]


def _selectors(node: Any, function: str) -> Iterator[Selector]:
    if isinstance(node, promql_parser.VectorSelector):
        yield Selector(
            node.name, tuple((each.name, str(each.op), each.value) for each in node.matchers.matchers), function
        )
    elif isinstance(node, promql_parser.MatrixSelector):
        yield from _selectors(node.vector_selector, function)
    else:
        own = node.func.name if isinstance(node, promql_parser.Call) else ""
        for child in _children(node):
            yield from _selectors(child, own)


def _groups(node: Any) -> Iterator[tuple[frozenset[str], Any]]:
    if isinstance(node, promql_parser.AggregateExpr) and node.modifier is not None:
        yield frozenset(node.modifier.labels), node.expr
    for child in _children(node):
        yield from _groups(child)
