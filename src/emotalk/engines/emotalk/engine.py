"""EmoTalkEngine: a checkpoint and a device become a WindowEngine."""

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

import numpy as np

from emotalk.engines.base import Device, EngineCard, Precision
from emotalk.engines.emotalk.archive import StoredZip
from emotalk.engines.emotalk.weights import Weights, load_weights
from emotalk.engines.emotalk.window import Window, prepare
from emotalk.errors import CheckpointError, ConfigurationError, DeviceUnavailable, EmptyAudio, EngineError
from emotalk.face import BLENDSHAPES, Frames, Pcm, Style
from emotalk.timebase import SAMPLE_RATE, frame_count

NAME = "emotalk"
LICENCE = "CC BY-NC 4.0 (non-commercial), EmoTalk's authors"


class Runtime(Protocol):
    """The network on one kind of device. `identity` names all that decides the last bits, bar the weights."""

    device: str
    identity: str

    def infer(self, window: Window) -> Frames:
        """Raw blendshapes float32 [frames, 52]. Raises EngineError, OutOfMemory."""
        ...


class EmoTalkEngine:
    """EmoTalk with the user's checkpoint; a WindowEngine. Safe to share between threads, which then take turns.

    Raises ConfigurationError, DeviceUnavailable, CheckpointNotFound, CheckpointError, EngineError. `threads` is the
    number of cores to use, None for all; `warm` runs the network once, so that the first window is not the slow one.
    """

    card: EngineCard

    def __init__(
        self,
        checkpoint: Path,
        device: Device = "auto",
        precision: Precision = "auto",
        threads: int | None = None,
        warm: bool = True,
    ) -> None:
        computed = _chosen_precision(precision)
        start = _chosen_runtime(device)
        weights = load_weights(Path(checkpoint))
        self._runtime = start(weights, _checked_threads(threads))
        self.card = EngineCard(
            NAME, LICENCE, _fingerprint(weights, computed, self._runtime), self._runtime.device, computed
        )
        if warm:
            self._warm_up(checkpoint)

    def animate(self, window: Pcm, style: Style) -> Frames:
        """Animate float32 [n] at 16 kHz (n ≥ 1) → float32 [frame_count(n), 52], raw.

        Raises EmptyAudio, EngineError (trying again may help), OutOfMemory. The same window gives the same bytes.
        """
        if window.size == 0:
            raise EmptyAudio("the window has no samples", "Send at least one")
        frames = self._runtime.infer(prepare(window, style))
        if frames.shape != (frame_count(window.size), BLENDSHAPES):
            raise EngineError(f"the network answered {frames.shape[0]} frames to {window.size} samples")
        if not np.isfinite(frames).all():
            raise EngineError("the network answered NaN or infinity. Check the samples and the checkpoint")
        return frames

    def _warm_up(self, checkpoint: Path) -> None:
        second_of_silence = np.zeros(SAMPLE_RATE, np.float32)
        if not np.isfinite(self._runtime.infer(prepare(second_of_silence, Style()))).all():
            raise CheckpointError(
                f"{checkpoint}: the network answers NaN or infinity to silence, so the weights are damaged. "
                "Download them again."
            )


def check(checkpoint: Path, device: Device, precision: Precision) -> None:
    """Raise what EmoTalkEngine would raise at once, loading nothing: precision, device, a missing or foreign file."""
    _chosen_precision(precision)
    _chosen_runtime(device)
    StoredZip(checkpoint)


def _chosen_precision(precision: Precision) -> str:
    if precision == "bf16":
        raise ConfigurationError(
            "precision bf16 is not offered: OpenVINO's bf16 is silently wrong in one of this network's layers, "
            "and this version has no check for it. Use fp32 or auto."
        )
    return "fp32"


def _chosen_runtime(device: Device) -> Callable[[Weights, int | None], Runtime]:
    if device not in RUNTIMES:
        raise DeviceUnavailable(
            f"device {device}: the emotalk engine runs on OpenVINO, which has no CUDA here. "
            "Use --device cpu or --device auto."
        )
    return RUNTIMES[device]


def _checked_threads(threads: int | None) -> int | None:
    if threads is not None and threads < 1:
        raise ConfigurationError(f"threads: {threads} is too few. Use 1 or more, or leave it out for all cores.")
    return threads


def _openvino(weights: Weights, threads: int | None) -> Runtime:
    try:
        from emotalk.engines.emotalk.runtime import OpenVinoRuntime
    except ImportError as error:
        raise DeviceUnavailable('the emotalk engine needs OpenVINO: pip install "emotalk[emotalk]"') from error
    return OpenVinoRuntime(weights, threads)


# A device that gets a runtime of its own is added here.
RUNTIMES: Mapping[Device, Callable[[Weights, int | None], Runtime]] = {"auto": _openvino, "cpu": _openvino}


def _fingerprint(weights: Weights, precision: str, runtime: Runtime) -> str:
    depends_on = "\n".join((weights.digest, precision, runtime.identity))
    return hashlib.blake2b(depends_on.encode(), digest_size=8).hexdigest()
