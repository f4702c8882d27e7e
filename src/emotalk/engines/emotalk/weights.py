"""Every tensor that inference uses, with the shape it must have; the widths are read from the tensors themselves.

`lm_head.*`, `masked_spec_embed` and `audio_encoder_emo.classifier.*` stand in the file too and are never read.

Why so: docs/decisions/0030.
"""

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emotalk.engines.emotalk.checkpoint import Checkpoint, Shape
from emotalk.face import BLENDSHAPES, EMOTION_LEVELS, PERSONS

CONTENT = "audio_encoder_cont."
EMOTION = "audio_encoder_emo.wav2vec2."
DECODER = "transformer_decoder.layers.0."

KERNELS = (10, 3, 3, 3, 3, 2, 2)
STRIDES = (5, 2, 2, 2, 2, 2, 2)
POSITIONAL_KERNEL = 128
POSITIONAL_GROUPS = 16
DECODER_HEADS = 4
_MOST_HEADS = 16
_NARROWEST_HEAD = 16

_LAYER = re.compile(r"\.encoder\.layers\.(\d+)\.")

Shapes = Iterator[tuple[str, Shape]]
Tensors = Mapping[str, NDArray[Any]]


@dataclass(frozen=True)
class Weights:
    """The used tensors by published name; `digest` stands for all of them, as the checkpoint has them.

    All float32, or narrow: the encoders' large matrices in 16 bits, uint16 being those of bfloat16 (see `narrow.py`).
    """

    tensors: Tensors
    digest: str
    prefix: str = ""
    release: Callable[[], object] = lambda: None
    """Give the file's pages back to the system; they are read again if they are asked for."""

    def __getitem__(self, name: str) -> NDArray[Any]:
        return self.tensors[self.prefix + name]

    def __contains__(self, name: str) -> bool:
        return self.prefix + name in self.tensors

    @property
    def half(self) -> bool:
        """Whether the large matrices are of 16 bits."""
        return any(values.dtype != np.float32 for values in self.tensors.values())

    def under(self, prefix: str) -> "Weights":
        """The same weights, seen from a part of the network."""
        return replace(self, prefix=self.prefix + prefix)

    def shallow(self, prefix: str, layers: int) -> "Weights":
        """An encoder with only its first few layers."""
        kept = {name: x for name, x in self.tensors.items() if name.startswith(prefix) and _find_layer(name) < layers}
        return replace(self, tensors=kept, prefix=prefix)


@dataclass(frozen=True)
class UsedTensors:
    """What a checkpoint holds for inference, checked but not read. `digest` changes with any of their bytes."""

    checkpoint: Checkpoint
    shapes: Mapping[str, Shape]
    digest: str

    def read(self) -> Weights:
        """All of them in float32, where they lie in the file."""
        tensors = {name: self.checkpoint.read(name) for name in self.shapes}
        return Weights(tensors, self.digest, release=self.checkpoint.release)


@dataclass(frozen=True)
class EncoderWidths:
    """How wide and deep a wav2vec2 encoder is: published 512, 1024, 4096, 24."""

    conv: int
    hidden: int
    feed_forward: int
    layers: int


@dataclass(frozen=True)
class DecoderWidths:
    """The parts that the decoder's input is made of: published 512, 256, 32, 32, together 832."""

    content: int
    emotion: int
    level: int
    person: int

    @property
    def hidden(self) -> int:
        """Width of the decoder."""
        return self.content + self.emotion + self.level + self.person


def find_weights(path: Path) -> UsedTensors:
    """Look at a checkpoint's used tensors. Raises CheckpointNotFound, CheckpointError naming file and tensor."""
    checkpoint = Checkpoint(path)
    shapes = dict(_list_used_tensors(checkpoint))
    checkpoint.check(shapes.items())
    digest = hashlib.blake2b(checkpoint.identity(shapes).encode(), digest_size=16).hexdigest()
    return UsedTensors(checkpoint, shapes, digest)


def load_weights(path: Path) -> Weights:
    """Read the used tensors of a checkpoint. Raises CheckpointNotFound, CheckpointError naming file and tensor."""
    return find_weights(path).read()


