"""One engine in a process of its own, asked line by line, so that several can take turns on one machine.

    python -m bench.lane CHECKPOINT [--engine emotalk|builtin] [--precision P] [--threads N]

It prints {"ready": seconds, …}; then each line {"audio": NPY, "level": L, "person": P, "out": NPY} on standard input is
animated, and answered with {"seconds": …, "anonymous": bytes, "mapped": bytes, "peak": bytes}. The peers import `serve`
from here, so this file needs only numpy until an engine is made.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Animate = Callable[[NDArray[np.float32], int, int], NDArray[np.float32]]
"""Samples at 16 kHz, emotion level, person → frames [n, 52]."""


def serve(animate: Animate, began: float, name: str) -> None:
    """Answer until standard input ends; `began` is when loading began, by time.perf_counter()."""
    say({"ready": time.perf_counter() - began, "name": name} | memory())
    for line in sys.stdin:
        asked = json.loads(line)
        audio = np.load(asked["audio"])
        since = time.perf_counter()
        frames = animate(audio, asked["level"], asked["person"])
        seconds = time.perf_counter() - since
        np.save(asked["out"], frames)
        say({"seconds": seconds} | memory())


def say(answer: dict[str, Any]) -> None:
    """One line to the one who asks."""
    print(json.dumps(answer), flush=True)


def memory() -> dict[str, int]:
    """This process's memory in bytes: anonymous and mapped now, and the most that both ever were (Linux)."""
    fields = (line.split() for line in Path("/proc/self/status").read_text().splitlines())
    found = {words[0]: int(words[1]) * 1024 for words in fields if len(words) == 3 and words[2] == "kB"}
    return {"anonymous": found["RssAnon:"], "mapped": found["RssFile:"], "peak": found["VmHWM:"]}


def main() -> None:
    """Our own engines."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--engine", choices=("emotalk", "builtin"), default="emotalk")
    parser.add_argument("--precision", default="auto")
    parser.add_argument("--threads", type=int)
    serve(*_ours(parser.parse_args()))


def _ours(chosen: argparse.Namespace) -> tuple[Animate, float, str]:
    from emotalk.engines.base import Engine, WindowEngine
    from emotalk.engines.builtin import BuiltinEngine
    from emotalk.engines.emotalk import EmoTalkEngine
    from emotalk.expression import open_face
    from emotalk.face import Style

    began = time.perf_counter()
    engine: Engine | WindowEngine = (
        EmoTalkEngine(chosen.checkpoint, precision=chosen.precision, threads=chosen.threads)
        if chosen.engine == "emotalk"
        else BuiltinEngine()
    )

    def animate(audio: NDArray[np.float32], level: int, person: int) -> NDArray[np.float32]:
        if isinstance(engine, WindowEngine):
            return engine.animate(audio, Style(level, person))
        session = open_face(engine, Style(level, person))
        return np.concatenate([session.push(audio), session.finish()])

    return animate, began, f"{engine.card.name} {engine.card.precision}"


if __name__ == "__main__":
    main()
