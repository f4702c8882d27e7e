"""In which precision the network runs, and the proof that it is right on this machine.

16 bits are used only after a comparison with float32: one encoder's features and its first layer, in their full width.
These use every kernel that computes in 16 bits. A second whole network would cost 5 GB for an instant, and prove no
more.

Why so: docs/decisions/0018.
"""

import logging
import tempfile
from pathlib import Path
from typing import NamedTuple

import numpy as np

from emotalk.engines.base import Precision
from emotalk.engines.emotalk import converted
from emotalk.engines.emotalk.narrow import BF16, narrow_network, widen_network
from emotalk.engines.emotalk.runtimes import Runtime, RuntimeKind
from emotalk.engines.emotalk.weights import CONTENT, EMOTION, UsedTensors, Weights, find_weights
from emotalk.engines.emotalk.window import Floats, feature_count, prepare, span_of
from emotalk.errors import CheckpointError, EngineError, OutOfMemory, PrecisionUnavailable
from emotalk.face import Pcm, Style
from emotalk.timebase import SAMPLE_RATE

LARGEST_ERROR = 0.1
"""Of 16 bits, rms, relative to how much the answer moves. Measured on seeded weights: 0.01."""

_LAYERS = 1
_SECONDS = 1.3

log = logging.getLogger(__name__)


class Started(NamedTuple):
    """A runtime, and what it computes."""

    runtime: Runtime
    weights: Weights
    precision: str


def start(checkpoint: Path, kind: RuntimeKind, precision: Precision, threads: int | None) -> Started:
    """Start the network of a checkpoint. auto is 16 bits where they are fast here and prove right, else fp32.

    Raises CheckpointNotFound, CheckpointError, EngineError; PrecisionUnavailable if what was asked for is wrong.
    """
    source = find_weights(checkpoint)
    if precision == "fp32" or (precision == "auto" and not kind.has_half()):
        return _start_exact(source, kind, threads)
    weights = half_weights(source, kind)
    try:
        check(weights, kind, threads)
    except OutOfMemory:
        raise
    except EngineError as wrong:
        if precision != "auto":
            raise
        log.warning("falling back to fp32", extra={"error": str(wrong), "fix": "none needed; --precision fp32 says so"})
        return _start_exact(source, kind, threads)
    return Started(kind.start(weights, threads), weights, kind.half.name)


def check_offered(kind: RuntimeKind, precision: Precision) -> None:
    """Raise PrecisionUnavailable if this machine does not compute in what was asked."""
    if precision in ("auto", "fp32"):
        return
    if precision != kind.half.name:
        raise PrecisionUnavailable(f"precision {precision}: this device has {kind.half.name} and fp32. Use auto.")
    if not kind.has_half():
        raise PrecisionUnavailable("precision bf16: this processor has no bf16 instructions. Use fp32 or auto.")


def check(weights: Weights, kind: RuntimeKind, threads: int | None) -> None:
    """Raise PrecisionUnavailable if narrow arithmetic is off from float32 arithmetic on the same weights."""
    samples = prepare(_make_speech(), Style()).samples
    samples = samples[span_of(0, feature_count(samples.size))]
    encoders = {_list_widths(weights, prefix): prefix for prefix in (EMOTION, CONTENT)}
    error = max(
        _measure_error(weights.shallow(prefix, _LAYERS), samples, kind, threads) for prefix in encoders.values()
    )
    name = kind.half.name
    if not error <= LARGEST_ERROR:
        raise PrecisionUnavailable(
            f"precision {name}: wrong on this machine by {error:.0%} of how much the answer moves, where "
            f"{LARGEST_ERROR:.0%} is allowed. Use fp32 or auto."
        )
    log.debug("precision checked", extra={"precision": name, "error": f"{error:.2%}"})


def half_weights(source: UsedTensors, kind: RuntimeKind) -> Weights:
    """The narrow weights: bfloat16 has a converted file, float16 goes to the device and needs no copy on disk."""
    return narrow_weights(source) if kind.half is BF16 else narrow_network(source.read(), kind.half)


def narrow_weights(source: UsedTensors) -> Weights:
    """From the converted file beside the checkpoint if it matches, else converted now into a file without a name."""
    path = converted.converted_path(source.checkpoint.path)
    try:
        weights = converted.open_converted(source, path)
    except FileNotFoundError:
        log.info("no converted file", extra={"path": str(path), "fix": "none needed; emotalk convert writes it"})
    except (CheckpointError, OSError) as error:
        log.warning("converted file ignored", extra={"error": str(error), "fix": "emotalk convert writes it again"})
    else:
        log.info("converted file", extra={"path": str(path)})
        return weights
    return _convert_now(source)


def _convert_now(source: UsedTensors) -> Weights:
    """In a file and not in memory, so that the system can drop the pages once the runtime has packed its own."""
    try:
        with tempfile.TemporaryFile() as file:
            converted.write(source, file)
            return converted.read(source, file)
    except OSError as error:
        fix = "make room in the temporary folder, or write the file once with emotalk convert"
        log.warning("converting in memory", extra={"error": str(error), "fix": fix})
        return narrow_network(source.read())


def _start_exact(source: UsedTensors, kind: RuntimeKind, threads: int | None) -> Started:
    weights = source.read()
    return Started(kind.start(weights, threads), weights, "fp32")


def _measure_error(encoder: Weights, samples: Floats, kind: RuntimeKind, threads: int | None) -> float:
    exact, answer = (kind.probe(each, samples, threads) for each in (widen_network(encoder), encoder))
    movement = np.sqrt(np.square(exact - exact.mean(0)).mean())
    return float(np.sqrt(np.square(answer - exact).mean()) / movement)


def _list_widths(weights: Weights, prefix: str) -> tuple[tuple[int, ...], ...]:
    """Encoders of the same widths run on the same kernels."""
    return tuple(x.shape for name, x in sorted(weights.shallow(prefix, _LAYERS).tensors.items()))


def _make_speech() -> Pcm:
    """Syllables of a wandering tone in a little noise: something that makes every channel move."""
    t = np.arange(int(_SECONDS * SAMPLE_RATE)) / SAMPLE_RATE
    tone = sum(np.sin(2 * np.pi * k * (120 * t + 6 * np.sin(3 * t))) / k for k in range(1, 16))
    noise = np.sin(1e4 * np.square(np.arange(t.size) % 641))
    return np.asarray(0.2 * tone * np.clip(np.sin(20 * t), 0, 1) + 0.02 * noise, np.float32)
