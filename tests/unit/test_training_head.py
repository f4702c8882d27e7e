"""The head that ships and the yardstick: another head on a graph, labels row by row, a jaw that follows loudness."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from emotalk.engines.builtin.poses import PHONE, PHONES
from emotalk.engines.quiet_onnxruntime import onnxruntime
from emotalk.face import INDEX
from emotalk.timebase import frame_count
from training.fusion import WHOLE_PRODUCT, fused
from training.graph import closed, cut_open, narrowed, products_in_whole_numbers
from training.nodes import OURS
from training.people import loudness
from training.phone_head import fitted, labels

WIDTH = 6


def graph_with_curves() -> onnx.ModelProto:
    """sound [1, n] → two hidden values a sample, side by side three times → one curve."""
    rows = helper.make_node("Unsqueeze", ["sound", "last"], ["rows"])
    hidden = helper.make_node("Concat", ["rows"] * WIDTH, ["hidden"], axis=-1)
    product = helper.make_node("MatMul", ["hidden", "old"], ["product"])
    curves = helper.make_node("Sigmoid", ["product"], ["curves"])
    weights = [
        numpy_helper.from_array(np.array([2], np.int64), "last"),
        numpy_helper.from_array(np.ones((WIDTH, 1), np.float32), "old"),
    ]
    sound = helper.make_tensor_value_info("sound", TensorProto.FLOAT, [1, "n"])
    output = helper.make_tensor_value_info("curves", TensorProto.FLOAT, None)
    graph = helper.make_graph([rows, hidden, product, curves], "g", [sound], [output], weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def test_the_head_on_a_graph_is_changed_for_shares_of_phones_and_can_be_changed_again() -> None:
    draw = np.random.default_rng(0)
    model = graph_with_curves()
    for _ in range(2):
        weights = draw.standard_normal((WIDTH, len(PHONES))).astype(np.float16).astype(np.float32)
        bias = draw.standard_normal(len(PHONES)).astype(np.float32)
        model = closed(model, cut_open(model), weights, bias)
        session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
        shares = session.run(None, {"sound": np.array([[0.1, -0.4, 0.3]], np.float32)})[0][0]
        logits = np.array([[0.1] * WIDTH, [-0.4] * WIDTH, [0.3] * WIDTH], np.float32) @ weights + bias
        expected = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
        np.testing.assert_allclose(shares, expected, rtol=1e-4)
    assert len({tensor.name for tensor in model.graph.initializer}) == 3, "nothing that no node reads is kept"


def test_products_behind_the_states_are_in_whole_numbers_and_the_states_keep_every_byte() -> None:
    first, second = np.random.default_rng(0).standard_normal((2, 16, 16)).astype(np.float16).astype(np.float32)
    nodes = [
        helper.make_node("MatMul", ["sound", "first"], ["states"]),
        helper.make_node("MatMul", ["states", "second"], ["phones"]),
    ]
    sound, *outputs = (
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", 16]) for name in ("sound", "states", "phones")
    )
    weights = [numpy_helper.from_array(first, "first"), numpy_helper.from_array(second, "second")]
    graph = helper.make_graph(nodes, "g", [sound], outputs, weights)
    model = narrowed(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8))
    heard = np.random.default_rng(1).standard_normal((5, 16)).astype(np.float32)
    before, after = (
        onnxruntime.InferenceSession(each, providers=["CPUExecutionProvider"]).run(None, {"sound": heard})
        for each in (model.SerializeToString(), products_in_whole_numbers(model, "states").SerializeToString())
    )
    assert before[0].tobytes() == after[0].tobytes()
    # Half a step of each weight, and half a step of each value that is heard.
    of_weights = np.abs(before[0]).sum(1, keepdims=True) * np.abs(second).max(0) / 63 / 2
    of_heard = np.ptp(np.append(before[0], 0)) / 255 / 2 * np.abs(second).sum(0)
    assert (np.abs(after[1] - before[1]) <= 1.1 * (of_weights + of_heard)).all()
    assert not np.array_equal(after[1], before[1])
    assert {tensor.name: tensor.data_type for tensor in model.graph.initializer}["second.eighth"] == TensorProto.INT8


def graph_to_fuse(draw: np.random.Generator) -> tuple[onnx.ModelProto, np.ndarray]:
    """A product in whole numbers, laid side by side before it, biased, halved and added; and its scale."""
    nodes = [
        helper.make_node("Sigmoid", ["sound"], ["open"]),
        helper.make_node("Mul", ["open", "sound"], ["silu"]),
        helper.make_node("Sigmoid", ["silu"], ["gate"]),
        helper.make_node("Mul", ["sound", "gate"], ["gated"]),
        helper.make_node("Pad", ["gated", "edges"], ["padded"]),
        helper.make_node("Slice", ["padded", "one", "end"], ["later"]),
        helper.make_node("Slice", ["padded", "none", "before"], ["earlier"]),
        helper.make_node("Concat", ["earlier", "later"], ["laid"], axis=-1),
        helper.make_node("DynamicQuantizeLinear", ["laid"], ["heard", "step", "zero"]),
        helper.make_node(WHOLE_PRODUCT, ["heard", "weights", "step", "scale", "zero"], ["product"], domain=OURS),
        helper.make_node("Add", ["bias", "product"], ["biased"]),
        helper.make_node("Mul", ["biased", "half"], ["halved"]),
        helper.make_node("Add", ["halved", "silu"], ["phones"]),
    ]
    stored: dict[str, np.ndarray] = {name: draw.random(16, np.float32) for name in ("scale", "bias")}
    stored["half"] = np.float32([0.5])
    stored["weights"] = draw.integers(-63, 64, (32, 16)).astype(np.int8)
    places = {"edges": [1, 0, 0, 0], "none": [0], "one": [1], "before": [-1], "end": [99]}
    stored |= {name: np.array(values) for name, values in places.items()}
    weights = [numpy_helper.from_array(array, name) for name, array in stored.items()]
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", 16]) for name in ("sound", "phones")]
    graph = helper.make_graph(nodes, "g", ends[:1], ends[1:], weights)
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid(OURS, 1)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8), stored["scale"]


def test_fused_operators_give_the_same_and_a_gate_by_another_value_stays() -> None:
    draw = np.random.default_rng(0)
    model, scale = graph_to_fuse(draw)
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    sound = draw.standard_normal((40, 16)).astype(np.float32)
    before, after = (
        onnxruntime.InferenceSession(each, options).run(None, {"sound": sound})[0]
        for each in (model.SerializeToString(), fused(model).SerializeToString())
    )
    np.testing.assert_allclose(after, before, atol=1e-5)
    left = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    np.testing.assert_array_equal(left["scale.halved"], scale / 2)
    assert "scale" not in left
    kinds = [node.op_type for node in model.graph.node]
    assert kinds == [
        "QuickGelu",
        "Sigmoid",
        "Mul",
        "DynamicQuantizeLinear",
        "Pad",
        "Slice",
        "Slice",
        "Concat",
        WHOLE_PRODUCT,
        "Add",
    ]


def test_a_fitted_head_tells_rows_apart() -> None:
    draw = np.random.default_rng(1)
    classes = draw.choice([PHONE["AA"], PHONE["M"], PHONE["S"]], 600)
    places = draw.standard_normal((len(PHONES), WIDTH)).astype(np.float32) * 3
    rows = (places[classes] + draw.standard_normal((600, WIDTH)) * 0.2).astype(np.float32)
    weights, bias = fitted(rows, classes)
    assert ((rows @ weights + bias).argmax(1) == classes).mean() > 0.98


def test_a_row_has_the_phone_that_sounds_at_its_moment_and_none_where_nobody_knows() -> None:
    said = labels([(0.0, 0.1, "AA"), (0.1, 0.15, "MASK"), (0.15, 0.2, "M")], 12)
    assert said.tolist() == [PHONE["AA"]] * 5 + [-1] * 3 + [PHONE["M"]] * 2 + [PHONE["SIL"]] * 2


@pytest.mark.parametrize("samples", [1, 533, 16_001])
def test_the_face_that_follows_loudness_has_every_frame(samples: int) -> None:
    assert len(loudness("", np.zeros(samples, np.float32))) == frame_count(samples)


def test_the_face_that_follows_loudness_opens_where_it_is_loud() -> None:
    sound = np.zeros(32_000, np.float32)
    sound[16_000:] = np.sin(np.arange(16_000) * 0.1)
    jaw = loudness("", sound)[:, INDEX["jawOpen"]]
    assert jaw[35:55].min() > 0.6
    assert jaw[:25].max() == 0
