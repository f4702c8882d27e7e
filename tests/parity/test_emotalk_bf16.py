"""The narrow network on OpenVINO: near the reference, and found out when a kernel is wrong.

Where the processor has no bf16 OpenVINO computes the same graph in float32, so these run (and hold) everywhere.
"""

import logging
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from emotalk.engines import quiet_openvino
from emotalk.engines.emotalk import EmoTalkEngine, engine
from emotalk.engines.emotalk.openvino_layers import copy_constant
from emotalk.engines.emotalk.runtimes import RUNTIMES
from emotalk.errors import PrecisionUnavailable
from emotalk.face import Style
from tests.parity.expected import Case, cases
from tests.parity.seeded_checkpoint import audio

ROOT = Path(__file__).parents[2]
TOLERANCE = 0.05
LARGEST_RMS = 0.06
"""Of each channel's standard deviation, median channel."""


@pytest.fixture(autouse=True)
def bf16_everywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    kind = replace(RUNTIMES["cpu"], has_half=lambda: True)
    monkeypatch.setattr(engine, "RUNTIMES", {**RUNTIMES, "cpu": kind})


@pytest.fixture
def narrow_engine(tiny_checkpoint: Path) -> EmoTalkEngine:
    return EmoTalkEngine(tiny_checkpoint, precision="bf16", threads=1)


def test_the_narrow_network_is_near_the_reference_and_is_not_the_exact_one(narrow_engine: EmoTalkEngine) -> None:
    for case in cases("tiny"):
        off = narrow_engine.animate(case.audio(), case.style) - case.frames
        rms = float(np.median(np.sqrt(np.square(off).mean(0)) / case.frames.std(0)))
        print(f"{case.name}: max abs {np.abs(off).max():.3f}, rms {rms:.1%} of std")
        assert 1e-4 < np.abs(off).max() < TOLERANCE
        assert rms < LARGEST_RMS


def test_auto_takes_it_and_its_bytes_do_not_change(narrow_engine: EmoTalkEngine, tiny_checkpoint: Path) -> None:
    clip = audio(4, 3.3)
    auto = EmoTalkEngine(tiny_checkpoint, threads=1)
    assert auto.card == narrow_engine.card
    first = auto.animate(clip, Style())
    auto.animate(clip[:7000], Style(0, 3))
    assert auto.animate(clip, Style()).tobytes() == first.tobytes()
    assert narrow_engine.animate(clip, Style()).tobytes() == first.tobytes()


def test_where_the_processor_has_no_bf16_the_narrow_network_is_still_right(tiny_checkpoint: Path) -> None:
    program = f"""
import pathlib, numpy
from emotalk.engines.emotalk.narrow import narrow_network
from emotalk.engines.emotalk.openvino_runtime import OpenVinoRuntime
from emotalk.engines.emotalk.weights import load_weights
from emotalk.engines.emotalk.window import prepare
from tests.parity.expected import cases
runtime = OpenVinoRuntime(narrow_network(load_weights(pathlib.Path({str(tiny_checkpoint)!r}))), threads=1)
case = next(cases("tiny"))
print(numpy.abs(runtime.infer(prepare(case.audio(), case.style)) - case.frames).max())
"""
    older = os.environ | {"ONEDNN_MAX_CPU_ISA": "AVX2"}
    command = [sys.executable, "-c", program]
    said = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120, cwd=ROOT, env=older).stdout
    assert 1e-4 < float(said) < TOLERANCE


@pytest.fixture
def wrong_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    """A matrix product that forgets half of the sum, in bfloat16 only."""
    right = quiet_openvino.op.matmul

    def wrong(x: Any, weight: Any, *rest: Any) -> Any:
        product = right(x, weight, *rest)
        narrowed = weight.get_element_type() == quiet_openvino.Type.bf16
        return (
            quiet_openvino.op.multiply(product, copy_constant(np.array([0x3F00], np.uint16))) if narrowed else product
        )

    monkeypatch.setattr(quiet_openvino.op, "matmul", wrong)


@pytest.mark.usefixtures("wrong_kernel")
def test_auto_falls_back_from_a_wrong_kernel_loudly_and_answers_exactly(
    tiny_checkpoint: Path, caplog: pytest.LogCaptureFixture
) -> None:
    engine = EmoTalkEngine(tiny_checkpoint, threads=1)
    assert engine.card.precision == "fp32"
    [warning] = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert warning.getMessage() == "falling back to fp32"
    assert "wrong on this machine" in warning.__dict__["error"]
    case: Case = next(iter(cases("tiny")))
    assert np.abs(engine.animate(case.audio(), case.style) - case.frames).max() < 1e-4


@pytest.mark.usefixtures("wrong_kernel")
def test_a_wrong_kernel_that_was_asked_for_is_an_error(tiny_checkpoint: Path) -> None:
    with pytest.raises(PrecisionUnavailable, match="wrong on this machine"):
        EmoTalkEngine(tiny_checkpoint, precision="bf16", threads=1)
