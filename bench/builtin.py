"""The built-in engine's speed beside what was asked of it: `python -m bench.builtin`.

One thread, end to end: samples in, 52 columns out. Clips are pushed whole, live sound in pieces of 0.1 s; starting is
`import emotalk` and loading what a clip needs, beside `import numpy, onnxruntime`, each in a process of its own, in
turn. The network of live streams stands beside what live sound cost before it: for each 0.1 s a window of 1.1 s by the
graph of that time, out of this repository's history, and three chunks at the gate. Where there is no history, by
today's network of clips, which has become quicker since. Processor time, not the clock: all of it runs in one thread.
Minima of rounds that take turns: a neighbour on the machine can only add.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import soundfile

from bench.figures import machine, table
from emotalk.engines.base import Latency
from emotalk.engines.builtin import BuiltinEngine
from emotalk.engines.builtin.engine import MODELS
from emotalk.engines.builtin.gate import CHUNK, CONTEXT, at_rest
from emotalk.engines.builtin.network import HEARD_SAMPLES, MouthNetwork
from emotalk.engines.builtin.plan import ROW_SAMPLES
from emotalk.expression import open_face
from emotalk.face import Pcm, Style
from emotalk.timebase import SAMPLE_RATE, STEP_SAMPLES

_WINDOW = 55 * ROW_SAMPLES
SPEECH = Path(__file__).parents[1] / "examples" / "speech.wav"
REPLACED = "796a04a^:src/emotalk/engines/builtin/models/mouth.onnx"
"""The graph that live streams were heard by until they had one of their own."""
_TIMED = "import time; begin = time.process_time(); {}; print(time.process_time() - begin)"
_FLOOR = _TIMED.format("import numpy, emotalk.engines.quiet_onnxruntime")
_OURS = _TIMED.format("from emotalk.engines.builtin import BuiltinEngine; BuiltinEngine(warm=False)")


def seconds_of(script: str) -> float:
    """What a fresh process says it took."""
    return float(subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout)


def network_of_then() -> tuple[MouthNetwork, str]:
    """It, or today's where git does not know it; and which of them it is."""
    told = subprocess.run(["git", "show", REPLACED], cwd=Path(__file__).parent, capture_output=True, check=False)
    if told.returncode:
        return MouthNetwork(MODELS / "mouth.onnx"), "today's graph, for want of the history"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "mouth.onnx"
        path.write_bytes(told.stdout)
        return MouthNetwork(path), f"the graph of {REPLACED.partition(':')[0]}"


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


def networks(engine: BuiltinEngine, network: MouthNetwork, sound: Pcm) -> dict[str, Callable[[], float]]:
    """Runs of the networks alone, in seconds for 0.1 s of one stream; in thirds, with the mouth that is drawn.

    `network`: the one that hears windows.
    """
    window, chunks = sound[SAMPLE_RATE:][:_WINDOW], np.zeros((1, CONTEXT + CHUNK), np.float32)
    stream = engine._streaming

    def windowed() -> None:
        network.hear(window)
        for _ in range(3):
            engine._voice.judge(chunks, at_rest())

    def together(streams: int) -> Callable[[], object]:
        sounds, states = [window[:HEARD_SAMPLES]] * streams, [stream.rest[-1].after] * streams
        return lambda: stream.hear(sounds, states)

    session, pieces = engine.open(Style(), "live"), np.array_split(window[:STEP_SAMPLES], 3)

    def in_thirds() -> None:
        for piece in pieces:
            session.push(piece)

    sizes = {f"{streams} at once": timed(together(streams), streams) for streams in (1, 4, 16)}
    return {"window": timed(windowed, 1), "in thirds": timed(in_thirds, 1), **sizes}


def timed(call: Callable[[], object], share: int) -> Callable[[], float]:
    """The least of ten calls, in processor seconds for each of so many streams."""

    def run() -> float:
        took = []
        for _ in range(10):
            begin = time.process_time()
            call()
            took.append(time.process_time() - begin)
        return min(took) / share

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
    windows, which = network_of_then()
    sound = np.asarray(soundfile.read(asked.sound, dtype="float32")[0], np.float32)
    engine = BuiltinEngine()
    took = fastest(
        {
            "clip": performance(engine, sound, "clip", len(sound)),
            "live": performance(engine, sound, "live", 1_600),
            "near": performance(engine, sound, "near", 1_600),
            "silent": performance(engine, np.zeros_like(sound), "live", 1_600),
            **networks(engine, windows, sound),
            "floor": lambda: seconds_of(_FLOOR),
            "start": lambda: seconds_of(_OURS),
        },
        asked.rounds,
    )
    ratios = {
        "clip, × real time": (1 / took["clip"], "≥", 100),
        "live, 0.1 s pushes, × real time": (1 / took["live"], "≥", 15),
        "live, may wait 0.5 s, 0.1 s pushes, × real time": (1 / took["near"], "≥", 15),
        "live, digital silence, × real time": (1 / took["silent"], "≥", 15),
        "a window and its gate, × a stream": (took["window"] / took["1 at once"], "≥", 2.5),
        "… × one of four streams": (took["window"] / took["4 at once"], "≥", 4),
        "… × one of sixteen": (took["window"] / took["16 at once"], "≥", 5),
        "… × one stream in pushes of 33 ms, its mouth drawn": (took["window"] / took["in thirds"], "≥", 1.2),
        "import and load, × numpy and onnxruntime": (took["start"] / took["floor"], "≤", 1.5),
        "models, MB": (sum(f.stat().st_size for f in MODELS.glob("*.onnx")) / 1e6, "≤", 10),
    }
    print(machine())
    print(f"{len(sound) / 16_000:.1f} s of speech, one thread, fastest of {asked.rounds}")
    print(f"start: {took['start'] * 1e3:.0f} ms; windows are heard by {which}\n")
    rows = [
        (name, f"{got:.2f}", f"{sign} {limit}", f"{got / limit:.2f}") for name, (got, sign, limit) in ratios.items()
    ]
    print(table([("", "measured", "asked", "measured / asked"), *rows]))


if __name__ == "__main__":
    main()
