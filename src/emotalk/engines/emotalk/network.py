"""EmoTalk's network, once for every runtime, from the published description (arXiv 2303.11089) and the tensors.

Samples become features, of which each depends on 400 samples only; features, the style, and what `window.py` derives
from the length alone become a face. Both are dynamic in time, so that one graph serves every length.
"""

from typing import NamedTuple

import numpy as np

from emotalk.engines.emotalk.checkpoint import Array
from emotalk.engines.emotalk.layers import Layers, Node
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

REVISION = 2
"""Counts the changes to this definition, or to a runtime's words, that move the last bits of an answer."""


class Inputs(NamedTuple):
    """What a face is made of: the encoders' features, then what `window.Window` has beside the samples."""

    content_features: Node
    emotion_features: Node
    content_positions: Node
    emotion_positions: Node
    frame_positions: Node
    distance: Node
    level: Node
    person: Node


class Network:
    """The network in the words of one runtime."""

    def __init__(self, layers: Layers, weights: Weights) -> None:
        self._on, self._weights = layers, weights

    def features(self, samples: Node) -> list[Node]:
        """Normalised samples → the features of both encoders, 50 rows a second."""
        parts = (self._weights.under(f"{name}feature_extractor.conv_layers.") for name in (CONTENT, EMOTION))
        return [self._feature_extractor(samples, each) for each in parts]

    def probe(self, samples: Node) -> Node:
        """Whatever of an encoder is ever computed in 16 bits, to be compared with float32; weights under its prefix."""
        features = self._feature_extractor(samples, self._weights.under("feature_extractor.conv_layers."))
        normal = self._on.layer_norm(features, self._weights, "feature_projection.layer_norm")
        hidden = self._on.wide(self._on.linear(normal, self._weights, "feature_projection.projection"))
        return self._layers(hidden, self._weights)

    def face(self, inputs: Inputs) -> Node:
        """The rest of the network: features and style → raw blendshapes, 52 a frame."""
        on, weights = self._on, self._weights
        content = self._encoder(inputs.content_features, inputs.content_positions, weights.under(CONTENT))
        emotion = self._encoder(inputs.emotion_features, inputs.emotion_positions, weights.under(EMOTION))
        emotion = on.linear(on.resample(emotion, inputs.frame_positions), weights, "audio_feature_map_emo")
        hidden = on.side_by_side(
            [
                on.linear(content, weights, "audio_feature_map_cont"),
                on.relu(on.linear(emotion, weights, "audio_feature_map_emo2")),
                on.for_every_row(self._embedding(inputs.level, "obj_vector_level"), content),
                on.for_every_row(self._embedding(inputs.person, "obj_vector_person"), content),
            ]
        )
        hidden = self._decoder_layer(hidden, emotion, inputs.distance, weights.under(DECODER))
        return on.linear(hidden, weights, "bs_map_r")

    def _feature_extractor(self, samples: Node, weights: Weights) -> Node:
        """Seven convolutions: 16 kHz → 50 rows a second."""
        x = self._on.column(samples)
        for i, stride in enumerate(STRIDES):
            x = self._on.strided_conv(x, weights[f"{i}.conv.weight"], weights[f"{i}.conv.bias"], stride)
            x = self._on.gelu(self._on.layer_norm(x, weights, f"{i}.layer_norm"))
        return x

    def _encoder(self, features: Node, positions: Node, weights: Weights) -> Node:
        """A wav2vec2-large encoder with stable layer norms: features → [frames, hidden], at the frames' positions."""
        on = self._on
        projected = on.layer_norm(on.resample(features, positions), weights, "feature_projection.layer_norm")
        hidden = on.wide(on.linear(projected, weights, "feature_projection.projection"))
        hidden = on.add(hidden, on.gelu(self._position(hidden, weights.under("encoder.pos_conv_embed.conv."))))
        return self._layers(hidden, weights)

    def _layers(self, hidden: Node, weights: Weights) -> Node:
        layer = 0
        while f"encoder.layers.{layer}.layer_norm.weight" in weights:
            hidden = self._encoder_layer(hidden, weights.under(f"encoder.layers.{layer}."))
            layer += 1
        return self._on.layer_norm(hidden, weights, "encoder.layer_norm")

    def _position(self, x: Node, weights: Weights) -> Node:
        """The grouped convolution that tells a row where it stands."""
        weight = _weight_norm(weights)
        width, per_group, kernel = weight.shape
        grouped = weight.reshape(POSITIONAL_GROUPS, width // POSITIONAL_GROUPS, per_group, kernel)
        return self._on.positional_conv(x, grouped, weights["bias"])

    def _encoder_layer(self, x: Node, weights: Weights) -> Node:
        """Pre-norm: x += attention(LN x), x += feed-forward(LN x)."""
        on = self._on
        attended = self._self_attention(on.layer_norm(x, weights, "layer_norm"), weights.under("attention."))
        x = on.add(x, on.wide(attended))
        normal = on.layer_norm(x, weights, "final_layer_norm")
        inner = on.gelu(on.linear(normal, weights, "feed_forward.intermediate_dense"))
        return on.add(x, on.wide(on.linear(inner, weights, "feed_forward.output_dense")))

    def _self_attention(self, x: Node, weights: Weights) -> Node:
        heads = encoder_heads(weights["out_proj.weight"].shape[0])
        queries, keys, values = (self._on.linear(x, weights, f"{name}_proj") for name in "qkv")
        return self._on.linear(self._on.attention(queries, keys, values, heads), weights, "out_proj")

    def _embedding(self, index: Node, name: str) -> Node:
        """The linear layer `name` of a one-hot vector: one column of its weight, plus its bias."""
        return self._on.row(self._weights[f"{name}.weight"].T + self._weights[f"{name}.bias"], index)

    def _decoder_layer(self, x: Node, emotion: Node, distance: Node, weights: Weights) -> Node:
        """Post-norm: self-attention, what the frame's own emotion says, feed-forward."""
        on = self._on
        attended = self._biased_attention(x, distance, weights.under("self_attn."))
        x = on.layer_norm(on.add(x, attended), weights, "norm1")
        x = on.layer_norm(on.add(x, self._own_emotion(emotion, weights.under("multihead_attn."))), weights, "norm2")
        inner = on.linear(on.relu(on.linear(x, weights, "linear1")), weights, "linear2")
        return on.layer_norm(on.add(x, inner), weights, "norm3")

    def _biased_attention(self, x: Node, distance: Node, weights: Weights) -> Node:
        """Causal self-attention in which head k loses slope_k for every second that a frame lies back."""
        projections = zip(_thirds(weights["in_proj_weight"]), _thirds(weights["in_proj_bias"]), strict=True)
        queries, keys, values = (self._on.affine(x, weight, bias) for weight, bias in projections)
        slopes = np.array([2.0 ** (-2 * (head + 1)) for head in range(DECODER_HEADS)], np.float32)
        bias = self._on.per_head(distance, slopes)
        return self._on.linear(self._on.attention(queries, keys, values, DECODER_HEADS, bias), weights, "out_proj")

    def _own_emotion(self, emotion: Node, weights: Weights) -> Node:
        """The cross-attention: frame i may see only frame i of the emotion, so its softmax is 1 and values remain."""
        values = self._on.affine(emotion, _thirds(weights["in_proj_weight"])[2], _thirds(weights["in_proj_bias"])[2])
        return self._on.linear(values, weights, "out_proj")


def _weight_norm(weights: Weights) -> Array:
    """The weight of length `weight_g` in the direction of `weight_v`, for each of the kernel's taps."""
    direction = weights["weight_v"]
    length = np.sqrt(np.einsum("oik,oik->k", direction, direction, dtype=np.float64))
    with np.errstate(divide="ignore", invalid="ignore"):  # as the reference: the engine refuses the NaN that comes out
        return np.asarray(direction * (weights["weight_g"] / length).astype(np.float32))


def _thirds(stacked: Array) -> list[Array]:
    """Queries', keys' and values' parts of a projection that stacks the three."""
    return np.split(stacked, 3)
