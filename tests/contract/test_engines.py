"""The exam that every engine sits: one body, no special cases."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from unittest import mock

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emotalk.chunking import Chunking, open_session
from emotalk.engines.base import DEVICES, PRECISIONS, Device, Engine, EngineCard, EngineSession, Latency, WindowEngine
from emotalk.engines.catalog import open_engine
from emotalk.engines.emotalk import engine as emotalk_engine
from emotalk.engines.emotalk.narrow import FP16
from emotalk.engines.emotalk.onnx_runtime import CPU, OnnxRuntime, probe
from emotalk.engines.emotalk.runtimes import RuntimeKind
from emotalk.engines.sleep import SleepEngine
from emotalk.errors import CheckpointNotFound, ConfigurationError, DeviceUnavailable
from emotalk.face import Frames, Pcm, Style
from emotalk.timebase import frame_count
from tests.parity.seeded_checkpoint import write_checkpoint
from tests.streaming_tone import StreamingToneEngine

AnyEngine = Engine | WindowEngine
CHUNKING = Chunking(20, 4)
NOWHERE = Path("no checkpoint lies here")


@cache
def checkpoint() -> Path:
    return write_checkpoint(Path(mkdtemp()) / "tiny.pth")


def opened(name: str, device: Device = "auto") -> AnyEngine:
    return open_engine(name, str(checkpoint()) if name == "emotalk" else "", device, "auto", NOWHERE)


def several_windows_at_once() -> AnyEngine:
    """CUDA's runtime, on the CPU."""
    kind = RuntimeKind(
        lambda weights, threads: OnnxRuntime(weights, CPU, 1),
        lambda encoder, samples, threads: probe(encoder, samples, CPU),
        FP16,
        has_half=lambda: True,
    )
    with mock.patch.object(emotalk_engine, "RUNTIMES", {"cuda": kind}):
        return opened("emotalk", "cuda")


@dataclass(frozen=True)
class Live:
    """An engine whose every clip is a live stream, which may wait for its frames or not."""

    engine: Engine
    latency: Latency

    @property
    def card(self) -> EngineCard:
        return self.engine.card

    def open(self, style: Style, latency: Latency = "clip", seed: str = "") -> EngineSession:
        return self.engine.open(style, self.latency, seed)


def live(latency: Latency) -> AnyEngine:
    engine = opened("builtin")
    assert isinstance(engine, Engine)
    return Live(engine, latency)


MAKERS: dict[str, Callable[[], AnyEngine]] = {
    "tone": lambda: opened("tone"),
    "sleep": lambda: SleepEngine(pause=lambda seconds: None),
    "streaming tone": StreamingToneEngine,
    "builtin": lambda: opened("builtin"),
    "builtin, live": lambda: live("live"),
    "builtin, near": lambda: live("near"),
    "emotalk": lambda: opened("emotalk"),
    "emotalk, several windows at once": several_windows_at_once,
}


@cache
def engine(name: str) -> AnyEngine:
    return MAKERS[name]()


@cache
def sound(seed: int = 0) -> Pcm:
    """Seven seconds of a buzz that comes and goes, with noise."""
    t = np.arange(7 * 16_000) / 16_000
    voice = sum(np.sin(2 * np.pi * (110 + 9 * seed) * k * t) / k for k in range(1, 12))
    noise = np.random.default_rng(seed).standard_normal(len(t))
    return np.asarray(0.2 * voice * np.clip(np.sin(2 * np.pi * 2.3 * t), 0, 1) + 0.01 * noise, np.float32)


def performed(one: AnyEngine, pcm: Pcm, cuts: list[int] | None = None, style: Style | None = None) -> Frames:
    session = open_session(one, style or Style(), CHUNKING)
    pushed = [session.push(piece) for piece in np.split(pcm, sorted(cuts or []))]
    return np.concatenate([*pushed, session.finish()])


every_engine = pytest.mark.parametrize("name", MAKERS)


@every_engine
@pytest.mark.parametrize("samples", [1, 2, 533, 534, 1599, 1600, 1601, 31_999, 32_000, 32_001, 60_001, 112_000])
def test_a_clip_has_exactly_its_frames_each_of_52_finite_numbers(name: str, samples: int) -> None:
    frames = performed(engine(name), sound()[:samples])
    assert frames.shape == (frame_count(samples), 52)
    assert frames.dtype == np.float32
    assert np.isfinite(frames).all()


@every_engine
@given(samples=st.integers(1, 60_000), cuts=st.lists(st.integers(0, 60_000), max_size=8))
@settings(max_examples=12)
def test_any_pushes_give_the_same_bytes(name: str, samples: int, cuts: list[int]) -> None:
    pcm = sound()[:samples]
    assert performed(engine(name), pcm, cuts).tobytes() == performed(engine(name), pcm).tobytes()


