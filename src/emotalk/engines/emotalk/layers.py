"""The building blocks of the graph, on rows: every activation is [time, width].

Only this file, `network.py` and `runtime.py` import OpenVINO, and the engine imports them when it is built.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from openvino import Node
from openvino import opset13 as op

from emotalk.engines.emotalk.weights import Weights

LAYER_NORM_EPS = 1e-5
_SHARED_FROM = 4096
_END = np.iinfo(np.int64).max


def constant(values: NDArray[Any]) -> Node:
    """A constant; a large one is not copied, so that the weights stay in the mapped file."""
    contiguous = np.ascontiguousarray(values)
    return op.constant(contiguous, shared_memory=contiguous.size >= _SHARED_FROM)


def integers(*values: int) -> Node:
    """A constant int64 vector."""
    return op.constant(np.array(values, np.int64))


def rows(x: Node) -> Node:
    """How many rows x has, int64 [1]."""
    return op.gather(op.shape_of(x, "i64"), integers(0), integers(0))


def matmul(x: Node, weight: NDArray[Any]) -> Node:
    """x [t, i] · weightᵀ, weight [o, i] → [t, o]."""
    return op.matmul(x, constant(weight), False, True)


def affine(x: Node, weight: NDArray[Any], bias: NDArray[Any]) -> Node:
    """x · weightᵀ + bias."""
    return op.add(matmul(x, weight), constant(bias[None]))


def linear(x: Node, weights: Weights, name: str) -> Node:
    """The linear layer `name`, [t, i] → [t, o]."""
    return affine(x, weights[f"{name}.weight"], weights[f"{name}.bias"])


def layer_norm(x: Node, weights: Weights, name: str) -> Node:
    """Layer norm over the width."""
    normal = op.mvn(x, integers(-1), True, LAYER_NORM_EPS, "INSIDE_SQRT")
    scaled = op.multiply(normal, constant(weights[f"{name}.weight"][None]))
    return op.add(scaled, constant(weights[f"{name}.bias"][None]))


def gelu(x: Node) -> Node:
    """GELU, the exact one."""
    return op.gelu(x, "erf")


def strided_conv(x: Node, weight: NDArray[Any], bias: NDArray[Any], stride: int) -> Node:
    """A convolution along time, weight [o, i, k], as one matmul over the k taps of each window.

    As a Convolution op it costs twice the time: on dynamic lengths OpenVINO transposes in and out of its own layout.
    """
    kernel = weight.shape[2]
    ends = [tap + 1 - kernel if tap + 1 < kernel else _END for tap in range(kernel)]
    taps = [op.slice(x, integers(tap), integers(ends[tap]), integers(stride), integers(0)) for tap in range(kernel)]
    return affine(op.concat(taps, 1), weight.transpose(0, 2, 1).reshape(weight.shape[0], -1), bias)


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
    return op.scaled_dot_product_attention(queries, keys, values, causal=False)


def _split_heads(x: Node, heads: int) -> Node:
    width = x.get_output_partial_shape(0)[1].get_length()
    return op.transpose(op.reshape(x, integers(1, -1, heads, width // heads), False), integers(0, 2, 1, 3))


def _like(x: Node) -> Node:
    return integers(-1, x.get_output_partial_shape(0)[1].get_length())
