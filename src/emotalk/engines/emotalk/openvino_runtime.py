"""OpenVINO on the CPU: two graphs compiled once, asked one window at a time.

Chosen over torch by measurement: faster here, and 253 MB installed against 6 GB.
"""

import platform
from collections.abc import Sequence
from pathlib import Path
from threading import Lock

import numpy as np

from emotalk.engines.emotalk.failures import to_engine_error
from emotalk.engines.emotalk.network import Inputs, Network
from emotalk.engines.emotalk.openvino_layers import OpenVinoLayers
from emotalk.engines.emotalk.weights import CONTENT, EMOTION, Weights
from emotalk.engines.emotalk.window import Floats, WindowInputs, feature_count, span_of
from emotalk.engines.quiet_openvino import openvino
from emotalk.face import Frames

_DEVICE = "CPU"
_TILE = 100
"""Rows of features made at once: 2 s of sound."""

_CPUINFO = Path("/proc/cpuinfo")


class OpenVinoRuntime:
    """The compiled network. Keeps the weights: the graphs point into them."""

    device = "cpu"
    batch_seconds = 0.0

    def __init__(self, weights: Weights, threads: int | None = None) -> None:
        self._weights = weights
        self._lock = Lock()
        core = openvino.Core()
        try:
            self._features = core.compile_model(build_features(weights), _DEVICE, _list_options(threads))
            layers = OpenVinoLayers(_reads_in_place(weights))
            face = core.compile_model(build_face(layers, weights), _DEVICE, _list_options(threads))
            self._tile, self._request = self._features.create_infer_request(), face.create_infer_request()
            for name, matrix in layers.lent.items():
                self._request.set_tensor(name, matrix)
            self.reads_weights = bool(layers.lent)
            self.identity = _describe(face)
        except (RuntimeError, MemoryError) as error:
            raise to_engine_error(error) from error

    def infer(self, window: WindowInputs) -> Frames:
        """Raw blendshapes float32 [frames, 52]. Raises EngineError, OutOfMemory."""
        try:
            # Two windows at a time would only fight for the same cores.
            with self._lock:
                content, emotion = self._extract(window.samples)
                inputs = {"content_features": content, "emotion_features": emotion, **window.beside_samples()}
                self._request.infer(inputs, share_inputs=True)
                return np.array(self._request.get_output_tensor(0).data, np.float32)
        except (RuntimeError, MemoryError) as error:
            raise to_engine_error(error) from error

    def infer_batch(self, windows: Sequence[WindowInputs]) -> list[Frames]:
        """One after the other: the cores have no more to give."""
        return [self.infer(window) for window in windows]

    def _extract(self, samples: Floats) -> list[Floats]:
        """Both encoders' features, tile by tile; the last tile reaches back, so that all are of one length.

        The first convolution makes 7 MB of every second of sound, and its norm as much again: of a whole window that
        would be half a gigabyte. And a length that is new to the graph costs time, so most windows should bring none.
        """
        rows = feature_count(samples.size)
        tile = min(rows, _TILE)
        features = [
            np.empty((rows, output.partial_shape[1].get_length()), np.float32) for output in self._features.outputs
        ]
        for first in [*range(0, rows - tile, tile), rows - tile]:
            self._tile.infer({"samples": samples[span_of(first, tile)]}, share_inputs=True)
            for i, whole in enumerate(features):
                whole[first : first + tile] = self._tile.get_output_tensor(i).data
        return features


def probe(encoder: Weights, samples: Floats, threads: int | None = None) -> Floats:
    """What an encoder's first layers make of normalised samples, float32 [rows, width]: see `Network.probe`."""
    layers = OpenVinoLayers(_reads_in_place(encoder))
    answer = Network(layers, encoder).probe(layers.input("samples", [-1]))
    try:
        model = openvino.Model([answer], layers.inputs, "probe")
        request = openvino.Core().compile_model(model, _DEVICE, _list_options(threads)).create_infer_request()
        for name, matrix in layers.lent.items():
            request.set_tensor(name, matrix)
        request.infer({"samples": samples}, share_inputs=True)
        return np.array(request.get_output_tensor(0).data, np.float32)
    except (RuntimeError, MemoryError) as error:
        raise to_engine_error(error) from error


def build_features(weights: Weights) -> openvino.Model:
    """Normalised samples [n] → the features of both encoders, [rows, width] each."""
    layers = OpenVinoLayers()
    features = Network(layers, weights).features(layers.input("samples", [-1]))
    return openvino.Model(features, layers.inputs, "features")


def build_face(layers: OpenVinoLayers, weights: Weights) -> openvino.Model:
    """Features and style → raw blendshapes [frames, 52]."""
    widths = (weights[f"{encoder}feature_projection.layer_norm.weight"].size for encoder in (CONTENT, EMOTION))
    shapes = {f"{kind}_features": [-1, width] for kind, width in zip(("content", "emotion"), widths, strict=True)}
    shapes |= {"distance": [1, 1, -1, -1], "level": [1], "person": [1]}
    kinds = {"level": np.int32, "person": np.int32}
    inputs = (layers.input(name, shapes.get(name, [-1]), kinds.get(name, np.float32)) for name in Inputs._fields)
    return openvino.Model([Network(layers, weights).face(Inputs(*inputs))], layers.inputs, "face")


def _reads_in_place(weights: Weights) -> bool:
    """Whether matrices are computed with where they lie in the file, rather than packed by OpenVINO.

    Not with AMX in 16 bits: it computes so fast that laying them out for each window would take a good part of the
    time. And only where it was measured: elsewhere OpenVINO has other kernels.
    """
    fast = weights.half and "amx" in _read_instruction_set()
    return platform.machine() in ("x86_64", "AMD64") and not fast


def has_bf16() -> bool:
    """Whether OpenVINO finds instructions for bfloat16 here: AMX or AVX512 on x86, their like on ARM."""
    return "BF16" in openvino.Core().get_property(_DEVICE, "OPTIMIZATION_CAPABILITIES")


_KERNELS = 64
"""Kernels that are kept for lengths that were seen. By default 5000 are, and each new length of a clip adds some."""


def _list_options(threads: int | None) -> dict[str, str | int]:
    """f32 even for a narrow network: left alone, or told bf16, OpenVINO narrows more than the graph says."""
    options: dict[str, str | int] = {
        "INFERENCE_PRECISION_HINT": "f32",
        "PERFORMANCE_HINT": "LATENCY",
        "NUM_STREAMS": "1",
        # Two processes that pin would pin to the same cores.
        "ENABLE_CPU_PINNING": False,
        "CPU_RUNTIME_CACHE_CAPACITY": _KERNELS,
    }
    return options | ({} if threads is None else {"INFERENCE_NUM_THREADS": threads})


def _describe(compiled: openvino.CompiledModel) -> str:
    """What may decide the last bits besides weights and processor: OpenVINO's build, and how sums are split.

    The number of threads belongs to it: 25 s on one thread and on two differ in the last bits.
    """
    return f"openvino {openvino.get_version()}; {compiled.get_property('INFERENCE_NUM_THREADS')} threads"


def _read_instruction_set() -> str:
    """The vector instructions, where Linux tells: a virtual machine's processor name may not say what it hides."""
    if not _CPUINFO.exists():
        return ""
    lines = _CPUINFO.read_text(errors="replace").splitlines()
    flags = next((line.split() for line in lines if line.startswith(("flags", "Features"))), [])
    return " ".join(sorted({flag for flag in flags if flag.startswith(("avx", "amx", "fma", "asimd", "sve", "bf16"))}))
