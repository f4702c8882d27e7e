"""What the page needs of the visemes, as `make docs` writes it: web/src/face/visemes.json."""

import json
from pathlib import Path

from emotalk.engines.builtin.poses import SHAPES
from emotalk.export.visemes import SETS, pose_of

PLACE = Path(__file__).parents[1] / "web" / "src" / "face" / "visemes.json"


def written() -> str:
    """The file's text: the shapes of a pose, and of each set each viseme's pose."""
    return json.dumps({"shapes": SHAPES, **{kind: _poses(SETS[kind]) for kind in ("vrm", "oculus")}}) + "\n"


def _poses(phones: dict[str, str]) -> dict[str, list[float]]:
    return {name: [round(float(share), 4) for share in pose_of(each)] for name, each in phones.items()}


if __name__ == "__main__":
    PLACE.write_text(written(), encoding="utf-8")
