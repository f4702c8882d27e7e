"""docs/metrics.md says what the code exports, no more and no less."""

import re
from pathlib import Path

from tests.exported import Family, families

DOCUMENT = (Path(__file__).parents[2] / "docs" / "metrics.md").read_text("utf-8")
_ROW = re.compile(r"^\| `(\w+)` \| (\w+) \| ([^|]*)\| (\w+) \| \S.* \|$", re.M)


def documented() -> set[Family]:
    return {
        Family(name, kind, frozenset(re.findall(r"`(\w+)`", labels)), by)
        for name, kind, labels, by in _ROW.findall(DOCUMENT)
    }


def test_every_metric_stands_in_the_table_with_its_type_its_labels_and_who_shows_it() -> None:
    assert documented() == set(families())