@every_engine
def test_sessions_that_take_turns_do_not_hear_each_other(name: str) -> None:
    clips = [sound(seed)[: 50_000 + 3000 * seed] for seed in range(3)]
    alone = [performed(engine(name), clip) for clip in clips]
    sessions = [open_session(engine(name), Style(), CHUNKING) for _ in clips]
    heard: list[list[Frames]] = [[], [], []]
    for start in range(0, 60_000, 5_000):
        for session, clip, frames in zip(sessions, clips, heard, strict=True):
            frames.append(session.push(clip[start : start + 5_000]))
    for session, frames, expected in zip(sessions, heard, alone, strict=True):
        assert np.concatenate([*frames, session.finish()]).tobytes() == expected.tobytes()


@every_engine
def test_the_same_sound_gives_the_same_bytes_again_and_in_another_instance(name: str) -> None:
    first = performed(engine(name), sound())
    assert performed(engine(name), sound()).tobytes() == first.tobytes()
    other = MAKERS[name]()
    assert performed(other, sound()).tobytes() == first.tobytes()
    assert other.card == engine(name).card


@every_engine
def test_what_was_pushed_may_be_overwritten_by_its_owner(name: str) -> None:
    session = open_session(engine(name), Style(), CHUNKING)
    buffer, frames = np.empty(4_000, np.float32), []
    for start in range(0, 40_000, 4_000):
        buffer[:] = sound()[start : start + 4_000]
        frames.append(session.push(buffer))
        buffer[:] = math.nan
    assert np.concatenate([*frames, session.finish()]).tobytes() == performed(engine(name), sound()[:40_000]).tobytes()


@every_engine
def test_every_style_is_understood(name: str) -> None:
    for style in (Style(0, 0), Style(1, 23)):
        assert np.isfinite(performed(engine(name), sound()[:8_000], style=style)).all()


@every_engine
def test_silence_and_full_scale_are_sound_like_any_other(name: str) -> None:
    for pcm in (np.zeros(20_000, np.float32), np.ones(20_000, np.float32), -np.ones(20_000, np.float32)):
        frames = performed(engine(name), pcm)
        assert frames.shape == (frame_count(20_000), 52)
        assert np.isfinite(frames).all()


@every_engine
def test_the_card_says_what_it_is_under_which_licence_and_what_its_output_depends_on(name: str) -> None:
    card = engine(name).card
    assert card.name
    assert card.licence
    assert card.fingerprint
    assert card.device in DEVICES
    assert card.device != "auto"
    assert card.precision in PRECISIONS
    assert card.precision != "auto"


def test_engines_can_be_told_apart_by_their_fingerprints() -> None:
    names = ["tone", "builtin", "emotalk"]
    assert len({engine(name).card.fingerprint for name in names}) == len(names)


@pytest.mark.parametrize("name", ["tone", "builtin", "emotalk"])
def test_cuda_where_there_is_none_is_an_error_and_never_the_cpu_in_silence(name: str) -> None:
    from emotalk.engines.quiet_onnxruntime import onnxruntime

    if "CUDAExecutionProvider" in onnxruntime.get_available_providers():
        pytest.skip("there is a CUDA runtime here")
    with pytest.raises(DeviceUnavailable, match=r"(?i)cuda|cpu"):
        opened(name, "cuda")
    assert opened(name, "cpu").card.device == "cpu"


def test_without_a_checkpoint_auto_is_the_built_in_engine_and_with_one_it_is_emotalk() -> None:
    assert opened("auto").card.name == engine("builtin").card.name
    assert open_engine("auto", "", "auto", "auto", checkpoint()).card.name == engine("emotalk").card.name
    assert open_engine("auto", str(checkpoint()), "auto", "auto", NOWHERE).card.name == engine("emotalk").card.name


def test_a_checkpoint_that_is_not_there_is_named() -> None:
    for name in ("auto", "emotalk"):
        with pytest.raises(CheckpointNotFound, match=r"missing\.pth"):
            open_engine(name, "missing.pth", "auto", "auto", NOWHERE)


@pytest.mark.parametrize("name", ["tone", "builtin"])
def test_an_engine_that_reads_no_checkpoint_refuses_one_and_a_precision_it_has_not(name: str) -> None:
    with pytest.raises(ConfigurationError, match="model_path"):
        open_engine(name, "some.pth", "auto", "auto", NOWHERE)
    with pytest.raises(ConfigurationError, match="precision"):
        open_engine(name, "", "auto", "bf16", NOWHERE)
