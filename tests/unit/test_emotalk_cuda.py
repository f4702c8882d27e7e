"""CUDA's runtime, as far as a machine without a GPU can tell: the very same graph on ONNX Runtime's CPU provider."""

import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from emotalk.cli.exits import Exit
from emotalk.cli.main import main
from emotalk.engines.emotalk import EmoTalkEngine, check, engine, onnx_runtime, runtimes
from emotalk.engines.emotalk.narrow import FP16, Half, narrow_network
from emotalk.engines.emotalk.onnx_runtime import CPU, CUDA, OnnxRuntime, probe
from emotalk.engines.emotalk.precision import LARGEST_ERROR
from emotalk.engines.emotalk.runtimes import RUNTIMES, RuntimeKind
from emotalk.engines.emotalk.weights import Weights, load_weights
from emotalk.engines.emotalk.window import WindowInputs, prepare
from emotalk.engines.quiet_onnxruntime import failures
from emotalk.errors import DeviceUnavailable, EngineError, OutOfMemory
from emotalk.face import Style
from tests.parity.expected import Case, cases
from tests.parity.seeded_checkpoint import audio, write_checkpoint

NO_MEMORY = failures.RuntimeException("BFCArena::AllocateRawInternal Failed to allocate memory for requested buffer")


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_checkpoint(tmp_path_factory.mktemp("weights") / "tiny.pth")


@pytest.fixture(scope="module")
def weights(checkpoint: Path) -> Weights:
    return load_weights(checkpoint)


@pytest.fixture(scope="module")
def exact(weights: Weights) -> OnnxRuntime:
    return OnnxRuntime(weights, CPU, threads=1)


def windows(count: int, seconds: float = 1.7) -> list[WindowInputs]:
    return [prepare(audio(seed, seconds), Style(1, 4)) for seed in range(count)]


@pytest.mark.parametrize("case", list(cases("tiny")), ids=lambda case: case.name)
def test_the_same_network_in_fp32_agrees_with_the_reference(exact: OnnxRuntime, case: Case) -> None:
    frames = exact.infer(prepare(case.audio(), case.style))
    assert frames.shape == case.frames.shape
    assert np.abs(frames - case.frames).max() < 2e-5


@pytest.mark.parametrize("case", list(cases("tiny")), ids=lambda case: case.name)
def test_in_fp16_it_is_nearer_than_bf16_may_be(weights: Weights, case: Case) -> None:
    frames = OnnxRuntime(narrow_network(weights, FP16), threads=1).infer(prepare(case.audio(), case.style))
    assert 1e-4 < np.abs(frames - case.frames).max() < 0.005


@pytest.mark.parametrize("samples", [1, 399, 400, 719, 720, 16_001])
def test_a_window_of_any_length_has_its_frames(exact: OnnxRuntime, samples: int) -> None:
    window = prepare(audio(4, 2.0)[:samples], Style())
    assert exact.infer(window).shape == (window.content_positions.size, 52)


def test_windows_computed_together_answer_as_they_do_alone(exact: OnnxRuntime) -> None:
    together = exact.infer_batch(windows(3))
    for frames, window in zip(together, windows(3), strict=True):
        assert np.abs(frames - exact.infer(window)).max() < 1e-5


class Scarce:
    """A session whose memory holds so many windows; it notes what was asked of it."""

    def __init__(self, session: Any, room: int) -> None:
        self.session, self.room = session, room
        self.asked: list[int] = []

    def run(self, names: list[str], inputs: dict[str, Any]) -> Any:
        self.asked.append(len(inputs["samples"]))
        if len(inputs["samples"]) > self.room:
            raise NO_MEMORY
        return self.session.run(names, inputs)


@pytest.fixture
def scarce(exact: OnnxRuntime, monkeypatch: pytest.MonkeyPatch) -> Callable[[int], Scarce]:
    def build(room: int) -> Scarce:
        session = Scarce(exact._session, room)
        monkeypatch.setattr(exact, "_session", session)
        monkeypatch.setattr(exact, "_most", None)
        return session

    return build


def test_a_batch_that_does_not_fit_is_halved_until_it_does_and_stays_so(
    exact: OnnxRuntime, scarce: Callable[[int], Scarce], caplog: pytest.LogCaptureFixture
) -> None:
    expected = exact.infer_batch(windows(7))
    session = scarce(2)
    frames = exact.infer_batch(windows(7))
    assert session.asked == [7, 3, 1, 1, 1, 1, 1, 1, 1]
    assert all(np.abs(a - b).max() < 1e-5 for a, b in zip(frames, expected, strict=True))
    assert [r.getMessage() for r in caplog.records if r.levelno == logging.WARNING] == ["batch halved"] * 2
    exact.infer_batch(windows(2))
    assert session.asked[-2:] == [1, 1]


def test_a_single_window_that_does_not_fit_names_a_smaller_chunk(
    exact: OnnxRuntime, scarce: Callable[[int], Scarce]
) -> None:
    scarce(0)
    with pytest.raises(OutOfMemory, match="Use a smaller --chunk-duration"):
        exact.infer_batch(windows(4))


