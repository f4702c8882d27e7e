"""The network in blocks: mouth curves at 50 Hz out of mel frames at 100 Hz, a fixed hop at a time.

Curve u is centred at (u + ½) · 20 ms and depends on the input steps u - 64 … u + 12 (dilated convolutions, zero
outside the clip), each of which stacks six mel frames: its own two and those of one step to either side. So a block
reads 65 steps before itself and 13 after:

    steps    first - 65 ────────── first ──────────── first + 15 ─────── first + 28
             └─ context, dropped ─┘└─ the block, kept ─┘└─ look-ahead, dropped ─┘

A hop of 15 steps is 0.3 s, nine frames. The context is computed again for every block, so a shorter hop costs more: 8
steps run 81 times as fast as the sound, 12 steps 104, 15 steps 115 times (one core, whole engine), while a frame waits
on average half a hop beyond the look-ahead: 15 is the shortest that keeps a tenth above a hundred times.
"""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emotalk.engines.builtin.onnx import load

CURVES = (
    "jawOpen",
    "mouthClose",
    "mouthFunnel",
    "mouthPucker",
    "mouthRollLower",
    "mouthRollUpper",
    "mouthPress",
    "mouthLowerDown",
    "mouthUpperUp",
    "mouthStretch",
    "mouthSmile",
    "mouthShrugUpper",
    "mouthShrugLower",
    "mouthDimple",
    "tongueOut",
)
CURVE_RATE = 50
STEP_SAMPLES = 320
MELS_PER_STEP = 2

HOP = 15
CONTEXT = 65
LOOK_AHEAD = 13


class MouthNetwork:
    """The trained network, loaded once and shared."""

    def __init__(self, path: Path) -> None:
        """Raises CheckpointNotFound, CheckpointError."""
        self._session: Any = load(path)

    def curves(self, mel: NDArray[np.float32]) -> NDArray[np.float32]:
        """Normalised mel float32 [2 · n, 64] → float32 [n, 15] in 0..1."""
        output: NDArray[np.float32] = self._session.run(["curves"], {"mel": mel[None]})[0][0]
        return output

    def block(self, mel: NDArray[np.float32], context: int, steps: int) -> NDArray[np.float32]:
        """Curves float32 [steps, 15] of one block, out of mel frames that begin `context` steps before it."""
        return self.curves(mel)[context : context + steps]


def reach(first: int, total: int | None = None) -> tuple[int, int]:
    """Steps (start, stop) that the block at `first` reads, in a clip of `total` steps (None: not known yet)."""
    stop = first + HOP + LOOK_AHEAD
    return max(0, first - CONTEXT), stop if total is None else min(stop, total)
