"""The network: rows for a window, whatever its level; and models that are missing or damaged are named."""

from pathlib import Path

import numpy as np
import pytest

from emotalk.engines.builtin.engine import MODELS
from emotalk.engines.builtin.network import MouthNetwork
from emotalk.engines.builtin.plan import CLIP, ROW_SAMPLES
from emotalk.engines.builtin.poses import PHONES
from emotalk.errors import CheckpointError, CheckpointNotFound
from tests.unit.voices import babble

NETWORK = MouthNetwork(MODELS / "mouth.onnx")


def test_a_window_has_a_row_every_20_ms_and_one_at_its_end() -> None:
    rows = CLIP.past + CLIP.hop + CLIP.ahead
    shares = NETWORK.hear(babble(seconds=3.0)[: rows * ROW_SAMPLES])[0]
    assert shares.shape == (rows + 1, len(PHONES))
    assert shares.min() >= 0
    np.testing.assert_allclose(shares.sum(1), 1, atol=1e-5)


@pytest.mark.parametrize("decibels", [-40, -20, 6])
def test_how_loud_a_window_is_makes_little_difference(decibels: int) -> None:
    sound = 0.3 * babble(seconds=2.8)
    louder = (sound * 10 ** (decibels / 20)).astype(np.float32)
    # What is heard is rounded to 256 steps: a share in doubt moves by a few hundredths.
    shares, as_loud = NETWORK.hear(sound)[0], NETWORK.hear(louder)[0]
    np.testing.assert_allclose(as_loud, shares, atol=0.06)
    assert np.abs(as_loud - shares).mean() < 0.001


def test_all_models_together_stay_under_10_megabytes() -> None:
    assert sum(f.stat().st_size for f in MODELS.iterdir()) < 10e6


def test_a_missing_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(CheckpointNotFound, match=r"gone\.onnx"):
        MouthNetwork(tmp_path / "gone.onnx")


def test_a_damaged_model_is_named(tmp_path: Path) -> None:
    damaged = tmp_path / "damaged.onnx"
    damaged.write_bytes((MODELS / "mouth.onnx").read_bytes()[:1000])
    with pytest.raises(CheckpointError, match=r"damaged\.onnx"):
        MouthNetwork(damaged)
