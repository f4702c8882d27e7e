"""Silero's graph, its chunks side by side: called by `training.export`.

In the graph as it is published each chunk is a product of its own, with four columns. Here time runs down and the
chunks lie across, so that eight of them are one product with thirty-two. Weights and the order of every sum
stay: the same chunks get the same bytes.

Why so: docs/decisions/0054.
"""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper, parser

from emotalk.engines.builtin.gate import VoiceModel, at_rest

_GRAPH = """<ir_version: 8, opset_import: ["" : 16]>
gate (float[chunks, 576] input, float[1, 1, 128] h, float[1, 1, 128] c)
  => (float[chunks] speech_probs, float[1, 1, 128] hn, float[1, 1, 128] cn)
<int64[4] reach = {0, 0, 0, 64}, int64[4] across = {1, 1, 640, -1}, int64[1] batch = {1}, int64[1] last = {3},
 int64[1] flat = {-1}>
{
  mirrored = Pad <mode = "reflect"> (input, reach)
  down = Transpose <perm = [1, 0]> (mirrored)
  sound = Reshape (down, across)
  spectrum = Conv <kernel_shape = [256, 1], strides = [128, 1]> (sound, waves)
  squares = Mul (spectrum, spectrum)
  real, imaginary = Split <axis = 1> (squares)
  power = Add (real, imaginary)
  size = Sqrt (power)
  sum0 = Conv <kernel_shape = [3, 1], pads = [1, 0, 1, 0]> (size, weight0, bias0)
  wide0 = Relu (sum0)
  sum1 = Conv <kernel_shape = [3, 1], pads = [1, 0, 1, 0], strides = [2, 1]> (wide0, weight1, bias1)
  wide1 = Relu (sum1)
  apart = Transpose <perm = [3, 1, 2, 0]> (wide1)
  chunk1 = Squeeze (apart, last)
  sum2 = Conv <kernel_shape = [3], pads = [1, 1], strides = [2]> (chunk1, weight2, bias2)
  chunk2 = Relu (sum2)
  sum3 = Conv <kernel_shape = [3], pads = [1, 1]> (chunk2, weight3, bias3)
  chunk3 = Relu (sum3)
  series = Transpose <perm = [0, 2, 1]> (chunk3)
  heard, hn, cn = LSTM <hidden_size = 128> (series, lstm_in, lstm_again, lstm_bias, , h, c)
  alone = Squeeze (heard, batch)
  kept = Relu (alone)
  rows = Transpose <perm = [1, 2, 0]> (kept)
  score = Conv <kernel_shape = [1]> (rows, weight4, bias4)
  chance = Sigmoid (score)
  speech_probs = Reshape (chance, flat)
}"""
"""Its first two layers have columns enough for a product of all chunks. Of one column each, the next two sum in another
order, so they stay apart."""

_ROUNDING = 1e-5
_ACROSS = ("waves", "weight0", "weight1")

Weights = dict[str, NDArray[np.float32]]


def side_by_side(published: Path, path: Path) -> None:
    """Write the graph. Raises ValueError if it does not hear what the published one hears."""
    model = parser.parse_model(_GRAPH)
    weights = _weights(onnx.load(published))
    model.graph.initializer.extend(numpy_helper.from_array(values, name) for name, values in weights.items())
    onnx.checker.check_model(model)
    onnx.save(model, path)
    if not np.allclose(_heard(published), _heard(path), rtol=0, atol=_ROUNDING):
        raise ValueError(f"{path} does not hear what {published} hears: was its graph changed?")


def _weights(published: Any) -> Weights:
    """Its weights, by the names above."""
    graph = published.graph
    stored = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    lstm = next(node for node in graph.node if node.op_type == "LSTM")
    places = {"waves": "stft.forward_basis_buffer", "weight4": "output.weight", "bias4": "output.bias"}
    for layer in range(4):
        places |= {f"{kind}{layer}": f"encoder.{layer}.{kind}" for kind in ("weight", "bias")}
    places |= zip(("lstm_in", "lstm_again", "lstm_bias"), lstm.input[1:4], strict=True)
    return {name: stored[place][..., None] if name in _ACROSS else stored[place] for name, place in places.items()}


def _heard(path: Path) -> NDArray[np.float32]:
    """What a graph hears in eight chunks of noise, and the state after them."""
    chunks = np.random.default_rng(0).standard_normal((8, 576)).astype(np.float32) * 0.1
    probabilities, state = VoiceModel(path).judge(chunks, at_rest())
    return np.concatenate([probabilities, *map(np.ravel, state)])
