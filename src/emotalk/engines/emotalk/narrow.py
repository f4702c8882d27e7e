"""16-bit numbers. bfloat16, which numpy does not know, is the upper half of a float32's bits, as uint16.

Only the large matrices of the encoders are narrowed: they are 99 % of the bytes and of the time. All in which the error
would show stays in float32: the first convolution (its input is the sound itself), the residual stream, the norms and
the decoder. So does the positional convolution: OpenVINO's bfloat16 kernel is wrong where groups are narrow.
"""

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from emotalk.engines.emotalk.weights import CONTENT, EMOTION, Weights

Bits = NDArray[np.uint16]

_ENCODERS = "|".join(map(re.escape, (CONTENT, EMOTION)))
_MATRICES = r"conv_layers\.[1-6]\.conv|feature_projection\.projection|attention\.\w+_proj|feed_forward\.\w+_dense"
_NARROWED = re.compile(rf"(?:{_ENCODERS}).*(?:{_MATRICES})\.weight")
_NOT_A_NUMBER = 0x7FC0


def is_narrowed(name: str) -> bool:
    """Whether the tensor of this name is a bfloat16 one in the narrow network."""
    return _NARROWED.fullmatch(name) is not None


def narrow(values: NDArray[np.float32]) -> Bits:
    """The nearest bfloat16 of each value, ties to even; beyond the largest is infinity."""
    bits = np.ascontiguousarray(values).view(np.uint32)
    rounded = ((bits + np.uint32(0x7FFF) + ((bits >> 16) & np.uint32(1))) >> 16).astype(np.uint16)
    # Rounding carries a NaN with a full mantissa over into the sign.
    rounded[np.isnan(values)] = _NOT_A_NUMBER
    return rounded


def halve(values: NDArray[np.float32]) -> NDArray[np.float16]:
    """The nearest float16 of each value; beyond the largest (65504) is infinity."""
    with np.errstate(over="ignore"):
        return values.astype(np.float16)


class Half(NamedTuple):
    """A kind of 16-bit number, by the name that --precision has for it."""

    name: str
    narrow: Callable[[NDArray[np.float32]], NDArray[Any]]


BF16 = Half("bf16", narrow)
FP16 = Half("fp16", halve)


def widen(values: NDArray[Any]) -> NDArray[np.float32]:
    """The same values as float32, exactly; float32 comes back as it is."""
    if values.dtype == np.uint16:
        return (values.astype(np.uint32) << 16).view(np.float32)
    return values.astype(np.float32, copy=False)


def narrow_network(weights: Weights, half: Half = BF16) -> Weights:
    """The network that is computed in 16 bits where that pays."""
    tensors = {name: half.narrow(values) if is_narrowed(name) else values for name, values in weights.tensors.items()}
    return replace(weights, tensors=tensors)


def widen_network(weights: Weights) -> Weights:
    """The same network with the same values, to be computed in float32."""
    return replace(weights, tensors={name: widen(values) for name, values in weights.tensors.items()})
