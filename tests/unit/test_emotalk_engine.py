"""The engine around the network: what it refuses, what it says of itself, and that it never invents a frame."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import cast

import numpy as np
import pytest

from emotalk.engines.base import Precision, WindowEngine
from emotalk.engines.emotalk import EmoTalkEngine, engine
from emotalk.engines.emotalk.narrow import BF16
from emotalk.engines.emotalk.precision import Started
from emotalk.engines.emotalk.runtimes import Runtime, RuntimeKind
from emotalk.engines.emotalk.weights import Weights
from emotalk.engines.emotalk.window import WindowInputs
from emotalk.errors import (
    CheckpointError,
    CheckpointNotFound,
    ConfigurationError,
    DeviceUnavailable,
    EmptyAudio,
    EngineError,
)
from emotalk.face import Frames, Style
from tests.parity.seeded_checkpoint import write_checkpoint

SECOND = np.zeros(16_000, np.float32)

Answer = Callable[[int], Frames]


class FakeRuntime:
    """Answers what a test wants to be answered to a window of so many frames."""

    device = "cpu"
    identity = "fake"
    batch_seconds = 0.0
    reads_weights = False

    def __init__(self, answer: Answer) -> None:
        self.answer = answer

    def infer(self, window: WindowInputs) -> Frames:
        return self.answer(window.content_positions.size)


def ones(frames: int) -> Frames:
    return np.ones((frames, 52), np.float32)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_checkpoint(tmp_path_factory.mktemp("weights") / "tiny.pth")


@pytest.fixture
def answering(checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., EmoTalkEngine]:
    def build(answer: Answer, warm: bool = False) -> EmoTalkEngine:
        kind = RuntimeKind(lambda *_: cast("Runtime", FakeRuntime(answer)), lambda *_: SECOND, BF16, lambda: False)
        monkeypatch.setattr(engine, "RUNTIMES", {"cpu": kind})
        return EmoTalkEngine(checkpoint, device="cpu", warm=warm)

    return build


def test_importing_the_engine_does_not_import_openvino() -> None:
    code = "import sys, emotalk.engines.emotalk; sys.exit('openvino' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 0


def test_without_openvino_the_error_says_what_to_install(checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("emotalk.openvino_layers", "emotalk.openvino_runtime", "quiet_openvino"):
        monkeypatch.delitem(sys.modules, f"emotalk.engines.{name}", raising=False)
    monkeypatch.setitem(sys.modules, "openvino", None)
    with pytest.raises(DeviceUnavailable, match=r"-m pip install .*\[emotalk\]"):
        EmoTalkEngine(checkpoint)


def test_no_threads_are_too_few(checkpoint: Path) -> None:
    with pytest.raises(ConfigurationError, match="threads: 0"):
        EmoTalkEngine(checkpoint, threads=0)


def test_a_missing_checkpoint_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(CheckpointNotFound, match=r"nowhere\.pth"):
        EmoTalkEngine(tmp_path / "nowhere.pth")


def test_the_card_names_the_licence_of_the_weights(answering: Callable[..., EmoTalkEngine]) -> None:
    built = answering(ones)
    assert isinstance(built, WindowEngine)
    assert (built.card.name, built.card.device, built.card.precision) == ("emotalk", "cpu", "fp32")
    assert "non-commercial" in built.card.licence


def test_the_fingerprint_changes_with_weights_precision_runtime_and_with_what_is_computed(
    checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fingerprint(digest: str, precision: Precision, identity: str, answer: Answer = ones) -> str:
        runtime = FakeRuntime(answer)
        runtime.identity = identity
        started = Started(cast("Runtime", runtime), Weights({}, digest), precision)
        monkeypatch.setattr(engine, "start", lambda *_: started)
        return EmoTalkEngine(checkpoint, device="cpu").card.fingerprint

    first = fingerprint("w", "fp32", "openvino 1")
    assert first == fingerprint("w", "fp32", "openvino 1")
    others = {
        fingerprint("v", "fp32", "openvino 1"),
        fingerprint("w", "bf16", "openvino 1"),
        fingerprint("w", "fp32", "openvino 2"),
        fingerprint("w", "fp32", "openvino 1", lambda frames: np.nextafter(ones(frames), np.float32(2))),
    }
    assert len(others | {first}) == 5


def test_an_answer_that_is_not_finite_is_an_error_and_no_frame(answering: Callable[..., EmoTalkEngine]) -> None:
    with pytest.raises(EngineError, match="NaN"):
        answering(lambda frames: ones(frames) * np.nan).animate(SECOND, Style())


def test_damaged_weights_are_found_while_warming_up(answering: Callable[..., EmoTalkEngine]) -> None:
    with pytest.raises(CheckpointError, match=r"tiny\.pth.*damaged"):
        answering(lambda frames: ones(frames) * np.inf, warm=True)


def test_too_few_frames_are_an_error(answering: Callable[..., EmoTalkEngine]) -> None:
    with pytest.raises(EngineError, match="29 frames to 16000 samples"):
        answering(lambda frames: ones(frames - 1)).animate(SECOND, Style())


def test_a_window_without_samples_is_refused(answering: Callable[..., EmoTalkEngine]) -> None:
    with pytest.raises(EmptyAudio):
        answering(ones).animate(np.zeros(0, np.float32), Style())
