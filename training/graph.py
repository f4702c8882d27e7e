"""Surgery on the exported graph: another head, and weights in 16 bits."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from training.phones import CLASSES
from training.sizes import BANDS, MEAN_PRIOR

_SMALLEST = 256
"""Tensors of fewer values keep their 32 bits."""

_STORED = TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.INT8

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
    whole, step = _in_steps(values)
    stored: dict[str, NDArray[Any]] = {eighth: whole, scale: step}
    cast = helper.make_node("Cast", [eighth], [wide], to=TensorProto.FLOAT)
    scaled = helper.make_node("Mul", [wide, scale], [name])
    return [numpy_helper.from_array(array, key) for key, array in stored.items()], [cast, scaled]


def _in_steps(values: Weights) -> tuple[NDArray[np.int8], Weights]:
    """Weights [a, b] in whole steps, and how large a step is in each of the b columns."""
    step = np.maximum(np.abs(values).max(0), 1e-12) / 127
    return np.round(values / step).astype(np.int8), step.astype(np.float32)


def products_in_eight(model: onnx.ModelProto, behind: str) -> onnx.ModelProto:
    """The graph with 8 bits for the weights of all products behind the node that gives this.

    What a product gives is scaled column by column: that is less work for each window than to scale its weights.
    """
    graph = model.graph
    stored = {tensor.name: tensor for tensor in graph.initializer}
    first = 1 + next(i for i, node in enumerate(graph.node) if behind in node.output)
    nodes = list(graph.node[:first])
    for node in graph.node[first:]:
        half = stored.get(f"{node.input[1]}.half") if node.op_type == "MatMul" else None
        nodes += [node] if half is None else _scaled_behind(node, half, graph)
    del graph.node[:]
    graph.node.extend(nodes)
    onnx.checker.check_model(model)
    return model


def _scaled_behind(product: Any, half: Any, graph: Any) -> list[Any]:
    eighth, step = _in_steps(numpy_helper.to_array(half).astype(np.float32))
    weights, given = product.input[1], product.output[0]
    cast = next(node for node in graph.node if half.name in node.input)
    cast.input[0], scale, product.output[0] = f"{weights}.eighth", f"{weights}.scale", f"{given}.unscaled"
    graph.initializer.remove(half)
    graph.initializer.extend([numpy_helper.from_array(eighth, cast.input[0]), numpy_helper.from_array(step, scale)])
    return [product, helper.make_node("Mul", [product.output[0], scale], [given])]


def cut_open(model: onnx.ModelProto) -> str:
    """Leave out what follows the last hidden rows, with its weights; return their name: they become the output."""
    last = max(i for i, node in enumerate(model.graph.node) if node.op_type == "Concat")
    name: str = model.graph.node[last].output[0]
    del model.graph.node[last + 1 :], model.graph.output[:]
    model.graph.output.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, None))
    _drop_unread(model.graph)
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


def _drop_unread(graph: Any) -> None:
    """Drop the Casts of weights, and then the weights, that no node reads."""
    read = {name for node in graph.node for name in node.input} | {output.name for output in graph.output}
    kept = [node for node in graph.node if node.op_type != "Cast" or node.output[0] in read]
    del graph.node[:]
    graph.node.extend(kept)
    read = {name for node in graph.node for name in node.input}
    weights = [tensor for tensor in graph.initializer if tensor.name in read]
    del graph.initializer[:]
    graph.initializer.extend(weights)


def weights_of(path: Path) -> dict[str, Weights]:
    """What the window's graph has learnt, named as in `training.stream.Stream`."""
    graph = onnx.load(path).graph
    learnt = [tensor for tensor in graph.initializer if tensor.data_type in _STORED]
    stored = {_bare(each.name): numpy_helper.to_array(each).astype(np.float32) for each in learnt}
    for scale in [name for name in stored if name.endswith(".scale")]:
        stored[scale.removesuffix(".scale")] *= stored.pop(scale)
    named = {_short(name): values for name, values in stored.items() if values.size > 1 and "::" not in name}
    for node in graph.node:
        if node.op_type == "MatMul" and "::" in node.input[1] and node.input[1] in stored:
            place = (
                node.output[0].removesuffix(".unscaled").removesuffix("/MatMul_output_0").strip("/").replace("/", ".")
            )
            named[_short(place) + ".weight"] = stored[node.input[1]].T
    named["phones.weight"] = named["phones.weight"].T
    usual = next(values for values in stored.values() if values.shape == (1, BANDS, 1))
    named["mouth.usual"] = usual.reshape(BANDS) / np.float32(MEAN_PRIOR)
    return {name: np.ascontiguousarray(values) for name, values in named.items()}


def _bare(name: str) -> str:
    return name.removesuffix(".half").removesuffix(".eighth")


def _short(name: str) -> str:
    return name.removeprefix("front.").replace("mouth.phones.", "phones.")
