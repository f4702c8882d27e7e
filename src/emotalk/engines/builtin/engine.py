"""The built-in engine: a small network that needs no checkpoint, no graphics card and 0.3 s of look-ahead.

    sound ──► mel power ──► normalised ──► network ──► 15 curves, 50 Hz ──┐
      └─────► Silero ──────► hysteresis, margins, fade ► openness, 100 Hz ┴──► × ──► 30 fps ──► 52 columns

A streaming engine: it knows no windows. Emotion and person are ignored: the network was trained on no such labels.
"""

import hashlib
import platform
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from emotalk.engines.base import Device, EngineCard
from emotalk.engines.builtin import features
from emotalk.engines.builtin.clock import at_frames, first_row, frames_ready
from emotalk.engines.builtin.gate import CHUNK, CONTEXT, GATE_RATE, VoiceGate, VoiceModel
from emotalk.engines.builtin.network import (
    CURVE_RATE,
    CURVES,
    HOP,
    MELS_PER_STEP,
    STEP_SAMPLES,
    MouthNetwork,
    reach,
)
from emotalk.engines.builtin.tape import Tape
from emotalk.errors import DeviceUnavailable, EngineError
from emotalk.face import INDEX, Frames, Pcm, Style, no_frames
from emotalk.timebase import SAMPLE_RATE, frame_count

MODELS = Path(__file__).parent / "models"
LICENCE = "provisional, not for release: trained partly on CC BY-SA 3.0 recordings (engines/builtin/CARD.md)"

_CODE_VERSION = "1"
"""Raise it with any change that changes bytes: frames of different fingerprints are never spliced."""

_PIECE = SAMPLE_RATE
"""A long push is worked off a second at a time, so that what is kept in between stays short."""


def _columns() -> tuple[list[int], list[int]]:
    """(ARKit column, curve) pairs: a curve whose name has a left and a right is copied to both."""
    pairs = [(INDEX[n], i) for i, c in enumerate(CURVES) for n in (c, f"{c}Left", f"{c}Right") if n in INDEX]
    return [column for column, _ in pairs], [curve for _, curve in pairs]


_COLUMNS, _SOURCES = _columns()


def _fingerprint(models: Path) -> str:
    """16 hex digits over the models, the runtimes and the processor: all that the bytes depend on."""
    # Not at the top: `emotalk --help` must not pay for a runtime it does not use.
    import onnxruntime

    digest = hashlib.blake2b(digest_size=8)
    for name in ("network.onnx", "prior.npy", "silero_vad.onnx"):
        digest.update(hashlib.blake2b((models / name).read_bytes()).digest())
    simd = np.show_config(mode="dicts")["SIMD Extensions"]
    processor = [*simd["baseline"], *simd["found"]]
    facts = (_CODE_VERSION, onnxruntime.__version__, np.__version__, platform.machine(), *processor)
    digest.update("\0".join(facts).encode())
    return digest.hexdigest()


class BuiltinEngine:
    """The default engine. One instance holds the models; `open` gives a session to each clip. Thread-safe."""

    def __init__(self, device: Device = "auto", warm: bool = True) -> None:
        """Load the models (0.1 s); `warm` runs them once. Raises DeviceUnavailable for "cuda", CheckpointError."""
        if device == "cuda":
            raise DeviceUnavailable("device: the built-in engine runs on the CPU only. Use --device cpu or auto.")
        self._network = MouthNetwork(MODELS / "network.onnx")
        self._voice = VoiceModel(MODELS / "silero_vad.onnx")
        self._prior: NDArray[np.float32] = np.load(MODELS / "prior.npy")
        self.card = EngineCard("builtin", LICENCE, _fingerprint(MODELS))
        if warm:
            self._warm()

    def open(self, style: Style) -> "BuiltinSession":
        """Start a clip. The style has no effect: this network was trained without emotions or persons."""
        return BuiltinSession(self._network, self._voice, self._prior)

    def _warm(self) -> None:
        session = self.open(Style())
        session.push(np.zeros(SAMPLE_RATE, np.float32))
        session.finish()


