"""Fewer calls, and less to compute, where it gives the same bytes.

ONNX Runtime's own operators stand for several of the standard's. What is laid side by side is rounded before.

Why so: docs/decisions/0054.
"""

from collections import Counter
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

from training.nodes import OURS

WHOLE_PRODUCT = "MatMulIntegerToFloat"
"""A product in whole numbers, what it is worth, and its bias."""

HALVED = ".halved"
"""At the end of a weight's name: half of it is stored."""
_SCALE, _BIAS = 3, 6
"""Inputs of a product in whole numbers."""

Made = dict[str, Any]
"""By its name, what a node gives: the node."""


def fused(model: onnx.ModelProto) -> onnx.ModelProto:
    """The graph with x · sigmoid(x) as one node, and each product in whole numbers with its bias, rounded early.

    Where half of such a product is used, half of its weights is stored.
    """
    graph = model.graph
    made = {name: node for node in graph.node for name in node.output}
    weights = {tensor.name for tensor in graph.initializer}
    nodes = [_silu(node, made) or _with_bias(node, made, weights) or node for node in _rounded_early(graph, made)]
    del graph.node[:]
    graph.node.extend(nodes)
    _fold_halves(graph)
    drop_unread(graph)
    if all(opset.domain != OURS for opset in model.opset_import):
        model.opset_import.append(helper.make_opsetid(OURS, 1))
    onnx.checker.check_model(model)
    return model


def _silu(node: Any, made: Made) -> Any:
    """In place of this product; None: it is not one of x and sigmoid(x)."""
    for x, factor in _both_ways(node, "Mul"):
        if _is_made(factor, "Sigmoid", made) and made[factor].input[0] == x:
            return helper.make_node("QuickGelu", [x], node.output, domain=OURS, alpha=1.0)
    return None


def _with_bias(node: Any, made: Made, weights: set[str]) -> Any:
    """In place of this sum; None: it is not one of a product in whole numbers and weights."""
    for product, bias in _both_ways(node, "Add"):
        is_weight = bias in weights or (_is_made(bias, "Cast", made) and made[bias].input[0] in weights)
        if is_weight and _is_made(product, WHOLE_PRODUCT, made) and len(made[product].input) == 5:
            return helper.make_node(WHOLE_PRODUCT, [*made[product].input, "", bias], node.output, domain=OURS)
    return None


def _rounded_early(graph: Any, made: Made) -> list[Any]:
    """The nodes; rows that a Pad and Slices lay side by side are rounded before, and not as often as they lie there.

    The range is the same: it always has 0, and one of the slices has all rows.
    """
    early = Made()
    for rounding in (node for node in graph.node if node.op_type == "DynamicQuantizeLinear"):
        laid = rounding.input[0]
        if pad := _padding(laid, made):
            made[laid].output[0], rows = rounding.output[0], f"{rounding.output[0]}.rows"
            rounding.input[0], rounding.output[0] = pad.input[0], rows
            pad.input[:] = [rows, pad.input[1], rounding.output[2]]
            early[pad.output[0]] = rounding
    late = {rounding.output[0] for rounding in early.values()}
    kept = (node for node in graph.node if node.output[0] not in late)
    return [each for node in kept for each in (early.get(node.output[0]), node) if each is not None]


def _fold_halves(graph: Any) -> None:
    """A product in whole numbers of which half is used has half its scale and half its bias: no bit differs."""
    made = {name: node for node in graph.node for name in node.output}
    stored = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    read = Counter(name for node in graph.node for name in node.input)
    for node in list(graph.node):
        for whole, half in _both_ways(node, "Mul"):
            is_half = half in stored and (stored[half] == 0.5).all()
            # One that is also read as it is stays whole.
            if is_half and read[whole] == 1 and _is_made(whole, WHOLE_PRODUCT, made) and len(made[whole].input) > _BIAS:
                _halve(made[whole], made, stored, graph)
                _read_instead(graph, node.output[0], whole)
                graph.node.remove(node)


def _halve(product: Any, made: Made, stored: dict[str, Any], graph: Any) -> None:
    for place in (_SCALE, _BIAS):
        name = product.input[place]
        values = stored[made[name].input[0] if name in made else name].astype(np.float32)
        graph.initializer.append(numpy_helper.from_array(values / 2, name + HALVED))
        product.input[place] = name + HALVED


def _read_instead(graph: Any, name: str, other: str) -> None:
    """Whatever reads the first reads the second."""
    for node in graph.node:
        node.input[:] = [other if each == name else each for each in node.input]


def _padding(laid: str, made: Made) -> Any:
    """The Pad that slices lie side by side of; None: something else lies there."""
    slices = made[laid].input if _is_made(laid, "Concat", made) else []
    sources = {made[name].input[0] if _is_made(name, "Slice", made) else "" for name in slices}
    source = sources.pop() if len(sources) == 1 else ""
    return made[source] if _is_made(source, "Pad", made) else None


def _both_ways(node: Any, kind: str) -> list[tuple[str, str]]:
    """The two inputs in either order, of nodes of this kind."""
    return [tuple(node.input), tuple(reversed(node.input))] if node.op_type == kind else []


def _is_made(name: str, kind: str, made: Made) -> bool:
    """Is it what a node of this kind gives?"""
    return name in made and made[name].op_type == kind


def drop_unread(graph: Any) -> None:
    """Drop the nodes, and then the weights, that nothing reads."""
    read, kept = {output.name for output in graph.output}, list[Any]()
    for node in reversed(graph.node):
        if read & set(node.output):
            kept.append(node)
            read |= set(node.input)
    weights = [tensor for tensor in graph.initializer if tensor.name in read]
    del graph.node[:], graph.initializer[:]
    graph.node.extend(reversed(kept))
    graph.initializer.extend(weights)
