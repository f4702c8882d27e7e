"""Batches of sound, damaged anew each time: what training listens to."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emotalk.engines.builtin.plan import ROW_SAMPLES
from training import augment
from training.windows import ROWS

SHARES = {
    "readers": 0.32,
    "accented": 0.1,
    "commands": 0.09,
    "kokoro": 0.13,
    "hibari": 0.07,
    "espeak": 0.09,
    "vietnamese": 0.11,
    "untranscribed": 0.03,
    "noise": 0.04,
    "music": 0.02,
}
"""How much of a batch comes from each part."""
VOICELESS = ("noise", "music")
LENGTHS = (56, 96, 121, 141)
"""Rows of a batch's windows: the engine's (56 live, 121 for clips), and others, so that no length is learnt."""
BATCH = 32
_CHORDS, _CHORD_SECONDS = 64, 6

Batch = dict[str, NDArray[Any]]
Part = list[Batch]


def load_parts(data: Path) -> dict[str, Part]:
    """The versions of every part, on disk."""
    parts: dict[str, Part] = {}
    for folder in sorted((data / "windows").glob("*-*[0-9]")):
        version = {f.stem: np.load(f, mmap_mode="r") for f in folder.glob("*.npy")}
        parts.setdefault(folder.name.split("-")[0], []).append(version)
    return parts


class Surroundings:
    """What may be heard behind a voice."""

    def __init__(self, parts: dict[str, Part], random: np.random.Generator) -> None:
        self._parts, self._random = parts, random
        self._chords: list[augment.Sound] = []

    def noise(self, length: int) -> augment.Sound:
        """A stretch of a recorded noise."""
        return self._of("noise", length)

    def music(self, length: int) -> augment.Sound:
        """A stretch of music, or of made-up chords."""
        random = self._random
        if "music" in self._parts and random.random() < 0.75:
            return self._of("music", length)
        return np.resize(np.roll(self._chord(), random.integers(_CHORD_SECONDS * augment.RATE)), length)

    def babble(self, length: int) -> augment.Sound:
        """Somebody else."""
        return self._of("readers", length)

    def _of(self, part: str, length: int) -> augment.Sound:
        version = self._parts[part][self._random.integers(len(self._parts[part]))]["sound"]
        sound = np.asarray(version[self._random.integers(len(version))], np.float32) / 32_768
        return np.resize(np.roll(sound, self._random.integers(len(sound))), length)

    def _chord(self) -> augment.Sound:
        """One of a few pieces, which are made when they are first heard."""
        number = int(self._random.integers(_CHORDS))
        if number < len(self._chords):
            return self._chords[number]
        self._chords.append(augment.chords(_CHORD_SECONDS * augment.RATE, self._random))
        return self._chords[-1]


class Sounds:
    """Endless batches; the same seed gives the same ones.

    sound float32 [32, n] at 16 kHz, clean (the same before it was damaged), curves and events float32 in 0..1 and
    classes uint8, each [32, rows, ..], and spoken bool [32].
    """

    def __init__(self, parts: dict[str, Part], seed: int) -> None:
        self._parts, self._random = parts, np.random.default_rng(seed)
        self._around = Surroundings(parts, self._random)

    def __iter__(self) -> Iterator[Batch]:
        while True:
            yield self._batch()

    def _batch(self) -> Batch:
        random, rows = self._random, int(self._random.choice(LENGTHS))
        share = np.array([SHARES[name] for name in self._parts])
        names = random.choice(list(self._parts), size=BATCH, p=share / share.sum())
        drawn = [self._window(self._parts[name], rows) for name in names]
        batch = {key: np.stack([one[key] for one in drawn]) for key in drawn[0]}
        batch |= {key: batch[key].astype(np.float32) / 255 for key in ("curves", "events")}
        return batch | {"spoken": np.array([name not in VOICELESS for name in names])}

    def _window(self, part: Part, rows: int) -> Batch:
        """A stretch of a window; the room and the noise were there before it began."""
        random, around = self._random, self._around
        version = part[random.integers(len(part))]
        number, first = random.integers(len(version["sound"])), int(random.integers(0, ROWS - rows + 1))
        clean = np.asarray(version["sound"][number], np.float32) / 32_768
        sound = augment.damaged(clean, around.noise, around.music, around.babble, random)
        span = slice(first * ROW_SAMPLES, (first + rows - 1) * ROW_SAMPLES)
        targets = {key: version[key][number, first : first + rows] for key in ("curves", "classes", "events")}
        return {"sound": np.asarray(sound[span], np.float32), "clean": clean[span]} | targets
