"""The network in blocks draws what it would draw in one piece, and reads exactly as far as it says."""

import numpy as np
import pytest

from emotalk.engines.builtin.engine import MODELS
from emotalk.engines.builtin.network import CONTEXT, CURVES, HOP, LOOK_AHEAD, MELS_PER_STEP, MouthNetwork, reach
from emotalk.errors import CheckpointError, CheckpointNotFound

NETWORK = MouthNetwork(MODELS / "network.onnx")
STEPS = 313
MEL = np.random.default_rng(3).standard_normal((MELS_PER_STEP * STEPS, 64)).astype(np.float32)


def in_blocks(mel: np.ndarray) -> np.ndarray:
    steps, blocks = len(mel) // MELS_PER_STEP, []
    for first in range(0, steps, HOP):
        start, stop = reach(first, steps)
        piece = mel[MELS_PER_STEP * start : MELS_PER_STEP * stop]
        blocks.append(NETWORK.block(piece, first - start, min(HOP, steps - first)))
    return np.concatenate(blocks)


@pytest.mark.parametrize("steps", [1, 2, HOP, HOP + 1, 2 * HOP + LOOK_AHEAD, STEPS])
def test_blocks_draw_what_the_whole_clip_would(steps: int) -> None:
    mel = MEL[: MELS_PER_STEP * steps]
    whole = NETWORK.curves(mel)
    assert whole.shape == (steps, len(CURVES))
    np.testing.assert_allclose(in_blocks(mel), whole, rtol=0, atol=1e-5)


def test_context_and_look_ahead_are_exactly_those_of_the_network() -> None:
    curves, reached = NETWORK.curves(MEL), set()
    for step in range(100, 200, 5):
        other = MEL.copy()
        other[MELS_PER_STEP * step : MELS_PER_STEP * (step + 1)] *= -5
        reached |= set(np.flatnonzero((NETWORK.curves(other) != curves).any(1)) - step)
    assert (min(reached), max(reached)) == (-LOOK_AHEAD, CONTEXT)


def test_a_block_reads_its_context_and_look_ahead_within_the_clip() -> None:
    assert reach(0) == (0, HOP + LOOK_AHEAD)
    assert reach(300) == (300 - CONTEXT, 300 + HOP + LOOK_AHEAD)
    assert reach(300, total=305) == (300 - CONTEXT, 305)


def test_a_missing_model_is_named(tmp_path) -> None:
    with pytest.raises(CheckpointNotFound, match=r"gone\.onnx"):
        MouthNetwork(tmp_path / "gone.onnx")


def test_a_damaged_model_is_named(tmp_path) -> None:
    damaged = tmp_path / "damaged.onnx"
    damaged.write_bytes((MODELS / "network.onnx").read_bytes()[:1000])
    with pytest.raises(CheckpointError, match=r"damaged\.onnx"):
        MouthNetwork(damaged)
