"""Which precision is chosen, that bf16 is believed only when it is right, and that no fall-back is silent."""

import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from emotalk.engines.emotalk import EmoTalkEngine, check, convert, converted, converted_path, engine, find_weights
from emotalk.engines.emotalk.narrow import BF16, FP16, Half
from emotalk.engines.emotalk.precision import LARGEST_ERROR
from emotalk.engines.emotalk.runtimes import RuntimeKind
from emotalk.engines.emotalk.weights import CONTENT, EMOTION, Weights
from emotalk.engines.emotalk.window import Floats, WindowInputs
from emotalk.errors import EngineError, OutOfMemory, PrecisionUnavailable
from emotalk.face import Frames
from tests.parity.seeded_checkpoint import save, tensors, write_checkpoint

MATRIX = "audio_encoder_cont.encoder.layers.0.attention.q_proj.weight"
DEEPER = "audio_encoder_cont.encoder.layers.1.attention.q_proj.weight"

Answer = Callable[[Frames], Frames]


class FakeRuntime:
    """Moves each channel by one."""

    device = "cpu"
    identity = "fake"
    batch_seconds = 0.0
    reads_weights = False

    def infer(self, window: WindowInputs) -> Frames:
        return moving(window.content_positions.size)


def moving(frames: int) -> Frames:
    """Every channel jumps from 1 to −1 and back."""
    return np.repeat(np.where(np.arange(frames) % 2, 1, -1).astype(np.float32)[:, None], 52, 1)


class Starts(list[Weights]):
    """Remembers which weights a runtime was started with, and which were probed before."""

    def __init__(self) -> None:
        super().__init__()
        self.probed: list[Weights] = []


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    return write_checkpoint(tmp_path / "tiny.pth")


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Starts]:
    """A machine that has bf16 or not, and whose narrow arithmetic answers as said."""

    def build(answer: Answer = np.copy, has_bf16: bool = True, half: Half = BF16) -> Starts:
        started = Starts()

        def start(weights: Weights, threads: int | None) -> FakeRuntime:
            started.append(weights)
            return FakeRuntime()

        def probe(encoder: Weights, samples: Floats, threads: int | None) -> Frames:
            started.probed.append(encoder)
            return answer(moving(40)) if encoder.half else moving(40)

        kind = RuntimeKind(start, probe, half, has_half=lambda: has_bf16)
        nothing = replace(kind, missing=lambda: "not here")
        monkeypatch.setattr(engine, "RUNTIMES", {"cpu": kind, "cuda": nothing})
        return started

    return build


Machine = Callable[..., Starts]


def off_by(error: float) -> Answer:
    """rms `error`, where the face moves by 1."""
    return lambda frames: frames + np.float32(error)


def failing(error: EngineError) -> Answer:
    def fail(_: Frames) -> Frames:
        raise error

    return fail


def warnings(caplog: pytest.LogCaptureFixture) -> list[tuple[str, str]]:
    return [(r.getMessage(), r.__dict__["error"]) for r in caplog.records if r.levelno >= logging.WARNING]


def test_auto_is_fp32_where_the_processor_has_no_bf16(checkpoint: Path, machine: Machine) -> None:
    started = machine(has_bf16=False)
    assert EmoTalkEngine(checkpoint).card.precision == "fp32"
    assert [weights[MATRIX].dtype for weights in started] == [np.float32]


def test_auto_is_bf16_where_the_processor_has_it_and_it_proves_right(
    checkpoint: Path, machine: Machine, caplog: pytest.LogCaptureFixture
) -> None:
    machine(off_by(0.5 * LARGEST_ERROR))
    assert EmoTalkEngine(checkpoint).card.precision == "bf16"
    assert warnings(caplog) == []


def test_fp32_can_always_be_asked_for_and_checks_nothing(checkpoint: Path, machine: Machine) -> None:
    started = machine()
    assert EmoTalkEngine(checkpoint, precision="fp32").card.precision == "fp32"
    assert [weights[MATRIX].dtype for weights in started] == [np.float32]


def test_the_check_probes_one_layer_of_an_encoder_in_both_precisions(checkpoint: Path, machine: Machine) -> None:
    started = machine()
    EmoTalkEngine(checkpoint)
    probed = [(encoder["encoder.layers.0.attention.q_proj.weight"].dtype.name) for encoder in started.probed]
    assert probed == ["float32", "uint16"]
    assert not any(".layers.1." in name or "audio_feature_map" in name for name in started.probed[0].tensors)
    assert DEEPER in started[0]


def test_encoders_of_different_widths_are_both_probed(tmp_path: Path, machine: Machine) -> None:
    # The emotion's feed-forward becomes half as wide.
    def changed(name: str, x: np.ndarray) -> np.ndarray:
        if "audio_encoder_emo" not in name or "feed_forward" not in name or name.endswith("output_dense.bias"):
            return x
        return x[:, :64] if "output_dense" in name else x[:64]

    started = machine()
    EmoTalkEngine(save(tmp_path / "odd.pth", ((name, changed(name, x)) for name, x in tensors())))
    assert [encoder.prefix for encoder in started.probed[::2]] == [EMOTION, CONTENT]


