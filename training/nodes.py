"""A graph written node by node: operators, weights, and what is kept from one call to the next."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

OURS = "com.microsoft"
"""The operators that ONNX Runtime has beside the standard's: fused ones."""
END = int(np.iinfo(np.int64).max)

Array = NDArray[Any]


@dataclass
class Kept:
    """A piece of the state: what the call before left under `before` is replaced by `after`."""

    before: str
    shape: tuple[int, ...]
    after: str = ""

    @property
    def size(self) -> int:
        """Values of one stream."""
        return math.prod(self.shape)


class Nodes:
    """A graph on its way."""

    def __init__(self) -> None:
        self._nodes: list[onnx.NodeProto] = []
        self._constants: dict[str, Array] = {}
        self._kept: list[Kept] = []

    def op(self, kind: str, *inputs: str, domain: str = "", **attributes: Any) -> str:
        """Add a node with one output; return its name."""
        return self.ops(kind, 1, *inputs, domain=domain, **attributes)[0]

    def ops(self, kind: str, outputs: int, *inputs: str, domain: str = "", **attributes: Any) -> list[str]:
        """Add a node with several outputs; return their names."""
        names = [f"{kind}_{len(self._nodes)}_{i}" for i in range(outputs)]
        self._nodes.append(helper.make_node(kind, list(inputs), names, domain=domain, **attributes))
        return names

    def weight(self, values: Array | float) -> str:
        """A constant in 32 bits."""
        return self._constant(np.ascontiguousarray(values, np.float32))

    def integers(self, *values: int) -> str:
        """A constant [n]."""
        return self._constant(np.array(values, np.int64))

    def _constant(self, array: Array) -> str:
        name = f"constant_{len(self._constants)}"
        self._constants[name] = array
        return name

    def keep(self, *shape: int) -> Kept:
        """A new piece of the state, zeros before the first call."""
        self._kept.append(Kept(f"before_{len(self._kept)}", shape))
        return self._kept[-1]

    def cut(self, x: str, start: int, stop: int = END, axis: int = 1, step: int = 1) -> str:
        """Part of an axis."""
        return self.op("Slice", x, *(self.integers(each) for each in (start, stop, axis, step)))

    def split(self, x: str, *sizes: int, axis: int) -> list[str]:
        """Cut into pieces of these sizes."""
        return self.ops("Split", len(sizes), x, self.integers(*sizes), axis=axis)

    def joined(self, *parts: str, axis: int) -> str:
        """One behind the other."""
        return self.op("Concat", *parts, axis=axis)

    def shaped(self, x: str, *shape: int) -> str:
        """Reshaped: 0 is as it was, -1 the rest."""
        return self.op("Reshape", x, self.integers(*shape))

    def linear(self, x: str, weight: Array, bias: Array | None = None) -> str:
        """[n, a] → [n, b]; the weight [b, a], as torch has it."""
        return self.op("Gemm", x, self.weight(weight.T), *([] if bias is None else [self.weight(bias)]))

    def normal(self, x: str, scale: Array, shift: Array) -> str:
        """A layer norm over the last axis."""
        return self.op("LayerNormalization", x, self.weight(scale), self.weight(shift), axis=-1, epsilon=1e-5)

    def added(self, x: str, more: str, scale: Array, shift: Array) -> tuple[str, str]:
        """The sum, and its layer norm, in one operator."""
        inputs = x, more, self.weight(scale), self.weight(shift)
        normal, _, _, total = self.ops("SkipLayerNormalization", 4, *inputs, domain=OURS, epsilon=1e-5)
        self._nodes[-1].output[1] = self._nodes[-1].output[2] = ""
        return total, normal

    def silu(self, x: str) -> str:
        """x · sigmoid(x)."""
        return self.op("QuickGelu", x, domain=OURS, alpha=1.0)

    def model(self, outputs: dict[str, tuple[str, Sequence[int | str]]]) -> onnx.ModelProto:
        """The graph: sound [batch, samples] and state [batch, n] → these outputs (node, shape) and the state after."""
        sizes = [kept.size for kept in self._kept]
        after = self.joined(*(self.shaped(kept.after, 0, kept.size) for kept in self._kept), axis=1)
        opening = self._opened(sizes)
        ends = {**outputs, "state_after": (after, [sum(sizes)])}
        naming = [helper.make_node("Identity", [node], [name]) for name, (node, _) in ends.items()]
        graph = helper.make_graph(
            [*opening, *self._nodes, *naming],
            "stream",
            [_tensor("sound", ["samples"]), _tensor("state", [sum(sizes)])],
            [_tensor(name, shape) for name, (_, shape) in ends.items()],
            [numpy_helper.from_array(array, name) for name, array in self._constants.items()],
        )
        opsets = [helper.make_opsetid("", 17), helper.make_opsetid(OURS, 1)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=8)

    def _opened(self, sizes: list[int]) -> list[onnx.NodeProto]:
        """The state in its pieces."""
        flat = [f"{kept.before}_flat" for kept in self._kept]
        nodes = [helper.make_node("Split", ["state", self.integers(*sizes)], flat, axis=1)]
        for name, kept in zip(flat, self._kept, strict=True):
            nodes.append(helper.make_node("Reshape", [name, self.integers(0, *kept.shape)], [kept.before]))
        return nodes


def _tensor(name: str, shape: Sequence[int | str]) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", *shape])
