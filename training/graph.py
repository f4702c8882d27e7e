"""Surgery on the exported graph: another head, and weights in 16 bits."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from training.fusion import HALVED, WHOLE_PRODUCT, drop_unread, fused
from training.nodes import OURS
from training.phones import CLASSES
from training.sizes import BANDS, MEAN_PRIOR

_SMALLEST = 256
"""Tensors of fewer values keep their 32 bits."""

_NO_OVERFLOW = 63
"""Steps of a weight to either side: a processor without instructions for this adds pairs of products in 16 bits."""
_STORED = TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.INT8

STEM = "/front/recogniser/Transpose_output_0"
"""What the recogniser's first block hears."""
_HEARD = [f"/front/recogniser/blocks.{block}/norm/LayerNormalization_output_0" for block in (0, 1)]

Weights = NDArray[np.float32]


def narrowed(model: onnx.ModelProto, in_eight: str = "") -> onnx.ModelProto:
    """The same graph with its large weights in 16 bits, each behind a Cast.

    `in_eight`: a kind of operator whose weights [a, b] have 8 bits, and a scale for each of the b columns.
    """
    graph, casts, kept = model.graph, [], []
    eighths = {node.input[1] for node in graph.node if node.op_type == in_eight}
    for tensor in graph.initializer:
        values = numpy_helper.to_array(tensor)
        if values.dtype != np.float32 or values.size < _SMALLEST:
            kept.append(tensor)
            continue
        stored, nodes = (_quantised if tensor.name in eighths else _halved)(tensor.name, values)
        kept += stored
        casts += nodes
    nodes = [*casts, *graph.node]
    del graph.initializer[:], graph.node[:]
    graph.initializer.extend(kept)
    graph.node.extend(nodes)
    onnx.checker.check_model(model)
    return model


def _halved(name: str, values: Weights) -> tuple[list[Any], list[Any]]:
    half = f"{name}.half"
    cast = helper.make_node("Cast", [half], [name], to=TensorProto.FLOAT)
    return [numpy_helper.from_array(values.astype(np.float16), half)], [cast]


def _quantised(name: str, values: Weights) -> tuple[list[Any], list[Any]]:
    eighth, wide, scale = (f"{name}.{part}" for part in ("eighth", "wide", "scale"))
    whole, step = _in_steps(values, 127)
    stored: dict[str, NDArray[Any]] = {eighth: whole, scale: step}
    cast = helper.make_node("Cast", [eighth], [wide], to=TensorProto.FLOAT)
    scaled = helper.make_node("Mul", [wide, scale], [name])
    return [numpy_helper.from_array(array, key) for key, array in stored.items()], [cast, scaled]


def _in_steps(values: Weights, most: int) -> tuple[NDArray[np.int8], Weights]:
    """Weights [a, b] in whole steps, at most so many, and how large a step is in each of the b columns."""
    step = np.maximum(np.abs(values).max(0), 1e-12) / most
    return np.round(values / step).astype(np.int8), step.astype(np.float32)


def products_in_whole_numbers(model: onnx.ModelProto, behind: str) -> onnx.ModelProto:
    """The graph with all products behind the node that gives this computed in integers, and their weights stored so."""
    graph = model.graph
    stored = {tensor.name.removesuffix(".half"): tensor for tensor in graph.initializer}
    first = next(place for place, node in enumerate(graph.node) if behind in node.output)
    nodes = list[Any]()
    for place, node in enumerate(graph.node):
        weights = stored.get(node.input[1]) if node.op_type == "MatMul" and place > first else None
        nodes += [node] if weights is None else _in_whole_numbers(node, weights, graph)
    del graph.node[:]
    graph.node.extend(nodes)
    return fused(model)


def _in_whole_numbers(product: Any, weights: Any, graph: Any) -> list[Any]:
    """What is heard in 256 steps, times weights in 127, and what the sum is worth."""
    sound, name, given = product.input[0], product.input[1], product.output[0]
    eighth, scale = f"{name}.eighth", f"{name}.scale"
    whole, step = _in_steps(numpy_helper.to_array(weights).astype(np.float32), _NO_OVERFLOW)
    graph.initializer.extend([numpy_helper.from_array(whole, eighth), numpy_helper.from_array(step, scale)])
    heard, heard_step, zero = (f"{given}.{part}" for part in ("heard", "step", "zero"))
    return [
        helper.make_node("DynamicQuantizeLinear", [sound], [heard, heard_step, zero]),
        helper.make_node(WHOLE_PRODUCT, [heard, eighth, heard_step, scale, zero], [given], domain=OURS),
    ]


