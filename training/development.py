"""The development score: what training is steered by, never trained on.

Four sets: `dev` (the shared development clips), `readers` (LibriSpeech readers kept apart), `joe` and `slt` (synthetic
voices of synthesisers that no training data comes from). The scorer is the project's own lipsync_eval.py.
"""

import importlib.util
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray

from emotalk.face import INDEX
from training import corpus
from training.rules import CURVES

Sound = NDArray[np.float32]
Phones = list[tuple[float, float, str]]


@dataclass(frozen=True)
class Clip:
    """Sound float32 [n] at 16 kHz and its aligned ARPAbet; no phones: nobody speaks."""

    name: str
    sound: Sound
    phones: Phones | None


def scorer(lipsync: Path) -> Any:
    """The module lipsync_eval of the shared folder."""
    spec = importlib.util.spec_from_file_location("lipsync_eval", lipsync / "lipsync_eval.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    # People's lips are apart in most short pauses inside speech, and so are ours: silence is a second and more.
    module.SILENCE_FROM = 1.0
    return module


def shared_clips(lipsync: Path) -> list[Clip]:
    """The development set: 15 readings, and 5 clips in which nobody speaks."""
    clips = []
    for path in sorted((lipsync / "wav").glob("*.wav")):
        phones = lipsync / "phones" / f"{path.stem}.tsv"
        sound = soundfile.read(path, dtype="float32")[0]
        clips.append(Clip(path.stem, sound, corpus.read_phones(phones) if phones.exists() else None))
    return clips


def music(clips: list[Clip]) -> Sound:
    """The music among the development clips; none of it is trained on."""
    return np.concatenate([clip.sound for clip in clips if clip.name in ("ns_bach", "ns_guitar")])


def _doubtful_as_noise(phones: Phones) -> Phones:
    return [(start, end, "NSN" if name == "UNK" else name) for start, end, name in phones]


def reader_clips(real: Path) -> list[Clip]:
    """The readers kept apart; what was doubtful in their text counts for nothing."""
    read = lambda name: _doubtful_as_noise(corpus.read_phones(real / "phones" / f"{name}.tsv"))  # noqa: E731
    return [Clip(one.name, one.sound, read(one.name)) for one in corpus.real(real, held=True)]


def as_face(curves: NDArray[np.float32], seconds: float) -> NDArray[np.float32]:
    """Curves [rows, 15] at 50 Hz → float32 [frames, 52]: frame k is at row 5 k / 3."""
    rows = np.arange(int(np.ceil(seconds * 30))) * 5 / 3
    face = np.zeros((len(rows), len(INDEX)), np.float32)
    for i, name in enumerate(CURVES):
        curve = np.interp(rows, np.arange(len(curves)), curves[:, i])
        for column in (name, f"{name}Left", f"{name}Right"):
            if column in INDEX:
                face[:, INDEX[column]] = curve
    return face


def scored(module: Any, clips: list[Clip], faces: list[NDArray[np.float32]]) -> dict[str, float]:
    """The pooled figures of lipsync_eval over these clips' faces."""
    pairs = list(zip(clips, faces, strict=True))
    results = [module.score_clip(np.asarray(face, float), clip.phones) for clip, face in pairs if clip.phones]
    figures: dict[str, float] = module.pool(results)
    usual = float(np.percentile(np.concatenate([r["span"] for r in results]), 90))
    quiet = [module.aperture(np.asarray(face, float)) for clip, face in pairs if not clip.phones]
    if quiet:
        figures["nonspeech"] = float((np.concatenate(quiet) > 0.15 * usual).mean())
    return figures


def line(figures: dict[str, float]) -> str:
    """The figures that count, in one line."""
    names = {"net": "net", "height": "height", "core": "roundcore", "silence": "silence", "false": "false", "r": "r"}
    text = " ".join(f"{short} {figures[name]:.2f}" for short, name in names.items())
    other = f" ns {figures['nonspeech']:.2f}" if "nonspeech" in figures else ""
    return f"{text} lag {figures['lag']:+.0f}{other}"


def windows(sound: Sound, past: int, hop: int, ahead: int) -> tuple[Sound, int]:
    """All windows of a clip, float32 [n, (past + hop + ahead) · 320], as the engine cuts them, and the rows needed."""
    rows = -(-len(sound) // 320) + 1
    count, size = -(-rows // hop), (past + hop + ahead) * 320
    padded = np.zeros((count * hop + past + ahead) * 320 + size, np.float32)
    padded[past * 320 : past * 320 + len(sound)] = sound
    return np.stack([padded[i * hop * 320 :][:size] for i in range(count)]), rows
