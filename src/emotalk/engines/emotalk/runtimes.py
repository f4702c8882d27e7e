"""What runs the network, by device. A device that gets a runtime of its own is added to the table here.

For CUDA the choice is ONNX Runtime's provider: the base install has that runtime anyway, and torch would be a second
one of several gigabytes. It is not here yet. It would be a kind of its own, whose `start` builds the network that
`network.py` describes from the same `Weights`; everything above this table stays as it is.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from emotalk.engines.base import Device
from emotalk.engines.emotalk.weights import Weights
from emotalk.engines.emotalk.window import Window
from emotalk.errors import DeviceUnavailable
from emotalk.face import Frames


class Runtime(Protocol):
    """The network on one kind of device. `identity` names all that decides the last bits, bar the weights."""

    device: str
    identity: str

    def infer(self, window: Window) -> Frames:
        """Raw blendshapes float32 [frames, 52]. Raises EngineError, OutOfMemory."""
        ...


Start = Callable[[Weights, int | None], Runtime]


@dataclass(frozen=True)
class RuntimeKind:
    """`start` makes the runtime of some weights, on so many threads; a narrow weight is computed in bfloat16.

    `has_bf16` tells whether this machine's instructions do that faster than float32. It may be wrong all the same:
    `precision.py` checks before it believes.
    """

    start: Start
    has_bf16: Callable[[], bool]


def _start_openvino(weights: Weights, threads: int | None) -> Runtime:
    try:
        from emotalk.engines.emotalk.runtime import OpenVinoRuntime
    except ImportError as error:
        raise _no_openvino() from error
    return OpenVinoRuntime(weights, threads)


def _openvino_has_bf16() -> bool:
    try:
        from emotalk.engines.emotalk.runtime import has_bf16
    except ImportError as error:
        raise _no_openvino() from error
    return has_bf16()


def _no_openvino() -> DeviceUnavailable:
    return DeviceUnavailable('the emotalk engine needs OpenVINO: pip install "emotalk[emotalk]"')


_OPENVINO = RuntimeKind(_start_openvino, _openvino_has_bf16)

RUNTIMES: Mapping[Device, RuntimeKind] = {"auto": _OPENVINO, "cpu": _OPENVINO}
