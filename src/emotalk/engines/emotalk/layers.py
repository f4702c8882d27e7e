"""The words that the network is written in; each runtime has them as operations of its own graph.

An activation is rows of features: [time, width], or [windows, time, width] where a runtime takes several windows at
once. A weight decides the precision that it is multiplied in: a layer with a 16-bit weight narrows what comes in and
answers in 16 bits; norms and sums widen again. So a graph says all of this itself, and no runtime has to choose.
"""

from typing import Any, Protocol

from numpy.typing import NDArray

from emotalk.engines.emotalk.checkpoint import Array
from emotalk.engines.emotalk.weights import Weights

Node = Any
"""A value in a runtime's graph."""

LAYER_NORM_EPS = 1e-5


class Layers(Protocol):
    """Each makes one value of the graph out of others; weights are numpy arrays, float32 or 16 bits."""

    def column(self, samples: Node) -> Node:
        """Samples [n] → rows of one number each."""
        ...

    def wide(self, x: Node) -> Node:
        """The same in float32."""
        ...

    def linear(self, x: Node, weights: Weights, name: str) -> Node:
        """The linear layer `name`, width i → o."""
        ...

    def affine(self, x: Node, weight: NDArray[Any], bias: Array) -> Node:
        """x · weightᵀ + bias, weight [o, i], in the weight's precision."""
        ...

    def layer_norm(self, x: Node, weights: Weights, name: str) -> Node:
        """Layer norm over the width, in float32."""
        ...

    def gelu(self, x: Node) -> Node:
        """GELU, the exact one."""
        ...

    def relu(self, x: Node) -> Node:
        """max(x, 0)."""
        ...

    def add(self, x: Node, y: Node) -> Node:
        """x + y."""
        ...

    def side_by_side(self, parts: list[Node]) -> Node:
        """One row of the rows of each part."""
        ...

    def strided_conv(self, x: Node, weight: NDArray[Any], bias: Array, stride: int) -> Node:
        """A convolution along time, weight [o, i, k]. x must have exactly the rows that its windows see."""
        ...

    def positional_conv(self, x: Node, weight: Array, bias: Array) -> Node:
        """A grouped convolution along time, weight [g, o / g, i / g, k]; row t sees t − k / 2 .. t + k / 2 − 1."""
        ...

    def resample(self, x: Node, positions: Node) -> Node:
        """Linear interpolation along time: row p of the result is x at positions[p] ∈ [0, rows − 1]."""
        ...

    def attention(self, queries: Node, keys: Node, values: Node, heads: int, bias: Node | None = None) -> Node:
        """Scaled dot-product attention; `bias` [1, heads, t, t] is added to the scores."""
        ...

    def per_head(self, distance: Node, slopes: Array) -> Node:
        """[1, 1, t, t] times the slope of each head → [1, heads, t, t]."""
        ...

    def row(self, table: Array, index: Node) -> Node:
        """Row `index` [1] of a table [r, w] → [1, w]."""
        ...

    def for_every_row(self, row: Node, x: Node) -> Node:
        """[1, w] repeated for each row of x."""
        ...
