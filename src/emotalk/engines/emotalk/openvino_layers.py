"""The network's words as OpenVINO operations; every activation is [time, width].

OpenVINO is told to use f32 and finds the 16-bit types in the graph: its own bfloat16 mode narrows what it likes, and
has a kernel that is silently wrong.

Only this file and `openvino_runtime.py` need OpenVINO, and the engine imports them when it is built.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from emotalk.engines.emotalk.checkpoint import Array
from emotalk.engines.emotalk.layers import LAYER_NORM_EPS
from emotalk.engines.emotalk.narrow import narrow
from emotalk.engines.emotalk.weights import Weights
from emotalk.engines.quiet_openvino import Node, Shape, Tensor, Type, op

_SHARED_FROM = 4096
_LARGE = 1 << 18
_END = np.iinfo(np.int64).max


class OpenVinoLayers:
    """Builds one graph.

    With `lend`, large matrices are inputs of the graph, computed with where they lie in the mapped file: as constants
    OpenVINO packs each anew, into memory of its own, which takes a second and is hardly faster for it.
    """

    def __init__(self, lend: bool = False) -> None:
        self._lend = lend
        self.lent: dict[str, Tensor] = {}
        self.inputs: list[Node] = []

    def input(self, name: str, shape: list[int], kind: Any = np.float32) -> Node:
        """An input of the graph."""
        parameter = op.parameter(shape, kind, name)
        parameter.output(0).set_names({name})
        self.inputs.append(parameter)
        return parameter

    def column(self, samples: Node) -> Node:
        """[n] → [n, 1]."""
        return op.unsqueeze(samples, integers(1))

    def wide(self, x: Node) -> Node:
        """x in float32."""
        return x if x.get_element_type() == Type.f32 else op.convert(x, "f32")

    def linear(self, x: Node, weights: Weights, name: str) -> Node:
        """The linear layer `name`, [t, i] → [t, o]."""
        weight = weights[f"{name}.weight"]
        lend = self._lend and weight.size >= _LARGE
        matrix = self._borrow(weights.prefix + name, weight) if lend else constant(weight)
        return _affine(x, matrix, weights[f"{name}.bias"])

    def affine(self, x: Node, weight: NDArray[Any], bias: Array) -> Node:
        """x [t, i] · weightᵀ + bias, weight [o, i] → [t, o]."""
        return _affine(x, constant(weight), bias)

    def layer_norm(self, x: Node, weights: Weights, name: str) -> Node:
        """Layer norm over the width, in float32."""
        normal = op.mvn(self.wide(x), integers(-1), True, LAYER_NORM_EPS, "INSIDE_SQRT")
        scaled = op.multiply(normal, constant(weights[f"{name}.weight"][None]))
        return op.add(scaled, constant(weights[f"{name}.bias"][None]))

    def gelu(self, x: Node) -> Node:
        """GELU, the exact one."""
        return op.gelu(x, "erf")

    def relu(self, x: Node) -> Node:
        """max(x, 0)."""
        return op.relu(x)

    def add(self, x: Node, y: Node) -> Node:
        """x + y."""
        return op.add(x, y)

    def side_by_side(self, parts: list[Node]) -> Node:
        """[t, a], [t, b], … → [t, a + b + …]."""
        return op.concat(parts, 1)

    def strided_conv(self, x: Node, weight: NDArray[Any], bias: Array, stride: int) -> Node:
        """A convolution along time, weight [o, i, k], as one matmul over the k taps of each window.

        As a Convolution op it costs half as much again: OpenVINO transposes in and out of its own layout.
        """
        matrix = copy_constant(weight.transpose(0, 2, 1).reshape(weight.shape[0], -1))
        taps = _taps(like(x, matrix), weight.shape[2], stride)
        return _affine(taps[0] if len(taps) == 1 else op.concat(taps, 1), matrix, bias)

    def positional_conv(self, x: Node, weight: Array, bias: Array) -> Node:
        """A grouped convolution along time, weight [g, o / g, i / g, k]."""
        kernel = weight.shape[-1]
        columns = op.unsqueeze(op.transpose(x, integers(1, 0)), integers(0))
        mixed = op.group_convolution(columns, constant(weight), [1], [kernel // 2], [kernel // 2 - 1], [1])
        return op.add(op.transpose(op.squeeze(mixed, integers(0)), integers(1, 0)), constant(bias[None]))

    def resample(self, x: Node, positions: Node) -> Node:
        """Row p of the result is x at positions[p]."""
        last = op.subtract(op.convert(rows(x), "f32"), op.constant(np.ones(1, np.float32)))
        below = op.minimum(op.floor(positions), last)
        above = op.minimum(op.add(below, op.constant(np.ones(1, np.float32))), last)
        lower, upper = _take(x, below), _take(x, above)
        weight = op.unsqueeze(op.subtract(positions, below), integers(1))
        return op.add(lower, op.multiply(op.subtract(upper, lower), weight))

    def attention(self, queries: Node, keys: Node, values: Node, heads: int, bias: Node | None = None) -> Node:
        """Scaled dot-product attention of [t, width]; `bias` [1, heads, t, t] is added to the scores."""
        split = [_split_heads(x, heads) for x in (queries, keys, values)]
        mixed = op.scaled_dot_product_attention(*split, bias) if bias is not None else _unbiased(*split)
        return op.reshape(op.transpose(mixed, integers(0, 2, 1, 3)), _like(queries), False)

    def per_head(self, distance: Node, slopes: Array) -> Node:
        """[1, 1, t, t] → [1, heads, t, t]."""
        return op.multiply(distance, op.constant(slopes.reshape(1, -1, 1, 1)))

    def row(self, table: Array, index: Node) -> Node:
        """Row `index` [1] of a table [r, w] → [1, w]."""
        return op.gather(constant(table), index, integers(0))

    def for_every_row(self, row: Node, x: Node) -> Node:
        """[1, w] repeated for each row of x."""
        return op.broadcast(row, op.concat([rows(x), integers(row.get_output_partial_shape(0)[1].get_length())], 0))

    def _borrow(self, name: str, weight: NDArray[Any]) -> Node:
        self.lent[name] = share_memory(weight)
        # One side is left open: for an input of known size OpenVINO sets memory aside at once.
        return self.input(name, [weight.shape[0], -1], self.lent[name].element_type)


def constant(values: NDArray[Any]) -> Node:
    """A constant; a large one is not copied, so that the weights stay in the mapped file.

    uint16 is bfloat16. Such values must be a tensor of Weights, which lives on: OpenVINO keeps no hold of their memory.
    """
    contiguous = np.ascontiguousarray(values)
    if contiguous.dtype == np.uint16:
        return op.constant(share_memory(contiguous), shared_memory=contiguous is values)
    return op.constant(contiguous, shared_memory=contiguous.size >= _SHARED_FROM)


def copy_constant(values: NDArray[Any]) -> Node:
    """A constant with a memory of its own, for what was computed from weights."""
    contiguous = np.ascontiguousarray(values)
    return op.constant(share_memory(contiguous) if contiguous.dtype == np.uint16 else contiguous, shared_memory=False)


def share_memory(values: NDArray[Any]) -> Tensor:
    """The same memory as a tensor; uint16 is bfloat16. The array must outlive it."""
    if values.dtype == np.uint16:
        return Tensor(values, Shape(values.shape), Type.bf16)
    return Tensor(values, shared_memory=True)


def integers(*values: int) -> Node:
    """A constant int64 vector."""
    return op.constant(np.array(values, np.int64))


def rows(x: Node) -> Node:
    """How many rows x has, int64 [1]."""
    return op.gather(op.shape_of(x, "i64"), integers(0), integers(0))


def like(x: Node, weight: Node) -> Node:
    """x in the precision of a weight."""
    kind = weight.get_element_type()
    return x if x.get_element_type() == kind else op.convert(x, kind)


def _affine(x: Node, weight: Node, bias: Array) -> Node:
    product = op.matmul(like(x, weight), weight, False, True)
    narrowed = weight.get_element_type() == Type.bf16
    return op.add(product, copy_constant(narrow(bias)[None]) if narrowed else constant(bias[None]))


def _taps(x: Node, kernel: int, stride: int) -> list[Node]:
    """What each window sees, side by side. Whole strides need no copy but a look at several rows as one:

    kernel 3, stride 2:   rows 0 1 2 3 4   →   windows 0 1 | 2     taps 0 and 1: pairs of rows
                                                       2 3 | 4     tap 2: every other row
    """
    whole, rest = divmod(kernel, stride)
    width = x.get_output_partial_shape(0)[1].get_length()
    blocks = op.reshape(_rows_from(x, 0, -rest or _END), integers(-1, stride * width), False)
    strides = [_rows_from(blocks, i, i + 1 - whole or _END) for i in range(whole)]
    return strides + [_rows_from(x, tap, tap + 1 - kernel or _END, stride) for tap in range(whole * stride, kernel)]


def _rows_from(x: Node, first: int, end: int, step: int = 1) -> Node:
    if (first, end, step) == (0, _END, 1):
        return x
    return op.slice(x, integers(first), integers(end), integers(step), integers(0))


def _take(x: Node, places: Node) -> Node:
    return op.gather(x, op.convert(places, "i32"), integers(0))


def _unbiased(queries: Node, keys: Node, values: Node) -> Node:
    if queries.get_element_type() == Type.f32:
        return op.scaled_dot_product_attention(queries, keys, values, causal=False)
    # The same, spelled out: OpenVINO then spares a transposed copy of the keys. 1/8 and 1/4 are exact in bfloat16.
    scale = np.array([queries.get_output_partial_shape(0)[3].get_length() ** -0.5], np.float32)
    scores = op.matmul(op.multiply(queries, copy_constant(narrow(scale))), keys, False, True)
    return op.matmul(op.softmax(scores, -1), values, False, False)


def _split_heads(x: Node, heads: int) -> Node:
    width = x.get_output_partial_shape(0)[1].get_length()
    return op.transpose(op.reshape(x, integers(1, -1, heads, width // heads), False), integers(0, 2, 1, 3))


def _like(x: Node) -> Node:
    return integers(-1, x.get_output_partial_shape(0)[1].get_length())
