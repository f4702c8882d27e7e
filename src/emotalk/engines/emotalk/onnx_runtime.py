"""ONNX Runtime: the network as one graph for several windows at once, on CUDA; the CPU runs the same for the tests.

Chosen over torch: it takes 2.5 GB on disk where torch takes 6. Its CPU form is in the base install and computes the
very same graph, so that each line is tested where there is no GPU.

Why so: docs/decisions/0029.
"""

import logging
import sys
from collections.abc import Sequence
from contextlib import redirect_stdout
from threading import Lock
from typing import Any, NamedTuple

import numpy as np
from onnx import TensorProto

from emotalk.engines.emotalk.failures import to_engine_error
from emotalk.engines.emotalk.gpu import list_gpus
from emotalk.engines.emotalk.network import Inputs, Network
from emotalk.engines.emotalk.onnx_layers import OnnxLayers
from emotalk.engines.emotalk.weights import Weights
from emotalk.engines.emotalk.window import Floats, WindowInputs, feature_count, span_of
from emotalk.engines.quiet_onnxruntime import failures, onnxruntime
from emotalk.errors import DeviceUnavailable, OutOfMemory
from emotalk.extras import how_to_install
from emotalk.face import Frames

BATCH_SECONDS = 200.0
"""Eight windows of 25 s: a large GPU is busy with that, and in 16 bits it takes about 4 GB beside the weights."""

_ERRORS = (
    failures.Fail,
    failures.RuntimeException,
    failures.EPFail,
    failures.InvalidArgument,
    failures.InvalidGraph,
    failures.EngineError,
)

log = logging.getLogger(__name__)


class Provider(NamedTuple):
    """One of ONNX Runtime's execution providers, and how it is asked to compute."""

    name: str
    device: str
    options: dict[str, str]


CUDA = Provider(
    "CUDAExecutionProvider",
    "cuda",
    # fp32 is fp32: TF32 would round each product to 10 bits. Memory grows by what is asked for, not by doubling. The
    # default tries every algorithm for each length of window that is new.
    {"use_tf32": "0", "arena_extend_strategy": "kSameAsRequested", "cudnn_conv_algo_search": "HEURISTIC"},
)
CPU = Provider("CPUExecutionProvider", "cpu", {})


class OnnxRuntime:
    """The network on one provider. A batch that does not fit into memory is halved, and later ones are no larger."""

    reads_weights = False

    def __init__(self, weights: Weights, provider: Provider = CPU, threads: int | None = None) -> None:
        self.device = provider.device
        self.batch_seconds = BATCH_SECONDS
        self.identity = _describe(provider)
        self._lock = Lock()
        self._most: int | None = None
        layers = OnnxLayers()
        samples = layers.input("samples", ["windows", "samples"])
        inputs = _make_inputs(layers)
        network = Network(layers, weights)
        answer = network.face(Inputs(*network.features(samples), *inputs))
        self._session = _session(layers, {"face": answer}, provider, threads)

    def infer(self, window: WindowInputs) -> Frames:
        """Raw blendshapes float32 [frames, 52]. Raises EngineError, OutOfMemory."""
        return self.infer_batch([window])[0]

    def infer_batch(self, windows: Sequence[WindowInputs]) -> list[Frames]:
        """The same for windows of one length and style, computed together as far as memory goes."""
        done: list[Frames] = []
        with self._lock:
            while len(done) < len(windows):
                done += self._as_many_as_fit(windows[len(done) :][: self._most])
        return done

    def _as_many_as_fit(self, windows: Sequence[WindowInputs]) -> list[Frames]:
        try:
            return self._run(windows)
        except OutOfMemory:
            if len(windows) == 1:
                raise
            self._most = len(windows) // 2
            log.warning("batch halved", extra={"windows": self._most, "fix": "none needed; more GPU memory is faster"})
            return self._as_many_as_fit(windows[: self._most])

    def _run(self, windows: Sequence[WindowInputs]) -> list[Frames]:
        seen = span_of(0, feature_count(windows[0].samples.size))
        samples = np.stack([window.samples[seen] for window in windows])
        try:
            [frames] = self._session.run(["face"], {"samples": samples, **windows[0].beside_samples()})
        except (*_ERRORS, MemoryError) as error:
            raise to_engine_error(error) from error
        return list(frames)


def probe(encoder: Weights, samples: Floats, provider: Provider = CPU) -> Floats:
    """What an encoder's first layers make of normalised samples, float32 [rows, width]: see `Network.probe`."""
    layers = OnnxLayers()
    answer = Network(layers, encoder).probe(layers.input("samples", ["windows", "samples"]))
    session = _session(layers, {"hidden": answer}, provider, None)
    try:
        [hidden] = session.run(["hidden"], {"samples": samples[None]})
    except (*_ERRORS, MemoryError) as error:
        raise to_engine_error(error) from error
    return np.asarray(hidden[0], np.float32)


def offers_cuda() -> bool:
    """Whether this ONNX Runtime was built for CUDA. Both builds install the same module: the later one stays."""
    return CUDA.name in onnxruntime.get_available_providers()


def _make_inputs(layers: OnnxLayers) -> list[Any]:
    shapes: dict[str, list[int | str]] = {
        "content_positions": ["content"],
        "emotion_positions": ["emotion"],
        "frame_positions": ["frames"],
        "distance": [1, 1, "frames", "frames"],
        "level": [1],
        "person": [1],
    }
    kinds = {"level": TensorProto.INT32, "person": TensorProto.INT32}
    return [layers.input(name, shape, kinds.get(name, TensorProto.FLOAT)) for name, shape in shapes.items()]


def _session(layers: OnnxLayers, answers: dict[str, Any], provider: Provider, threads: int | None) -> Any:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = threads or 0
    model = layers.model(answers)
    values = [onnxruntime.OrtValue.ortvalue_from_numpy(values) for values in layers.weights.values()]
    options.add_external_initializers(list(layers.weights), values)
    if provider is CUDA:
        with redirect_stdout(sys.stderr):  # it prints what it does not find, and standard output is the user's
            onnxruntime.preload_dlls()
    try:
        session = onnxruntime.InferenceSession(
            model.SerializeToString(), options, providers=[(provider.name, provider.options)]
        )
    except (*_ERRORS, MemoryError) as error:
        raise to_engine_error(error) from error
    if session.get_providers()[0] != provider.name:
        # It would compute on the CPU without a word.
        raise DeviceUnavailable(
            f"device {provider.device}: ONNX Runtime cannot start it: CUDA's or cuDNN's libraries are missing or "
            f"newer than the driver. Use --device cpu, or install them: {how_to_install('cuda')}"
        )
    return session


def _describe(provider: Provider) -> str:
    where = list_gpus()[0] if provider is CUDA else "cpu"
    return f"onnxruntime {onnxruntime.__version__}; {provider.name}; {sorted(provider.options.items())}; {where}"
