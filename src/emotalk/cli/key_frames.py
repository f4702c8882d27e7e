"""Key frames from a file: JSON as every entrance takes it, or a table with a column `time` and one for each feeling."""

import csv
import json
from pathlib import Path

from emotalk.errors import InvalidRequest

_FIX = 'Use FILE.json with [{"time": 0, "joy": 0.8}], or FILE.csv with a head like time,joy,anger'


def text_of(given: str) -> str:
    """JSON that was given by itself, or that a file holds. Raises InvalidRequest for a file that cannot be read."""
    if given.lstrip().startswith("["):
        return given
    path = Path(given)
    try:
        text = path.read_text(encoding="utf-8-sig")
        return json.dumps(_rows(text)) if path.suffix.lower() == ".csv" else text
    except (OSError, ValueError, TypeError) as error:
        raise InvalidRequest("emotions", f"'{given}' cannot be read: {error}", _FIX) from error


def _rows(text: str) -> list[dict[str, float]]:
    """An empty cell is a feeling that is not named."""
    rows = csv.DictReader(text.splitlines(), strict=True)
    return [{name.strip(): float(cell) for name, cell in row.items() if cell.strip()} for row in rows]
