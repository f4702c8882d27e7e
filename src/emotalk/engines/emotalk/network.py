"""EmoTalk's network as two OpenVINO graphs, from the published description (arXiv 2303.11089) and the tensors.

Samples become features, of which each depends on 400 samples only; features, the style, and what `window.py` derives
from the length alone become a face. Both graphs are dynamic in time, so that one serves every length.
"""

from typing import NamedTuple

import numpy as np
from openvino import Model, Node
from openvino import opset13 as op

from emotalk.engines.emotalk.checkpoint import Array
from emotalk.engines.emotalk.layers import (
    affine,
    attention,
    constant,
    gelu,
    integers,
    layer_norm,
    linear,
    resample,
    rows,
    strided_conv,
    wide,
)
from emotalk.engines.emotalk.weights import (
    CONTENT,
    DECODER,
    DECODER_HEADS,
    EMOTION,
    POSITIONAL_GROUPS,
    STRIDES,
    Weights,
    encoder_heads,
)


class Inputs(NamedTuple):
    """The face's parameters: the encoders' features, then what `window.Window` has beside the samples."""

    content_features: Node
    emotion_features: Node
    content_positions: Node
    emotion_positions: Node
    frame_positions: Node
    distance: Node
    level: Node
    person: Node


def build_features(weights: Weights) -> Model:
    """Normalised samples [n] → the features of both encoders, [rows, width] each."""
    samples = _parameter("samples", [-1], np.float32)
    layers = (weights.under(f"{encoder}feature_extractor.conv_layers.") for encoder in (CONTENT, EMOTION))
    return Model([_feature_extractor(samples, each) for each in layers], [samples], "features")


def build_face(weights: Weights) -> Model:
    """The rest of the network: features and style → raw blendshapes [frames, 52]."""
    inputs = _inputs(weights)
    content = _encoder(inputs.content_features, inputs.content_positions, weights.under(CONTENT))
    emotion = _encoder(inputs.emotion_features, inputs.emotion_positions, weights.under(EMOTION))
    emotion = linear(resample(emotion, inputs.frame_positions), weights, "audio_feature_map_emo")
    hidden = op.concat(
        [
            linear(content, weights, "audio_feature_map_cont"),
            op.relu(linear(emotion, weights, "audio_feature_map_emo2")),
            _for_every_row(_embedding(inputs.level, weights, "obj_vector_level"), content),
            _for_every_row(_embedding(inputs.person, weights, "obj_vector_person"), content),
        ],
        1,
    )
    hidden = _decoder_layer(hidden, emotion, inputs.distance, weights.under(DECODER))
    return Model([linear(hidden, weights, "bs_map_r")], list(inputs), "face")


def _inputs(weights: Weights) -> Inputs:
    widths = (weights[f"{encoder}feature_projection.layer_norm.weight"].size for encoder in (CONTENT, EMOTION))
    shapes = {f"{kind}_features": [-1, width] for kind, width in zip(("content", "emotion"), widths, strict=True)}
    shapes |= {"distance": [1, 1, -1, -1], "level": [1], "person": [1]}
    kinds = {"level": np.int32, "person": np.int32}
    return Inputs(*(_parameter(name, shapes.get(name, [-1]), kinds.get(name, np.float32)) for name in Inputs._fields))


def _parameter(name: str, shape: list[int], kind: type) -> Node:
    parameter = op.parameter(shape, kind, name)
    parameter.output(0).set_names({name})
    return parameter


def _encoder(features: Node, positions: Node, weights: Weights) -> Node:
    """A wav2vec2-large encoder with stable layer norms: features → [frames, hidden], at the frames' positions."""
    projected = layer_norm(resample(features, positions), weights, "feature_projection.layer_norm")
    hidden = wide(linear(projected, weights, "feature_projection.projection"))
    hidden = op.add(hidden, gelu(_positional_conv(hidden, weights.under("encoder.pos_conv_embed.conv."))))
    layer = 0
    while f"encoder.layers.{layer}.layer_norm.weight" in weights:
        hidden = _encoder_layer(hidden, weights.under(f"encoder.layers.{layer}."))
        layer += 1
    return layer_norm(hidden, weights, "encoder.layer_norm")


def _feature_extractor(samples: Node, weights: Weights) -> Node:
    """Seven convolutions: 16 kHz → 50 rows a second."""
    x = op.unsqueeze(samples, integers(1))
    for i, stride in enumerate(STRIDES):
        x = strided_conv(x, weights[f"{i}.conv.weight"], weights[f"{i}.conv.bias"], stride)
        x = gelu(layer_norm(x, weights, f"{i}.layer_norm"))
    return x


