"""In which precision the network runs, and the proof that it is right on this machine.

bfloat16 is believed only after a small network (every kind of layer in its full width, one encoder layer deep) has
agreed with the same network in float32. A whole second network would cost 5 GB for an instant, and no kernel more.
"""

import logging
import tempfile
from pathlib import Path
from typing import NamedTuple

import numpy as np

from emotalk.engines.base import Precision
from emotalk.engines.emotalk import converted
from emotalk.engines.emotalk.narrow import narrowed, widened
from emotalk.engines.emotalk.runtimes import Runtime, RuntimeKind
from emotalk.engines.emotalk.weights import UsedTensors, Weights, find_weights
from emotalk.engines.emotalk.window import prepare
from emotalk.errors import CheckpointError, EngineError, OutOfMemory, PrecisionUnavailable
from emotalk.face import Pcm, Style
from emotalk.timebase import SAMPLE_RATE

LARGEST_ERROR = 0.1
"""Of bfloat16, rms, relative to how much the face moves. Measured on seeded weights: 0.02."""

_LAYERS = 1
_SECONDS = 1.3

log = logging.getLogger(__name__)


class Started(NamedTuple):
    """A runtime, and what it computes."""

    runtime: Runtime
    weights: Weights
    precision: str


def start(checkpoint: Path, kind: RuntimeKind, precision: Precision, threads: int | None) -> Started:
    """Start the network of a checkpoint. auto is bf16 where the machine has it and it proves right, else fp32.

    Raises CheckpointNotFound, CheckpointError, EngineError; PrecisionUnavailable if bf16 was asked for and is wrong.
    """
    source = find_weights(checkpoint)
    if precision == "fp32" or (precision == "auto" and not kind.has_bf16()):
        return _exact(source, kind, threads)
    weights = narrow_weights(source)
    try:
        check(weights, kind, threads)
    except OutOfMemory:
        raise
    except EngineError as wrong:
        if precision == "bf16":
            raise
        log.warning("falling back to fp32", extra={"error": str(wrong), "fix": "none needed; --precision fp32 says so"})
        return _exact(source, kind, threads)
    return Started(kind.start(weights, threads), weights, "bf16")


def check_offered(kind: RuntimeKind, precision: Precision) -> None:
    """Raise PrecisionUnavailable if this machine has no instructions for what was asked."""
    if precision == "bf16" and not kind.has_bf16():
        raise PrecisionUnavailable("precision bf16: this processor has no bf16 instructions. Use fp32 or auto.")


def check(weights: Weights, kind: RuntimeKind, threads: int | None) -> None:
    """Raise PrecisionUnavailable if narrow arithmetic is off from float32 arithmetic on the same weights."""
    shallow = weights.shallow(_LAYERS)
    window = prepare(_speechlike(), Style())
    exact = kind.start(widened(shallow), threads).infer(window)
    answer = kind.start(shallow, threads).infer(window)
    movement = np.sqrt(np.square(exact - exact.mean(0)).mean())
    error = float(np.sqrt(np.square(answer - exact).mean()) / movement)
    if not error <= LARGEST_ERROR:
        raise PrecisionUnavailable(
            f"precision bf16: wrong on this machine by {error:.0%} of the face's movement, where {LARGEST_ERROR:.0%} "
            "is allowed. Use fp32 or auto."
        )
    log.debug("bf16 checked", extra={"error": f"{error:.2%}"})


def narrow_weights(source: UsedTensors) -> Weights:
    """From the converted file beside the checkpoint if it matches, else converted now into a file without a name."""
    path = converted.converted_path(source.checkpoint.path)
    try:
        weights = converted.open_converted(source, path)
    except FileNotFoundError:
        log.info("no converted file", extra={"path": str(path), "fix": "none needed; emotalk convert writes it"})
    except (CheckpointError, OSError) as error:
        log.warning("converted file ignored", extra={"error": str(error), "fix": "emotalk convert writes it anew"})
    else:
        log.info("converted file", extra={"path": str(path)})
        return weights
    return _converted_now(source)


def _converted_now(source: UsedTensors) -> Weights:
    """In a file and not in memory, so that the system can drop the pages once the runtime has packed its own."""
    try:
        with tempfile.TemporaryFile() as file:
            converted.write(source, file)
            return converted.read(source, file)
    except OSError as error:
        fix = "make room in the temporary folder, or write the file once with emotalk convert"
        log.warning("converting in memory", extra={"error": str(error), "fix": fix})
        return narrowed(source.read())


def _exact(source: UsedTensors, kind: RuntimeKind, threads: int | None) -> Started:
    weights = source.read()
    return Started(kind.start(weights, threads), weights, "fp32")


def _speechlike() -> Pcm:
    """Syllables of a wandering tone in a little noise: something that makes every channel move."""
    t = np.arange(int(_SECONDS * SAMPLE_RATE)) / SAMPLE_RATE
    tone = sum(np.sin(2 * np.pi * k * (120 * t + 6 * np.sin(3 * t))) / k for k in range(1, 16))
    noise = np.sin(1e4 * np.square(np.arange(t.size) % 641))
    return np.asarray(0.2 * tone * np.clip(np.sin(20 * t), 0, 1) + 0.02 * noise, np.float32)
