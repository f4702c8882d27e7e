"""A progress bar in frames, on standard error, where somebody is looking."""

import sys
from typing import Any


def bar(frames: int | None) -> Any:
    """A tqdm bar over `frames` (None: unknown); silent where standard error is no terminal."""
    from tqdm import tqdm

    return tqdm(
        total=frames,
        unit="frame",
        desc="animating",
        file=sys.stderr,
        disable=not sys.stderr.isatty(),
    )