def _positional_conv(x: Node, weights: Weights) -> Node:
    """The grouped convolution that tells a row where it stands; padded so that row t sees t − 64 .. t + 63."""
    weight = _weight_norm(weights)
    width, per_group, kernel = weight.shape
    grouped = constant(weight.reshape(POSITIONAL_GROUPS, width // POSITIONAL_GROUPS, per_group, kernel))
    columns = op.unsqueeze(op.transpose(x, integers(1, 0)), integers(0))
    mixed = op.group_convolution(columns, grouped, [1], [kernel // 2], [kernel // 2 - 1], [1])
    back = op.transpose(op.squeeze(mixed, integers(0)), integers(1, 0))
    return op.add(back, constant(weights["bias"][None]))


def _weight_norm(weights: Weights) -> Array:
    """The weight of length `weight_g` in the direction of `weight_v`, for each of the kernel's taps."""
    direction = weights["weight_v"]
    length = np.sqrt(np.square(direction, dtype=np.float64).sum((0, 1), keepdims=True))
    with np.errstate(divide="ignore", invalid="ignore"):  # as the reference: the engine refuses the NaN that comes out
        return np.asarray(weights["weight_g"] * direction / length, np.float32)


def _encoder_layer(x: Node, weights: Weights) -> Node:
    """Pre-norm: x += attention(LN x), x += feed-forward(LN x)."""
    x = op.add(x, wide(_self_attention(layer_norm(x, weights, "layer_norm"), weights.under("attention."))))
    inner = gelu(linear(layer_norm(x, weights, "final_layer_norm"), weights, "feed_forward.intermediate_dense"))
    return op.add(x, wide(linear(inner, weights, "feed_forward.output_dense")))


def _self_attention(x: Node, weights: Weights) -> Node:
    heads = encoder_heads(weights["out_proj.weight"].shape[0])
    queries, keys, values = (linear(x, weights, f"{name}_proj") for name in "qkv")
    return linear(attention(queries, keys, values, heads), weights, "out_proj")


def _embedding(index: Node, weights: Weights, name: str) -> Node:
    """The linear layer `name` of a one-hot vector: one column of its weight, plus its bias."""
    table = weights[f"{name}.weight"].T + weights[f"{name}.bias"]
    return op.gather(constant(table), index, integers(0))


def _for_every_row(row: Node, x: Node) -> Node:
    """[1, w] repeated for each row of x."""
    return op.broadcast(row, op.concat([rows(x), integers(row.get_output_partial_shape(0)[1].get_length())], 0))


def _decoder_layer(x: Node, emotion: Node, distance: Node, weights: Weights) -> Node:
    """Post-norm: self-attention, what the frame's own emotion says, feed-forward."""
    x = layer_norm(op.add(x, _biased_attention(x, distance, weights.under("self_attn."))), weights, "norm1")
    x = layer_norm(op.add(x, _own_emotion(emotion, weights.under("multihead_attn."))), weights, "norm2")
    inner = linear(op.relu(linear(x, weights, "linear1")), weights, "linear2")
    return layer_norm(op.add(x, inner), weights, "norm3")


def _biased_attention(x: Node, distance: Node, weights: Weights) -> Node:
    """Causal self-attention in which head k loses slope_k for every second that a frame lies back."""
    projections = zip(_thirds(weights["in_proj_weight"]), _thirds(weights["in_proj_bias"]), strict=True)
    queries, keys, values = (affine(x, constant(weight), bias) for weight, bias in projections)
    slopes = np.array([2.0 ** (-2 * (head + 1)) for head in range(DECODER_HEADS)], np.float32)
    bias = op.multiply(distance, op.constant(slopes.reshape(1, -1, 1, 1)))
    return linear(attention(queries, keys, values, DECODER_HEADS, bias), weights, "out_proj")


def _own_emotion(emotion: Node, weights: Weights) -> Node:
    """The cross-attention: frame i may see only frame i of the emotion, so its softmax is 1 and only values remain."""
    values = affine(emotion, constant(_thirds(weights["in_proj_weight"])[2]), _thirds(weights["in_proj_bias"])[2])
    return linear(values, weights, "out_proj")


def _thirds(stacked: Array) -> list[Array]:
    """Queries', keys' and values' parts of a projection that stacks the three."""
    return np.split(stacked, 3)
