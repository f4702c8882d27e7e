"""EmoTalkEngine: a checkpoint and a device become a WindowEngine."""

import hashlib
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import numpy as np

from emotalk.engines.base import Device, EngineCard, Precision
from emotalk.engines.emotalk.archive import StoredZip
from emotalk.engines.emotalk.network import REVISION
from emotalk.engines.emotalk.precision import check_offered, start
from emotalk.engines.emotalk.runtimes import RUNTIMES, choose_runtime
from emotalk.engines.emotalk.window import WindowInputs, prepare
from emotalk.errors import CheckpointError, ConfigurationError, EmptyAudio, EngineError
from emotalk.face import BLENDSHAPES, Frames, Pcm, Style
from emotalk.probe import probe
from emotalk.timebase import SAMPLE_RATE, frame_count

NAME = "emotalk"
LICENCE = "CC BY-NC 4.0 (non-commercial), EmoTalk's authors"


class EmoTalkEngine:
    """EmoTalk with the user's checkpoint; a BatchEngine. Safe to share between threads, which then take turns.

    Raises ConfigurationError, DeviceUnavailable, PrecisionUnavailable, CheckpointNotFound, CheckpointError,
    EngineError. `threads` is the number of cores to use, None for all; `warm` runs the network once, so that the first
    window is not the slow one.
    """

    def __init__(
        self,
        checkpoint: Path,
        device: Device = "auto",
        precision: Precision = "auto",
        threads: int | None = None,
        warm: bool = True,
    ) -> None:
        kind = choose_runtime(device, RUNTIMES)
        check_offered(kind, precision)
        started = start(Path(checkpoint), kind, precision, _check_threads(threads))
        self._runtime, self._precision, self._weights = started.runtime, started.precision, started.weights.digest
        self._checkpoint = checkpoint
        self.batch_seconds = self._runtime.batch_seconds
        if warm:
            _ = self.card
        if not self._runtime.reads_weights:
            started.weights.release()

    @cached_property
    def card(self) -> EngineCard:
        """Made when it is first asked for: the network runs once for it. Raises CheckpointError for damaged weights."""
        return EngineCard(NAME, LICENCE, self._make_fingerprint(), self._runtime.device, self._precision)

    def animate(self, window: Pcm, style: Style) -> Frames:
        """Animate float32 [n] at 16 kHz (n ≥ 1) → float32 [frame_count(n), 52], raw.

        Raises EmptyAudio, EngineError (trying again may help), OutOfMemory. The same window gives the same bytes.
        """
        return self._check(self._runtime.infer(_prepare(window, style)), window)

    def animate_batch(self, windows: Sequence[Pcm], style: Style) -> list[Frames]:
        """The same for windows of one length, which are computed together where that is faster."""
        answers = self._runtime.infer_batch([_prepare(window, style) for window in windows])
        return [self._check(frames, window) for frames, window in zip(answers, windows, strict=True)]

    def _check(self, frames: Frames, window: Pcm) -> Frames:
        if frames.shape != (frame_count(window.size), BLENDSHAPES):
            raise EngineError(f"the network answered {frames.shape[0]} frames to {window.size} samples")
        if not np.isfinite(frames).all():
            raise EngineError("the network answered NaN or infinity. Check the samples and the checkpoint")
        return frames

    def _make_fingerprint(self) -> str:
        """16 hex digits over the network, its weights, and what it makes on this machine of a sound that all have.

        Processors that compute the same have the same: a job may move between them.
        """
        heard = self._runtime.infer(prepare(probe()[:SAMPLE_RATE], Style()))
        if not np.isfinite(heard).all():
            raise CheckpointError(
                f"{self._checkpoint}: the network answers NaN or infinity to a plain sound: the weights are damaged. "
                "Download them again."
            )
        depends_on = "\n".join((f"network {REVISION}", self._weights, self._precision, self._runtime.identity))
        return hashlib.blake2b(depends_on.encode() + heard.tobytes(), digest_size=8).hexdigest()


def check(checkpoint: Path, device: Device, precision: Precision) -> None:
    """Raise what EmoTalkEngine would raise at once, loading nothing: precision, device, a missing or foreign file."""
    check_offered(choose_runtime(device, RUNTIMES), precision)
    StoredZip(checkpoint)


def _prepare(window: Pcm, style: Style) -> WindowInputs:
    if window.size == 0:
        raise EmptyAudio("the window has no samples", "Send at least one")
    return prepare(window, style)


def _check_threads(threads: int | None) -> int | None:
    if threads is not None and threads < 1:
        raise ConfigurationError(f"threads: {threads} is too few. Use 1 or more, or leave it out for all cores.")
    return threads
