"""The network's words as ONNX operations; every activation is [windows, time, width].

Standard operations of opset 20, and one of ONNX Runtime's own: MultiHeadAttention, which is flash attention where CUDA
has it. Large weights are not part of the model: a runtime gets them by name, in memory.

Only this file and `onnx_runtime.py` import onnx, and the engine imports them when it is built.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from onnx import GraphProto, ModelProto, NodeProto, TensorProto, ValueInfoProto, helper, numpy_helper

from emotalk.engines.emotalk.checkpoint import Array
from emotalk.engines.emotalk.layers import LAYER_NORM_EPS
from emotalk.engines.emotalk.weights import Weights

_OPSETS = [helper.make_opsetid("", 20), helper.make_opsetid("com.microsoft", 1)]
_IR_VERSION = 10
_SHARED_FROM = 4096
_END = np.iinfo(np.int64).max


class Rows(NamedTuple):
    """A value of the graph: its name, the width of its rows, and whether they are of 16 bits."""

    name: str
    width: int
    half: bool = False


class OnnxLayers:
    """Builds one graph; `weights` are the arrays that it must be handed with the model."""

    def __init__(self) -> None:
        self.weights: dict[str, NDArray[Any]] = {}
        self._nodes: list[NodeProto] = []
        self._inputs: list[ValueInfoProto] = []
        self._constants: dict[str, TensorProto] = {}

    def input(self, name: str, shape: list[int | str], kind: int = TensorProto.FLOAT) -> Rows:
        """An input of the graph; a text names a length that is open."""
        self._inputs.append(helper.make_tensor_value_info(name, kind, shape))
        return Rows(name, 1)

    def model(self, answers: dict[str, Rows]) -> ModelProto:
        """The model that answers these values in float32, under these names."""
        outputs = []
        for name, x in answers.items():
            self._nodes.append(helper.make_node("Identity", [self.wide(x).name], [name]))
            outputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, None))
        constants = list(self._constants.values())
        graph: GraphProto = helper.make_graph(self._nodes, "emotalk", self._inputs, outputs, constants)
        return helper.make_model(graph, opset_imports=_OPSETS, ir_version=_IR_VERSION)

    def column(self, samples: Rows) -> Rows:
        """[b, n] → [b, n, 1]."""
        return Rows(self._node("Unsqueeze", samples, self._integers(2)), 1)

    def wide(self, x: Rows) -> Rows:
        """x in float32."""
        return self._cast(x, half=False)

    def linear(self, x: Rows, weights: Weights, name: str) -> Rows:
        """The linear layer `name`, [b, t, i] → [b, t, o]."""
        return self.affine(x, weights[f"{name}.weight"], weights[f"{name}.bias"])

    def affine(self, x: Rows, weight: NDArray[Any], bias: Array) -> Rows:
        """x · weightᵀ + bias, weight [o, i]."""
        half = weight.dtype == np.float16
        product = self._node("MatMul", self._cast(x, half), self._constant(weight.T))
        return Rows(self._node("Add", product, self._constant(bias.astype(weight.dtype))), weight.shape[0], half)

    def layer_norm(self, x: Rows, weights: Weights, name: str) -> Rows:
        """Layer norm over the width, in float32."""
        affine = (self._constant(weights[f"{name}.{part}"]) for part in ("weight", "bias"))
        normal = self._node("LayerNormalization", self.wide(x), *affine, axis=-1, epsilon=LAYER_NORM_EPS)
        return Rows(normal, x.width)

    def gelu(self, x: Rows) -> Rows:
        """GELU, the exact one."""
        return x._replace(name=self._node("Gelu", x))

    def relu(self, x: Rows) -> Rows:
        """max(x, 0)."""
        return x._replace(name=self._node("Relu", x))

    def add(self, x: Rows, y: Rows) -> Rows:
        """x + y."""
        return x._replace(name=self._node("Add", x, y))

    def side_by_side(self, parts: list[Rows]) -> Rows:
        """[b, t, a], [b, t, c], … → [b, t, a + c + …]."""
        return Rows(self._node("Concat", *parts, axis=2), sum(part.width for part in parts), parts[0].half)

    def strided_conv(self, x: Rows, weight: NDArray[Any], bias: Array, stride: int) -> Rows:
        """A convolution along time, weight [o, i, k], as one product over the k taps of each window."""
        matrix = weight.transpose(0, 2, 1).reshape(weight.shape[0], -1)
        return self.affine(self._taps(self._cast(x, weight.dtype == np.float16), weight.shape[2], stride), matrix, bias)

    def positional_conv(self, x: Rows, weight: Array, bias: Array) -> Rows:
        """A grouped convolution along time, weight [g, o / g, i / g, k]."""
        groups, _, per_group, kernel = weight.shape
        flat = self._constant(weight.reshape(-1, per_group, kernel))
        pads = [kernel // 2, kernel // 2 - 1]
        columns = self._node("Transpose", x, perm=[0, 2, 1])
        mixed = self._node("Conv", columns, flat, self._constant(bias), group=groups, pads=pads)
        return Rows(self._node("Transpose", mixed, perm=[0, 2, 1]), weight.shape[0] * weight.shape[1])

    def resample(self, x: Rows, positions: Rows) -> Rows:
        """Row p of each window is x at positions[p]."""
        one = self._constant(np.ones(1, np.float32))
        last = self._node("Sub", self._node("Cast", self._rows(x), to=TensorProto.FLOAT), one)
        below = self._node("Min", self._node("Floor", positions), last)
        above = self._node("Min", self._node("Add", below, one), last)
        lower, upper = self._take(x, below), self._take(x, above)
        weight = self._node("Unsqueeze", self._node("Sub", positions, below), self._integers(1))
        return x._replace(name=self._node("Add", lower, self._node("Mul", self._node("Sub", upper, lower), weight)))

    def attention(self, queries: Rows, keys: Rows, values: Rows, heads: int, bias: Rows | None = None) -> Rows:
        """Scaled dot-product attention; `bias` [1, heads, t, t] is added to the scores."""
        inputs = [queries, keys, values] if bias is None else [queries, keys, values, "", "", bias]
        mixed = self._node("MultiHeadAttention", *inputs, domain="com.microsoft", num_heads=heads)
        return queries._replace(name=mixed)

    def per_head(self, distance: Rows, slopes: Array) -> Rows:
        """[1, 1, t, t] → [1, heads, t, t]."""
        return Rows(self._node("Mul", distance, self._constant(slopes.reshape(1, -1, 1, 1))), 0)

    def row(self, table: Array, index: Rows) -> Rows:
        """Row `index` [1] of a table [r, w] → [1, w]."""
        return Rows(self._node("Gather", self._constant(table), index, axis=0), table.shape[1])

    def for_every_row(self, row: Rows, x: Rows) -> Rows:
        """[1, w] repeated for each row of each window of x."""
        windows = self._node("Shape", x, start=0, end=2)
        shape = self._node("Concat", windows, self._integers(row.width), axis=0)
        return row._replace(name=self._node("Expand", row, shape))

    def _taps(self, x: Rows, kernel: int, stride: int) -> Rows:
        """What each window of the convolution sees, side by side; drawn in `openvino_layers.py`."""
        whole, rest = divmod(kernel, stride)
        even = self._from(x.name, 0, -rest or _END)
        blocks = self._node("Reshape", even, self._integers(0, -1, stride * x.width))
        strides = [self._from(blocks, i, i + 1 - whole or _END) for i in range(whole)]
        odd = [self._from(x.name, tap, tap + 1 - kernel or _END, stride) for tap in range(whole * stride, kernel)]
        return Rows(self._node("Concat", *strides, *odd, axis=2), kernel * x.width, x.half)

    def _from(self, x: str, first: int, end: int, step: int = 1) -> str:
        if (first, end, step) == (0, _END, 1):
            return x
        return self._node("Slice", x, *(self._integers(number) for number in (first, end, 1, step)))

    def _take(self, x: Rows, places: str) -> str:
        return self._node("Gather", x, self._node("Cast", places, to=TensorProto.INT32), axis=1)

    def _rows(self, x: Rows) -> str:
        return self._node("Shape", x, start=1, end=2)

    def _cast(self, x: Rows, half: bool) -> Rows:
        if x.half == half:
            return x
        kind = TensorProto.FLOAT16 if half else TensorProto.FLOAT
        return x._replace(name=self._node("Cast", x, to=kind), half=half)

    def _node(self, kind: str, *inputs: Rows | str, domain: str = "", **attributes: Any) -> str:
        name = f"{kind}_{len(self._nodes)}"
        names = [x.name if isinstance(x, Rows) else x for x in inputs]
        self._nodes.append(helper.make_node(kind, names, [name], name=name, domain=domain, **attributes))
        return name

    def _integers(self, *values: int) -> str:
        return self._constant(np.array(values, np.int64))

    def _constant(self, values: NDArray[Any]) -> str:
        """A small one lies in the model, a large one beside it; equal small ones are one."""
        small = values.size < _SHARED_FROM
        name = f"{values.dtype}{list(values.shape)}{values.tobytes().hex()}" if small else f"weight_{len(self.weights)}"
        if name not in self._constants:
            self._constants[name] = numpy_helper.from_array(values, name) if small else self._beside(name, values)
        return name

    def _beside(self, name: str, values: NDArray[Any]) -> TensorProto:
        self.weights[name] = np.ascontiguousarray(values)
        tensor = TensorProto(
            name=name,
            data_type=helper.np_dtype_to_tensor_dtype(values.dtype),
            dims=values.shape,
            data_location=TensorProto.EXTERNAL,
        )
        tensor.external_data.add(key="location", value="memory")
        return tensor