def encoder_heads(hidden: int) -> int:
    """Attention heads of an encoder, which no tensor tells: wav2vec2-large's 16, unless a head got narrower than 16."""
    return min(_MOST_HEADS, hidden // _NARROWEST_HEAD)


def _find_layer(name: str) -> int:
    """The encoder layer that a tensor belongs to; −1 if to none."""
    found = _LAYER.search(name)
    return int(found[1]) if found else -1


def _list_used_tensors(checkpoint: Checkpoint) -> Shapes:
    content, emotion = _measure_encoder(checkpoint, CONTENT), _measure_encoder(checkpoint, EMOTION)
    decoder = _measure_decoder(checkpoint)
    yield from _list_encoder(CONTENT, content)
    yield from _list_encoder(EMOTION, emotion)
    yield from _list_affine("audio_feature_map_cont", decoder.content, content.hidden)
    yield from _list_affine("audio_feature_map_emo", decoder.hidden, emotion.hidden)
    yield from _list_affine("audio_feature_map_emo2", decoder.emotion, decoder.hidden)
    yield from _list_affine("obj_vector_level", decoder.level, EMOTION_LEVELS)
    yield from _list_affine("obj_vector_person", decoder.person, PERSONS)
    yield from _list_affine("bs_map_r", BLENDSHAPES, decoder.hidden)
    yield from _list_decoder(DECODER, decoder.hidden)


def _measure_encoder(checkpoint: Checkpoint, prefix: str) -> EncoderWidths:
    dense = f"{prefix}encoder.layers.0.feed_forward.intermediate_dense.weight"
    projection = f"{prefix}feature_projection.projection.weight"
    conv, hidden = _measure_width(checkpoint, projection, 1), _measure_width(checkpoint, projection, 0)
    if hidden % POSITIONAL_GROUPS:
        raise checkpoint.make_error(f"tensor {projection}: {hidden} is not a multiple of 16")
    return EncoderWidths(conv, hidden, _measure_width(checkpoint, dense, 0), _count_layers(checkpoint))


def _count_layers(checkpoint: Checkpoint) -> int:
    """Both encoders are equally deep, so the deeper one says how many layers there must be: a missing one is named."""
    marks = (f"{CONTENT}encoder.layers.", f"{EMOTION}encoder.layers.")
    names = [name.removeprefix(mark) for name in checkpoint.records for mark in marks if name.startswith(mark)]
    # No file holds 10 000 layers; a longer number would only make the list of what is missing long.
    numbers = {number for name in names if (number := name.partition(".")[0]).isdecimal() and len(number) <= 4}
    return 1 + max(map(int, numbers), default=0)


def _measure_decoder(checkpoint: Checkpoint) -> DecoderWidths:
    parts = ("audio_feature_map_cont", "audio_feature_map_emo2", "obj_vector_level", "obj_vector_person")
    widths = DecoderWidths(*(_measure_width(checkpoint, f"{part}.weight", 0) for part in parts))
    if widths.hidden % DECODER_HEADS:
        raise checkpoint.make_error(f"the decoder's width {widths.hidden} does not divide into {DECODER_HEADS} heads")
    return widths


def _measure_width(checkpoint: Checkpoint, name: str, axis: int) -> int:
    shape = checkpoint.shape(name)
    if len(shape) != 2 or 0 in shape:
        raise checkpoint.make_error(f"tensor {name}: expected a matrix, found shape {list(shape)}")
    return shape[axis]


def _list_affine(name: str, *shape: int) -> Shapes:
    yield f"{name}.weight", shape
    yield f"{name}.bias", shape[:1]


def _list_encoder(p: str, w: EncoderWidths) -> Shapes:
    for i, kernel in enumerate(KERNELS):
        yield from _list_affine(f"{p}feature_extractor.conv_layers.{i}.conv", w.conv, w.conv if i else 1, kernel)
        yield from _list_affine(f"{p}feature_extractor.conv_layers.{i}.layer_norm", w.conv)
    yield from _list_affine(f"{p}feature_projection.layer_norm", w.conv)
    yield from _list_affine(f"{p}feature_projection.projection", w.hidden, w.conv)
    yield f"{p}encoder.pos_conv_embed.conv.weight_g", (1, 1, POSITIONAL_KERNEL)
    yield f"{p}encoder.pos_conv_embed.conv.weight_v", (w.hidden, w.hidden // POSITIONAL_GROUPS, POSITIONAL_KERNEL)
    yield f"{p}encoder.pos_conv_embed.conv.bias", (w.hidden,)
    for i in range(w.layers):
        yield from _list_encoder_layer(f"{p}encoder.layers.{i}.", w)
    yield from _list_affine(f"{p}encoder.layer_norm", w.hidden)


def _list_encoder_layer(p: str, w: EncoderWidths) -> Shapes:
    for name in ("q_proj", "k_proj", "v_proj", "out_proj"):
        yield from _list_affine(f"{p}attention.{name}", w.hidden, w.hidden)
    yield from _list_affine(f"{p}layer_norm", w.hidden)
    yield from _list_affine(f"{p}feed_forward.intermediate_dense", w.feed_forward, w.hidden)
    yield from _list_affine(f"{p}feed_forward.output_dense", w.hidden, w.feed_forward)
    yield from _list_affine(f"{p}final_layer_norm", w.hidden)


def _list_decoder(p: str, hidden: int) -> Shapes:
    for attention in ("self_attn", "multihead_attn"):
        yield f"{p}{attention}.in_proj_weight", (3 * hidden, hidden)
        yield f"{p}{attention}.in_proj_bias", (3 * hidden,)
        yield from _list_affine(f"{p}{attention}.out_proj", hidden, hidden)
    for name in ("linear1", "linear2"):
        yield from _list_affine(f"{p}{name}", hidden, hidden)
    for name in ("norm1", "norm2", "norm3"):
        yield from _list_affine(f"{p}{name}", hidden)
