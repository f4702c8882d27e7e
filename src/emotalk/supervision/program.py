"""How a process of ours is started, by asyncio or by threads: this interpreter, two pipes, a session of its own."""

import sys
from collections.abc import Sequence
from subprocess import PIPE
from typing import Any

PROGRAM = ("-m", "emotalk")
"""What a child is, but for its words."""

PIPES: dict[str, Any] = {"stdin": PIPE, "stdout": PIPE, "start_new_session": True}
"""Ctrl-C in a terminal reaches the server alone, which then stops its children in order."""


def command(program: Sequence[str], *words: object) -> list[str]:
    """The command line. `-P`: a queue.py in the working folder is somebody else's, and is not to be imported."""
    return [sys.executable, "-P", *program, *map(str, words)]