def test_a_runtime_of_float16_is_handed_float16(checkpoint: Path, machine: Machine) -> None:
    started = machine(half=FP16)
    assert EmoTalkEngine(checkpoint).card.precision == "fp16"
    assert started[0][MATRIX].dtype == np.float16
    with pytest.raises(PrecisionUnavailable, match=r"bf16: this device has fp16 and fp32\. Use auto"):
        EmoTalkEngine(checkpoint, precision="bf16")


@pytest.mark.parametrize("answer", [off_by(2 * LARGEST_ERROR), off_by(np.nan), np.negative], ids=["off", "nan", "sign"])
def test_auto_falls_back_from_wrong_arithmetic_and_says_so(
    checkpoint: Path, machine: Machine, caplog: pytest.LogCaptureFixture, answer: Answer
) -> None:
    machine(answer)
    assert EmoTalkEngine(checkpoint).card.precision == "fp32"
    [(message, error)] = warnings(caplog)
    assert message == "falling back to fp32"
    assert "bf16: wrong on this machine by" in error


def test_auto_falls_back_from_arithmetic_that_fails_and_names_the_failure(
    checkpoint: Path, machine: Machine, caplog: pytest.LogCaptureFixture
) -> None:
    machine(failing(EngineError("no such kernel")))
    assert EmoTalkEngine(checkpoint).card.precision == "fp32"
    assert warnings(caplog) == [("falling back to fp32", "no such kernel")]


def test_a_lack_of_memory_is_no_reason_to_take_more_of_it(checkpoint: Path, machine: Machine) -> None:
    machine(failing(OutOfMemory("full")))
    with pytest.raises(OutOfMemory):
        EmoTalkEngine(checkpoint)


def test_wrong_arithmetic_that_was_asked_for_is_an_error_and_no_fall_back(checkpoint: Path, machine: Machine) -> None:
    machine(off_by(1))
    with pytest.raises(PrecisionUnavailable, match=r"by 100% .* Use fp32 or auto"):
        EmoTalkEngine(checkpoint, precision="bf16")


def test_bf16_is_refused_at_once_where_the_processor_has_none(checkpoint: Path, machine: Machine) -> None:
    started = machine(has_bf16=False)
    for refused in (lambda: EmoTalkEngine(checkpoint, precision="bf16"), lambda: check(checkpoint, "cpu", "bf16")):
        with pytest.raises(PrecisionUnavailable, match=r"no bf16 instructions. Use fp32 or auto"):
            refused()
    assert started == []


def test_the_precision_is_part_of_the_fingerprint(checkpoint: Path, machine: Machine) -> None:
    machine()
    narrow, exact = EmoTalkEngine(checkpoint), EmoTalkEngine(checkpoint, precision="fp32")
    assert narrow.card.fingerprint != exact.card.fingerprint


def test_a_converted_file_is_used_and_said_and_changes_nothing(
    checkpoint: Path, machine: Machine, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    started = machine()
    without = EmoTalkEngine(checkpoint)
    convert(find_weights(checkpoint), converted_path(checkpoint))
    used = EmoTalkEngine(checkpoint)
    assert used.card == without.card
    assert np.array_equal(started[0][MATRIX], started[-1][MATRIX])
    assert [r.getMessage() for r in caplog.records] == ["no converted file", "converted file"]
    assert caplog.records[-1].__dict__["path"] == str(converted_path(checkpoint))


def test_a_damaged_converted_file_is_ignored_loudly(
    checkpoint: Path, machine: Machine, caplog: pytest.LogCaptureFixture
) -> None:
    started = machine()
    convert(find_weights(checkpoint), converted_path(checkpoint))
    raw = bytearray(converted_path(checkpoint).read_bytes())
    raw[-1] ^= 1
    converted_path(checkpoint).write_bytes(raw)
    EmoTalkEngine(checkpoint)
    [(message, error)] = warnings(caplog)
    assert message == "converted file ignored"
    assert "tiny.bf16.safetensors: it is damaged" in error
    assert np.array_equal(started[-1]["bs_map_r.weight"], find_weights(checkpoint).read()["bs_map_r.weight"])


def test_a_stale_converted_file_is_ignored_loudly(
    checkpoint: Path, machine: Machine, caplog: pytest.LogCaptureFixture
) -> None:
    started = machine()
    convert(find_weights(checkpoint), converted_path(checkpoint))
    write_checkpoint(checkpoint, seed=1)
    EmoTalkEngine(checkpoint)
    [(message, error)] = warnings(caplog)
    assert message == "converted file ignored"
    assert "another checkpoint" in error
    assert np.array_equal(started[-1]["bs_map_r.bias"], find_weights(checkpoint).read()["bs_map_r.bias"])


def test_without_room_for_a_temporary_file_the_same_weights_are_made_in_memory_loudly(
    checkpoint: Path, machine: Machine, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    started = machine()
    with_room = EmoTalkEngine(checkpoint)

    def disk_full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(converted, "write", disk_full)
    assert EmoTalkEngine(checkpoint).card == with_room.card
    assert all(np.array_equal(started[0][name], values) for name, values in started[-1].tensors.items())
    assert warnings(caplog) == [("converting in memory", "[Errno 28] No space left on device")]
