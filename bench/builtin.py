"""The built-in engine's speed beside what was asked of it: `python -m bench.builtin`.

One thread, end to end: samples in, 52 columns out. Clips are pushed whole, live sound in pieces of 0.1 s; starting is
`import emotalk` and loading both models, beside `import numpy, onnxruntime`, each in a process of its own, in turn.
Processor time, not the clock: all of it runs in one thread. Minima of rounds that take turns, since a neighbour on the
machine can only add.
"""

import argparse
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import soundfile

from bench.figures import machine, table
from emotalk.engines.base import Latency
from emotalk.engines.builtin import BuiltinEngine
from emotalk.engines.builtin.engine import MODELS
from emotalk.expression import open_face
from emotalk.face import Pcm, Style

SPEECH = Path(__file__).parents[1] / "examples" / "speech.wav"
_TIMED = "import time; begin = time.process_time(); {}; print(time.process_time() - begin)"
_FLOOR = _TIMED.format("import numpy, emotalk.engines.quiet_onnxruntime")
_OURS = _TIMED.format("from emotalk.engines.builtin import BuiltinEngine; BuiltinEngine(warm=False)")


def seconds_of(script: str) -> float:
    """What a fresh process says it took."""
    return float(subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout)


def performance(engine: BuiltinEngine, sound: Pcm, latency: Latency, piece: int) -> Callable[[], float]:
    """A run over the sound in pieces, in seconds per second of sound."""

    def run() -> float:
        begin = time.process_time()
        session = open_face(engine, Style(), latency)
        for start in range(0, len(sound), piece):
            session.push(sound[start : start + piece])
        session.finish()
        return (time.process_time() - begin) / (len(sound) / 16_000)

    return run


def fastest(runs: dict[str, Callable[[], float]], rounds: int) -> dict[str, float]:
    """The least of each, measured in turn."""
    taken = [{name: run() for name, run in runs.items()} for _ in range(rounds)]
    return {name: min(each[name] for each in taken) for name in runs}


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--sound", type=Path, default=SPEECH, help="16 kHz mono")
    asked = parser.parse_args()
    sound = np.asarray(soundfile.read(asked.sound, dtype="float32")[0], np.float32)
    engine = BuiltinEngine()
    took = fastest(
        {
            "clip": performance(engine, sound, "clip", len(sound)),
            "live": performance(engine, sound, "live", 1_600),
            "floor": lambda: seconds_of(_FLOOR),
            "start": lambda: seconds_of(_OURS),
        },
        asked.rounds,
    )
    ratios = {
        "clip, × real time": (1 / took["clip"], "≥", 100),
        "live, 0.1 s pushes, × real time": (1 / took["live"], "≥", 15),
        "import and load, × numpy and onnxruntime": (took["start"] / took["floor"], "≤", 1.5),
        "models, MB": (sum(f.stat().st_size for f in MODELS.glob("*.onnx")) / 1e6, "≤", 12),
    }
    print(machine())
    print(f"{len(sound) / 16_000:.1f} s of speech, one thread, fastest of {asked.rounds}")
    print(f"start: {took['start'] * 1e3:.0f} ms\n")
    rows = [
        (name, f"{got:.2f}", f"{sign} {limit}", f"{got / limit:.2f}") for name, (got, sign, limit) in ratios.items()
    ]
    print(table([("", "measured", "asked", "measured / asked"), *rows]))


if __name__ == "__main__":
    main()