def cut_open(model: onnx.ModelProto) -> str:
    """Leave out what follows the last hidden rows, with its weights; return their name: they become the output."""
    last = max(i for i, node in enumerate(model.graph.node) if node.op_type == "Concat")
    name: str = model.graph.node[last].output[0]
    del model.graph.node[last + 1 :], model.graph.output[:]
    model.graph.output.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, None))
    drop_unread(model.graph)
    return name


def closed(model: onnx.ModelProto, hidden: str, weights: Weights, bias: Weights) -> onnx.ModelProto:
    """The graph with a softmax over phones behind its hidden rows."""
    graph = model.graph
    del graph.output[:]
    graph.initializer.append(numpy_helper.from_array(weights, "mouth.phones.weight"))
    graph.initializer.append(numpy_helper.from_array(bias, "mouth.phones.bias"))
    graph.node.append(helper.make_node("MatMul", [hidden, "mouth.phones.weight"], ["mouth.phones.product"]))
    graph.node.append(helper.make_node("Add", ["mouth.phones.product", "mouth.phones.bias"], ["mouth.phones.logits"]))
    graph.node.append(helper.make_node("Softmax", ["mouth.phones.logits"], ["phones"], axis=-1))
    graph.output.append(helper.make_tensor_value_info("phones", TensorProto.FLOAT, [1, "rows", len(CLASSES)]))
    return narrowed(model)


def hearing(model: onnx.ModelProto) -> onnx.ModelProto:
    """The graph with the states of the recogniser's first two blocks as a second output; the first is as before."""
    graph = model.graph
    # Where it is first possible: the last Concat of the graph stays the one that `cut_open` looks for.
    places = [i for i, node in enumerate(graph.node) if set(node.output) & set(_HEARD)]
    if len(places) != len(_HEARD):
        raise ValueError(f"the graph has no {_HEARD}: was the recogniser renamed?")
    if not any("states" in node.output for node in graph.node):
        graph.node.insert(places[-1] + 1, helper.make_node("Concat", _HEARD, ["states"], axis=-1))
    graph.output.append(helper.make_tensor_value_info("states", TensorProto.FLOAT, [1, "rows", 288]))
    onnx.checker.check_model(model)
    return model


def weights_of(path: Path) -> dict[str, Weights]:
    """What the window's graph has learnt, named as in `training.stream.Stream`."""
    graph = onnx.load(path).graph
    learnt = [tensor for tensor in graph.initializer if tensor.data_type in _STORED]
    stored = {_bare(each.name): numpy_helper.to_array(each).astype(np.float32) for each in learnt}
    for half in [name for name in stored if name.endswith(HALVED)]:
        stored[half.removesuffix(HALVED)] = 2 * stored.pop(half)
    for scale in [name for name in stored if name.endswith(".scale")]:
        stored[scale.removesuffix(".scale")] *= stored.pop(scale)
    named = {_short(name): values for name, values in stored.items() if values.size > 1 and "::" not in name}
    for node in graph.node:
        weights = _bare(node.input[1]) if node.op_type in ("MatMul", WHOLE_PRODUCT) else ""
        if "::" in weights and weights in stored:
            place = node.output[0].rpartition("/")[0].strip("/").replace("/", ".")
            named[_short(place) + ".weight"] = stored[weights].T
    named["phones.weight"] = named["phones.weight"].T
    usual = next(values for values in stored.values() if values.shape == (1, BANDS, 1))
    named["mouth.usual"] = usual.reshape(BANDS) / np.float32(MEAN_PRIOR)
    return {name: np.ascontiguousarray(values) for name, values in named.items()}


def _bare(name: str) -> str:
    return name.removesuffix(".half").removesuffix(".eighth")


def _short(name: str) -> str:
    return name.removeprefix("front.").replace("mouth.phones.", "phones.")
