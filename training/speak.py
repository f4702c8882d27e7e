"""Synthetic speech, one file an utterance: `python -m training.speak kokoro --minutes 60`. Goes on where it stopped.

DATA/speech/VOICE/SEED/000000.npz: sound int16 [n] at 16 kHz, starts, ends (s) and names of the phones, language, voice.
"""

import argparse
from pathlib import Path

import numpy as np
import soxr
from tqdm import tqdm

from training.voices import VOICES, Said

RATE = 16_000


def saved(path: Path, said: Said) -> float:
    """Write one utterance; return its seconds, or 0 if it is not fit to be used."""
    sound = soxr.resample(said.sound, said.rate, RATE) if said.rate != RATE else said.sound
    peak = float(np.abs(sound).max(initial=0))
    seconds = len(sound) / RATE
    if not 0.6 < seconds < 30 or not 0.01 < peak < np.inf or len(said.segments) < 3:
        return 0.0
    starts, ends, names = zip(*said.segments, strict=True)
    temporary = path.with_suffix(".part.npz")
    np.savez(
        temporary, sound=np.asarray(sound * (30_000 / peak), np.int16), starts=starts, ends=ends, names=names,
        language=said.language, voice=said.voice,
    )  # fmt: skip
    temporary.rename(path)
    return seconds


def seconds_in(folder: Path) -> float:
    """How much speech lies in a folder already."""
    return sum(f.stat().st_size for f in folder.glob("*.npz")) / (2 * RATE)


def speak(voice: str, minutes: float, data: Path, seed: int) -> None:
    """Let a voice talk until there are so many minutes. Each run has seeds of its own, so that none repeats another."""
    folder = data / "speech" / voice / str(seed)
    folder.mkdir(parents=True, exist_ok=True)
    number, have = len(list(folder.glob("*.npz"))), seconds_in(folder)
    source = VOICES[voice](data / "packages", seed * 1_000_003 + number)
    with tqdm(total=round(minutes * 60), initial=round(have), unit="s", desc=voice) as bar:
        while have < minutes * 60:
            more = saved(folder / f"{number:06d}.npz", source.say())
            number, have = number + (more > 0), have + more
            bar.update(round(more))


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("voice", choices=VOICES)
    parser.add_argument("--minutes", type=float, required=True)
    parser.add_argument("--data", type=Path, default=Path("training-data"))
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    speak(asked.voice, asked.minutes, asked.data, asked.seed)


if __name__ == "__main__":
    main()