@pytest.mark.parametrize(
    "text",
    [
        "CUDA failure 2: out of memory ; GPU=0 ; hostname=h ; file=cuda_allocator.cc",
        "CUBLAS failure 3: CUBLAS_STATUS_ALLOC_FAILED",
        "CUDNN_STATUS_ALLOC_FAILED",
        "bfc_arena.cc Available memory of 9 is smaller than requested bytes of 10; Failed to allocate",
    ],
)
def test_each_way_to_say_that_memory_ran_out_is_understood(
    exact: OnnxRuntime, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    class Broken:
        def run(self, *_: object) -> None:
            raise failures.Fail(text)

    monkeypatch.setattr(exact, "_session", Broken())
    with pytest.raises(OutOfMemory):
        exact.infer(windows(1)[0])


def test_any_other_failure_is_an_engine_error_with_its_text(
    exact: OnnxRuntime, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Broken:
        def run(self, *_: object) -> None:
            raise failures.RuntimeException("CUDA failure 700: an illegal memory access")

    monkeypatch.setattr(exact, "_session", Broken())
    with pytest.raises(EngineError, match="illegal memory access") as caught:
        exact.infer(windows(1)[0])
    assert not isinstance(caught.value, OutOfMemory)


@pytest.fixture
def half_kind(monkeypatch: pytest.MonkeyPatch) -> RuntimeKind:
    """CUDA's place in the table, taken by the CPU provider."""
    kind = RuntimeKind(
        lambda weights, threads: OnnxRuntime(weights, CPU, 1),
        lambda encoder, samples, threads: probe(encoder, samples, CPU),
        FP16,
        has_half=lambda: True,
    )
    monkeypatch.setattr(engine, "RUNTIMES", {**RUNTIMES, "cuda": kind})
    return kind


@pytest.mark.usefixtures("half_kind")
@pytest.mark.parametrize(("precision", "says"), [("auto", "fp16"), ("fp16", "fp16"), ("fp32", "fp32")])
def test_auto_is_fp16_after_the_same_check(checkpoint: Path, precision: Any, says: str) -> None:
    assert EmoTalkEngine(checkpoint, device="cuda", precision=precision).card.precision == says


@pytest.mark.usefixtures("half_kind")
def test_where_cuda_can_be_used_auto_takes_it(checkpoint: Path) -> None:
    assert EmoTalkEngine(checkpoint, precision="fp32").batch_seconds > 0


def test_weights_beyond_fp16_fall_back_to_fp32_loudly(
    checkpoint: Path, half_kind: RuntimeKind, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    too_small = Half("fp16", lambda values: (values * np.float32(1e6)).astype(np.float16))
    kind = replace(half_kind, half=too_small)
    monkeypatch.setattr(engine, "RUNTIMES", {**RUNTIMES, "cuda": kind})
    with np.errstate(over="ignore"):
        assert EmoTalkEngine(checkpoint, device="cuda").card.precision == "fp32"
    assert "falling back to fp32" in [r.getMessage() for r in caplog.records]
    assert LARGEST_ERROR < 1


NO_GPU = r"device cuda: no NVIDIA GPU answers on this machine\. Use --device cpu or --device auto"


def test_without_a_gpu_cuda_is_refused_at_once_and_auto_is_the_cpu(
    checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runtimes, "list_gpus", list)
    for refused in (lambda: EmoTalkEngine(checkpoint, device="cuda"), lambda: check(checkpoint, "cuda", "auto")):
        with pytest.raises(DeviceUnavailable, match=NO_GPU):
            refused()
    assert EmoTalkEngine(checkpoint, precision="fp32", warm=False).card.device == "cpu"


def test_with_a_gpu_and_no_runtime_for_it_the_error_says_what_to_install(
    checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runtimes, "list_gpus", lambda: ["a GPU"])
    monkeypatch.setattr(onnx_runtime, "offers_cuda", lambda: False)
    with pytest.raises(DeviceUnavailable, match=r"the CPU's\. .* -m pip install .*\[cuda\].* && .*onnxruntime-gpu"):
        check(checkpoint, "cuda", "auto")


def test_a_provider_that_does_not_start_is_an_error_and_never_the_cpu_in_silence(
    weights: Weights, monkeypatch: pytest.MonkeyPatch
) -> None:
    class OnTheCpu:
        def __init__(self, *_: object, **__: object) -> None: ...

        def get_providers(self) -> list[str]:
            return ["CPUExecutionProvider"]

    monkeypatch.setattr(onnx_runtime, "list_gpus", lambda: ["a GPU"])
    monkeypatch.setattr("onnxruntime.InferenceSession", OnTheCpu)
    with pytest.raises(DeviceUnavailable, match=r"CUDA's or cuDNN's libraries.* -m pip install .*\[cuda\]"):
        OnnxRuntime(weights, CUDA)


def test_the_command_ends_with_one_sentence_and_exit_code_3(
    checkpoint: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(runtimes, "list_gpus", list)
    sound, out = Path("examples/speech.wav").resolve(), tmp_path / "out.csv"
    arguments = ["animate", str(sound), "-o", str(out), "--engine", "emotalk", "--model_path", str(checkpoint)]
    assert main([*arguments, "--device", "cuda"]) == Exit.ENGINE == 3
    said = capsys.readouterr()
    assert len(said.err.strip().splitlines()) == 1
    assert "no NVIDIA GPU" in said.err
    assert not out.exists()
