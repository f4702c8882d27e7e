"""What runs the network, by device. A device that gets a runtime of its own is added to the table here.

Why so: docs/decisions/0014.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Protocol

from emotalk.engines.base import Device
from emotalk.engines.emotalk.gpu import list_gpus
from emotalk.engines.emotalk.narrow import BF16, FP16, Half
from emotalk.engines.emotalk.weights import Weights
from emotalk.engines.emotalk.window import Floats, WindowInputs
from emotalk.errors import DeviceUnavailable
from emotalk.extras import how_to_install, pip_install
from emotalk.face import Frames


class Runtime(Protocol):
    """The network on one kind of device. `identity`: what decides the last bits, bar weights and processor.

    `batch_seconds` of sound are best animated at once, as windows of one length; 0 where windows gain nothing by it.
    `reads_weights` says that it computes with the weights where they lie, and has no copy of its own.
    """

    device: str
    identity: str
    batch_seconds: float
    reads_weights: bool

    def infer(self, window: WindowInputs) -> Frames:
        """Raw blendshapes float32 [frames, 52]. Raises EngineError, OutOfMemory."""
        ...

    def infer_batch(self, windows: Sequence[WindowInputs]) -> list[Frames]:
        """The same for windows of one length and style."""
        ...


Start = Callable[[Weights, int | None], Runtime]
Probe = Callable[[Weights, Floats, int | None], Floats]


@dataclass(frozen=True)
class RuntimeKind:
    """`start` makes the runtime of some weights, on so many threads; `probe` computes a part of the network once.

    `half` is what it computes a narrow weight in, and `has_half` tells whether that is faster here than float32. It may
    be wrong all the same: `precision.py` checks before it believes. `missing` says why the kind cannot be used here.
    """

    start: Start
    probe: Probe
    half: Half
    has_half: Callable[[], bool]
    missing: Callable[[], str] = lambda: ""


def choose_runtime(device: Device, kinds: Mapping[Device, RuntimeKind]) -> RuntimeKind:
    """The kind that a device means; auto is CUDA where it can be used, else the CPU. Raises DeviceUnavailable."""
    if device == "auto":
        device = "cpu" if kinds["cuda"].missing() else "cuda"
    if problem := kinds[device].missing():
        raise DeviceUnavailable(f"device {device}: {problem}")
    return kinds[device]


def _find_openvino_problem() -> str:
    return "" if find_spec("openvino") else f"OpenVINO is not installed. Install it: {how_to_install('emotalk')}"


def _start_openvino(weights: Weights, threads: int | None) -> Runtime:
    from emotalk.engines.emotalk.openvino_runtime import OpenVinoRuntime

    return OpenVinoRuntime(weights, threads)


def _probe_openvino(encoder: Weights, samples: Floats, threads: int | None) -> Floats:
    from emotalk.engines.emotalk.openvino_runtime import probe

    return probe(encoder, samples, threads)


def _has_openvino_bf16() -> bool:
    from emotalk.engines.emotalk.openvino_runtime import has_bf16

    return has_bf16()


def _find_cuda_problem() -> str:
    """Cheapest first: most machines have no GPU, and need not load a runtime to know it."""
    if not list_gpus():
        return "no NVIDIA GPU answers on this machine. Use --device cpu or --device auto"
    try:
        from emotalk.engines.emotalk.onnx_runtime import offers_cuda
    except ImportError:
        return f"the extra is not installed. Install it: {_install_cuda()}"
    return "" if offers_cuda() else f"this onnxruntime is the CPU's. Put CUDA's over it: {_install_cuda()}"


def _start_cuda(weights: Weights, threads: int | None) -> Runtime:
    from emotalk.engines.emotalk.onnx_runtime import CUDA, OnnxRuntime

    return OnnxRuntime(weights, CUDA)


def _probe_cuda(encoder: Weights, samples: Floats, threads: int | None) -> Floats:
    from emotalk.engines.emotalk.onnx_runtime import CUDA, probe

    return probe(encoder, samples, CUDA)


def _install_cuda() -> str:
    over_the_other = pip_install("--force-reinstall", "--no-deps", "onnxruntime-gpu")
    return f"{how_to_install('cuda')} && {over_the_other}"


_OPENVINO = RuntimeKind(_start_openvino, _probe_openvino, BF16, _has_openvino_bf16, _find_openvino_problem)
_CUDA = RuntimeKind(_start_cuda, _probe_cuda, FP16, lambda: True, _find_cuda_problem)

RUNTIMES: Mapping[Device, RuntimeKind] = {"cpu": _OPENVINO, "cuda": _CUDA}
