"""The map is true: every file and function on it is there, journeys are short, a class name stands for one class."""

import ast
import re
import tomllib
from collections import Counter
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HOUSE = ROOT / "src" / "emotalk"
MAP = (ROOT / "docs" / "architecture.md").read_text("utf-8")
DECISIONS = {page.name for page in (ROOT / "docs" / "decisions").glob("[0-9]*.md")}
_STEP = re.compile(r"^\d+\. `(\S+\.py): (\w+)` — ", re.M)
_PATH = re.compile(r"`?((?:[a-z0-9_]+/)+[a-z0-9_]+\.py)\b")
_WHY = re.compile(r"Why so: docs/decisions/(\S+)")


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"))


def written() -> list[Path]:
    """Our own modules, without what protoc generates."""
    return [path for path in HOUSE.rglob("*.py") if "_pb2" not in path.name]


def names(path: Path) -> set[str]:
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    return {node.name for node in ast.walk(tree(path)) if isinstance(node, kinds)}


def journey(title: str) -> list[tuple[str, str]]:
    return _STEP.findall(MAP.split(f"## {title}\n", 1)[1].split("\n## ", 1)[0])


@pytest.mark.parametrize(
    ("title", "most"),
    [("A request: ProcessAudio", 16), ("A live stream: StreamAudio", 11), ("A file: emotalk animate", 14)],
)
def test_a_journey_passes_few_files_and_each_has_the_function_that_is_named(title: str, most: int) -> None:
    steps = journey(title)
    assert 8 < len({file for file, _ in steps}) <= most
    for file, name in steps:
        assert name in names(HOUSE / file), f"{file}: {name}"


def test_every_file_on_the_map_is_there() -> None:
    files = set(_PATH.findall(MAP))
    assert len(files) > 25
    assert not {file for file in files if not (HOUSE / file).is_file()}


def test_every_decision_stands_on_the_map_in_its_room() -> None:
    assert {page for page in DECISIONS if f"decisions/{page}" not in MAP} == set()


def test_the_files_that_a_decision_explains_point_to_it() -> None:
    pointed = [(path, page) for path in written() for page in _WHY.findall(ast.get_docstring(tree(path)) or "")]
    assert len(pointed) >= 20
    for path, page in pointed:
        assert any(name.startswith(page.rstrip(".")) for name in DECISIONS), f"{path}: {page}"


def test_a_class_name_stands_for_one_class() -> None:
    classes = (node.name for path in written() for node in ast.walk(tree(path)) if isinstance(node, ast.ClassDef))
    assert [name for name, count in Counter(classes).items() if count > 1] == []


def test_functions_are_short() -> None:
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    found = [node for path in written() for node in ast.walk(tree(path)) if isinstance(node, kinds)]
    lengths = sorted((node.end_lineno or 0) - node.lineno + 1 for node in found)
    assert lengths[len(lengths) // 2] <= 6
    assert lengths[len(lengths) * 9 // 10] <= 15
    assert lengths[-1] <= 50


def test_the_floors_that_contributors_read_are_those_that_are_checked() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]["contracts"]
    layers = next(each["layers"] for each in contracts if each["type"] == "layers")
    table = re.findall(r"^\| ((?:`\w+`(?: · )?)+) \|", (ROOT / "CONTRIBUTING.md").read_text("utf-8"), re.M)
    floors = [set(re.findall(r"`(\w+)`", row)) for row in table]
    assert floors == [set(layer.split(" | ")) for layer in layers if layer != "__main__"]
