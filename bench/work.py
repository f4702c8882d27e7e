"""How many floating point operations EmoTalk needs for a clip, from the shapes of its tensors alone."""

from collections.abc import Mapping

from emotalk.engines.emotalk.weights import CONTENT, EMOTION, KERNELS, STRIDES
from emotalk.timebase import FPS, SAMPLE_RATE, frame_count

Shapes = Mapping[str, tuple[int, ...]]

_FEATURES_PER_SECOND = 50


def operations(shapes: Shapes, seconds: float) -> float:
    """Multiplications and additions of the matrix products; norms and activations are not counted."""
    samples = int(seconds * SAMPLE_RATE)
    frames = frame_count(samples)
    features = samples / SAMPLE_RATE * _FEATURES_PER_SECOND
    content = _encoder(shapes, CONTENT, samples, frames)
    emotion = _encoder(shapes, EMOTION, samples, int(features / _FEATURES_PER_SECOND * FPS))
    decoder = sum(2 * frames * shape[0] * shape[1] for name, shape in _matrices(shapes, "") if "encoder_" not in name)
    return content + emotion + decoder


def _encoder(shapes: Shapes, prefix: str, samples: int, rows: int) -> float:
    matrices = dict(_matrices(shapes, f"{prefix}encoder.layers.")) | dict(_matrices(shapes, f"{prefix}feature_proj"))
    dense = sum(2 * rows * shape[0] * shape[1] for shape in matrices.values())
    hidden, layers = shapes[f"{prefix}encoder.layer_norm.weight"][0], _layers(shapes, prefix)
    attention = 4 * rows * rows * hidden * layers
    out, per_group, kernel = shapes[f"{prefix}encoder.pos_conv_embed.conv.weight_v"]
    return _front(shapes, prefix, samples) + dense + attention + 2 * rows * out * per_group * kernel


def _front(shapes: Shapes, prefix: str, samples: int) -> float:
    total, length = 0.0, samples
    for i, (kernel, stride) in enumerate(zip(KERNELS, STRIDES, strict=True)):
        length = (length - kernel) // stride + 1
        out, inner, taps = shapes[f"{prefix}feature_extractor.conv_layers.{i}.conv.weight"]
        total += 2 * length * out * inner * taps
    return total


def _matrices(shapes: Shapes, prefix: str) -> list[tuple[str, tuple[int, ...]]]:
    return [(name, shape) for name, shape in shapes.items() if name.startswith(prefix) and len(shape) == 2]


def _layers(shapes: Shapes, prefix: str) -> int:
    return sum(name.startswith(f"{prefix}encoder.layers.") and name.endswith("q_proj.weight") for name in shapes)
