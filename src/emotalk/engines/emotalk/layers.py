"""The building blocks of the graph, on rows: every activation is [time, width].

A weight decides the precision that it is multiplied in: a layer with a bfloat16 weight narrows what comes in and
answers in bfloat16; norms and sums widen again. The graph says all of this itself, so that OpenVINO (told to use f32)
has nothing to choose: its own bfloat16 mode narrows what it likes, and has a kernel that is silently wrong.

Only this file, `network.py` and `runtime.py` import OpenVINO, and the engine imports them when it is built.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from openvino import Node, Shape, Tensor, Type
from openvino import opset13 as op

from emotalk.engines.emotalk.narrow import narrow
from emotalk.engines.emotalk.weights import Weights

LAYER_NORM_EPS = 1e-5
_SHARED_FROM = 4096
_END = np.iinfo(np.int64).max


def constant(values: NDArray[Any]) -> Node:
    """A constant; a large one is not copied, so that the weights stay in the mapped file.

    uint16 is bfloat16. Such values must be a tensor of Weights, which lives on: OpenVINO keeps no hold of their memory.
    """
    contiguous = np.ascontiguousarray(values)
    if contiguous.dtype == np.uint16:
        return op.constant(_bfloat16(contiguous), shared_memory=contiguous is values)
    return op.constant(contiguous, shared_memory=contiguous.size >= _SHARED_FROM)


def copied(values: NDArray[Any]) -> Node:
    """A constant with a memory of its own, for what was computed from weights."""
    contiguous = np.ascontiguousarray(values)
    return op.constant(_bfloat16(contiguous) if contiguous.dtype == np.uint16 else contiguous, shared_memory=False)


def _bfloat16(bits: NDArray[np.uint16]) -> Tensor:
    return Tensor(bits, Shape(bits.shape), Type.bf16)


def integers(*values: int) -> Node:
    """A constant int64 vector."""
    return op.constant(np.array(values, np.int64))


def rows(x: Node) -> Node:
    """How many rows x has, int64 [1]."""
    return op.gather(op.shape_of(x, "i64"), integers(0), integers(0))


def wide(x: Node) -> Node:
    """x in float32."""
    return x if x.get_element_type() == Type.f32 else op.convert(x, "f32")


def like(x: Node, weight: Node) -> Node:
    """x in the precision of a weight."""
    kind = weight.get_element_type()
    return x if x.get_element_type() == kind else op.convert(x, kind)


def affine(x: Node, weight: Node, bias: NDArray[np.float32]) -> Node:
    """x [t, i] · weightᵀ + bias, weight [o, i] → [t, o], in the weight's precision."""
    product = op.matmul(like(x, weight), weight, False, True)
    narrowed = weight.get_element_type() == Type.bf16
    return op.add(product, copied(narrow(bias)[None]) if narrowed else constant(bias[None]))


def linear(x: Node, weights: Weights, name: str) -> Node:
    """The linear layer `name`, [t, i] → [t, o]."""
    return affine(x, constant(weights[f"{name}.weight"]), weights[f"{name}.bias"])


def layer_norm(x: Node, weights: Weights, name: str) -> Node:
    """Layer norm over the width, in float32."""
    normal = op.mvn(wide(x), integers(-1), True, LAYER_NORM_EPS, "INSIDE_SQRT")
    scaled = op.multiply(normal, constant(weights[f"{name}.weight"][None]))
    return op.add(scaled, constant(weights[f"{name}.bias"][None]))


def gelu(x: Node) -> Node:
    """GELU, the exact one."""
    return op.gelu(x, "erf")


def strided_conv(x: Node, weight: NDArray[Any], bias: NDArray[np.float32], stride: int) -> Node:
    """A convolution along time, weight [o, i, k], as one matmul over the k taps of each window.

    x must have exactly the rows that its windows see. As a Convolution op it costs half as much again: OpenVINO
    transposes in and out of its own layout.
    """
    matrix = copied(weight.transpose(0, 2, 1).reshape(weight.shape[0], -1))
    taps = _taps(like(x, matrix), weight.shape[2], stride)
    return affine(taps[0] if len(taps) == 1 else op.concat(taps, 1), matrix, bias)


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


def resample(x: Node, positions: Node) -> Node:
    """Linear interpolation along time: row p of the result is x at positions[p] ∈ [0, rows − 1]."""
    last = op.subtract(op.convert(rows(x), "f32"), op.constant(np.ones(1, np.float32)))
    below = op.minimum(op.floor(positions), last)
    above = op.minimum(op.add(below, op.constant(np.ones(1, np.float32))), last)
    lower, upper = _take(x, below), _take(x, above)
    weight = op.unsqueeze(op.subtract(positions, below), integers(1))
    return op.add(lower, op.multiply(op.subtract(upper, lower), weight))


def _take(x: Node, places: Node) -> Node:
    return op.gather(x, op.convert(places, "i32"), integers(0))


def attention(queries: Node, keys: Node, values: Node, heads: int, bias: Node | None = None) -> Node:
    """Scaled dot-product attention of [t, width]; `bias` [1, heads, t, t] is added to the scores."""
    split = [_split_heads(x, heads) for x in (queries, keys, values)]
    mixed = op.scaled_dot_product_attention(*split, bias) if bias is not None else _unbiased(*split)
    return op.reshape(op.transpose(mixed, integers(0, 2, 1, 3)), _like(queries), False)


def _unbiased(queries: Node, keys: Node, values: Node) -> Node:
    if queries.get_element_type() == Type.f32:
        return op.scaled_dot_product_attention(queries, keys, values, causal=False)
    # The same, spelled out: OpenVINO then spares a transposed copy of the keys. 1/8 and 1/4 are exact in bfloat16.
    scale = np.array([queries.get_output_partial_shape(0)[3].get_length() ** -0.5], np.float32)
    scores = op.matmul(op.multiply(queries, copied(narrow(scale))), keys, False, True)
    return op.matmul(op.softmax(scores, -1), values, False, False)


def _split_heads(x: Node, heads: int) -> Node:
    width = x.get_output_partial_shape(0)[1].get_length()
    return op.transpose(op.reshape(x, integers(1, -1, heads, width // heads), False), integers(0, 2, 1, 3))


def _like(x: Node) -> Node:
    return integers(-1, x.get_output_partial_shape(0)[1].get_length())
