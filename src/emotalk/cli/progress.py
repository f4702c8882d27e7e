"""Progress bars in frames, on standard error, where somebody is looking."""

import sys
from collections.abc import Iterable
from importlib.util import find_spec
from typing import Any

from emotalk.face import Frames


def show_bar(frames: int | None) -> Any:
    """A tqdm bar over `frames` (None: unknown); silent where standard error is not a terminal."""
    from tqdm import tqdm

    return tqdm(total=frames, desc="animating", **_choose_looks())


def show_filming(frames: Frames) -> Iterable[Frames]:
    """The frames of a film one by one, with a bar; without one where the client alone is installed."""
    if not find_spec("tqdm"):
        return iter(frames)
    from tqdm import tqdm

    bar: Iterable[Frames] = tqdm(frames, desc="filming", **_choose_looks())
    return bar


def _choose_looks() -> dict[str, Any]:
    return {"unit": "frame", "file": sys.stderr, "disable": not sys.stderr.isatty()}