class BuiltinSession:
    """One clip: push sound, get the frames that are ready; finish, get the rest."""

    def __init__(self, network: MouthNetwork, voice: VoiceModel, prior: NDArray[np.float32]) -> None:
        self._network, self._prior = network, prior
        self._sound = Tape(base=-features.LEAD)
        self._sound.append(np.zeros(features.LEAD, np.float32))
        self._power = Tape((features.MELS,))
        self._curves = Tape((len(CURVES),))
        self._gate = VoiceGate(voice)
        self._samples = self._chunks = self._frames = 0
        self._ended = False

    def push(self, pcm: Pcm) -> Frames:
        """Take float32 [n] at 16 kHz; return the frames that are ready. Raises EngineError after `finish`."""
        self._refuse_if_ended()
        pcm = np.asarray(pcm, np.float32)
        return np.concatenate([no_frames(), *(self._hear(pcm[i : i + _PIECE]) for i in range(0, len(pcm), _PIECE))])

    def finish(self) -> Frames:
        """Return the frames that remain: `frame_count(samples)` in all. Raises EngineError when called twice."""
        self._refuse_if_ended()
        self._ended = True
        steps, chunks = -(-self._samples // STEP_SAMPLES), -(-self._samples // CHUNK)
        end = max(features.samples_for(MELS_PER_STEP * steps), chunks * CHUNK)
        self._sound.append(np.zeros(max(0, end - self._sound.end), np.float32))
        self._judge(chunks)
        self._gate.end(-(-self._samples * GATE_RATE // SAMPLE_RATE))
        self._animate(steps)
        return self._draw(frame_count(self._samples))

    def _refuse_if_ended(self) -> None:
        if self._ended:
            raise EngineError("This session has finished. Open another for another clip.")

    def _hear(self, piece: Pcm) -> Frames:
        self._sound.append(piece)
        self._samples += len(piece)
        self._judge(self._samples // CHUNK)
        self._gate.settle()
        self._animate(None)
        known = frames_ready(self._curves.end, CURVE_RATE), frames_ready(self._gate.openness.end, GATE_RATE)
        frames = self._draw(max(min(known), self._frames))
        self._forget()
        return frames

    def _judge(self, chunks: int) -> None:
        """Let the gate hear all chunks up to this one."""
        for start in range(self._chunks * CHUNK, chunks * CHUNK, CHUNK):
            self._gate.hear(self._sound.read(start - CONTEXT, start + CHUNK))
        self._chunks = chunks

    def _animate(self, total: int | None) -> None:
        """Run every block whose look-ahead has been heard; `total` steps are all there will be, None: not known yet."""
        while total is None or self._curves.end < total:
            first = self._curves.end
            start, stop = reach(first, total)
            if features.samples_for(MELS_PER_STEP * stop) > self._sound.end:
                break
            mel = self._mel(MELS_PER_STEP * start, MELS_PER_STEP * stop)
            self._curves.append(self._network.block(mel, first - start, min(HOP, stop - first)))

    def _mel(self, start: int, stop: int) -> NDArray[np.float32]:
        """Mel frames start … stop - 1 as the network wants them, normalised by what has been heard up to `stop`."""
        begin = self._power.end
        if stop > begin:
            sound = self._sound.read(begin * features.HOP - features.LEAD, features.samples_for(stop))
            self._power.append(features.mel_power(sound))
        history = self._power.read(max(0, stop - features.HISTORY), stop)
        return features.normalised(history, stop - start, self._prior)

    def _draw(self, stop: int) -> Frames:
        """Frames up to `stop`, gated and spread over the 52 columns. Raises EngineError if one is not finite."""
        start, self._frames = self._frames, stop
        if start == stop:
            return no_frames()
        openness = at_frames(self._gate.openness, GATE_RATE, start, stop)
        curves = at_frames(self._curves, CURVE_RATE, start, stop) * openness[:, None]
        if not np.isfinite(curves).all():
            raise EngineError(f"The built-in network gave no finite face near {start / 30:.1f} s of the clip.")
        frames = np.zeros((stop - start, len(INDEX)), np.float32)
        frames[:, _COLUMNS] = np.clip(curves[:, _SOURCES], 0, 1)
        return frames

    def _forget(self) -> None:
        self._curves.forget(first_row(self._frames, CURVE_RATE))
        self._gate.openness.forget(first_row(self._frames, GATE_RATE))
        self._power.forget(self._power.end - features.HISTORY)
        heard = min(self._chunks * CHUNK - CONTEXT, self._power.end * features.HOP - features.LEAD)
        self._sound.forget(heard)
