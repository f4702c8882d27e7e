"""Key frames from a file: JSON as every entrance takes it, or a table with a column `time` and one for each feeling.

A table may be one of a spreadsheet: with a byte order mark, semicolons or tabs, and then decimal commas.
"""

import csv
import json
from pathlib import Path

from emotalk.errors import InvalidRequest

_FIX = 'Use FILE.json with [{"time": 0, "joy": 0.8}], or FILE.csv with a head like time,joy,anger'

_BEYOND = "\0"
"""Where a table's reader puts cells that no head names; no head can be called so."""


def text_of(given: str) -> str:
    """JSON that was given by itself, or that a file holds. Raises InvalidRequest for a file that cannot be read."""
    if given.lstrip().startswith("["):
        return given
    path = Path(given)
    try:
        text = path.read_text(encoding="utf-8-sig")
        return json.dumps(_read_rows(text)) if path.suffix.lower() == ".csv" else text
    except (OSError, ValueError, TypeError, csv.Error) as error:
        raise InvalidRequest("emotions", f"'{given}' cannot be read: {error}", _FIX) from error


def _read_rows(text: str) -> list[dict[str, float]]:
    """An empty cell is a feeling that is not named."""
    lines = text.strip().splitlines()
    mark = next((each for each in ";\t" if lines and each in lines[0]), ",")
    table = csv.DictReader(lines, strict=True, delimiter=mark, restkey=_BEYOND, restval="")
    _check_head([name.strip().lower() for name in table.fieldnames or ()])
    rows = [_read_row(row, table.line_num, "." if mark == "," else ",") for row in table]
    if not any(rows):
        raise ValueError("it holds no key frames")
    return [row for row in rows if row]


def _check_head(names: list[str]) -> None:
    if names and "time" not in names:
        raise ValueError("it has no column time")
    if twice := next((name for name in names if name and names.count(name) > 1), ""):
        raise ValueError(f"it has two columns {twice}")


def _read_row(row: dict[str, str], line: int, point: str) -> dict[str, float]:
    if any(row.pop(_BEYOND, ())):
        raise ValueError(f"line {line} has more cells than the head")
    return {name.strip().lower(): _read_number(cell, line, point) for name, cell in row.items() if cell.strip()}


def _read_number(cell: str, line: int, point: str) -> float:
    try:
        return float(cell.strip().replace(point, "."))
    except ValueError:
        raise ValueError(f"line {line}: {cell[:20]!r} is not a number") from None
