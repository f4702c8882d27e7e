"""What the window's network makes of clean speech, kept for the streaming one to learn from, part by part.

DATA/distil/PART-VERSION/: sound int16 [n, samples] at 16 kHz; phones (logits) [n, rows, 39], hidden [n, rows, 128] and
states [n, 4, rows, 144] in 16 bits; voice uint8 [n, rows], how open the gate is. No labels are needed.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from emotalk.engines.builtin.gate import CHUNK, CONTEXT, VoiceGate, VoiceModel
from emotalk.engines.builtin.plan import ROW_SAMPLES
from training import augment, windows
from training.corpus import Utterance
from training.stream import AFTER, BEFORE, WindowNetwork
from training.voices import Espeak

ROWS = 141
"""2.8 s: the longest window that the teacher was trained on."""
SAMPLES = BEFORE + ROWS * ROW_SAMPLES + AFTER
VERSIONS = {
    "readers": 2,
    "commands": 2,
    "accented": 2,
    "noise": 1,
    "untranscribed": 1,
    "music": 1,
    "vietnamese": 1,
    "espeak": 1,
}
"""The second version is faster or slower, higher or lower."""
SHARES = {
    "readers": 0.36,
    "accented": 0.13,
    "commands": 0.11,
    "untranscribed": 0.06,
    "noise": 0.06,
    "music": 0.03,
    "espeak": 0.1,
    "vietnamese": 0.15,
}
"""How much of a batch comes from each part that is there."""
_AT_ONCE, _SPOKEN, _SEED = 16, 800, 11

Stretch = dict[str, NDArray[Any]]


def part_of(name: str, real: Path, data: Path) -> Iterator[Utterance]:
    """The utterances of a part: those of the windows, but what espeak-ng says is said anew, without its phones."""
    if name in ("vietnamese", "espeak"):
        return _spoken("vi" if name == "vietnamese" else "")
    return windows.part_of(name, data, real)


def _spoken(language: str) -> Iterator[Utterance]:
    """By espeak-ng; no language is any."""
    espeak = Espeak(Path(), _SEED)
    for number in range(_SPOKEN):
        said = espeak.say(language)
        sound = np.asarray(augment.at_speed(said.sound, augment.RATE / said.rate), np.float32)
        yield Utterance("espeak", str(number), sound, [])


def stretches(one: Utterance, version: int, draw: np.random.Generator) -> Iterator[NDArray[np.float32]]:
    """An utterance in stretches [SAMPLES], begun after up to a second of nothing."""
    sound = one.sound
    if version and draw.random() < 0.75:
        sound = augment.at_speed(sound, round(float(np.clip(draw.normal(1, 0.14), 0.68, 1.25)), 2))
    sound = sound / (np.abs(sound).max() + 1e-9) * 0.9
    lead = int(draw.choice([0, augment.RATE, draw.integers(augment.RATE)], p=[0.4, 0.2, 0.4]))
    step = ROWS * ROW_SAMPLES
    whole = np.zeros(BEFORE + lead + -(-len(sound) // step) * step + step, np.float32)
    whole[BEFORE + lead : BEFORE + lead + len(sound)] = sound
    for first in range(0, lead + len(sound) - augment.RATE // 4, step):
        yield whole[first : first + SAMPLES]


class Taught:
    """Makes the parts that are missing."""

    def __init__(self, models: Path, device: str = "cpu") -> None:
        self._teacher, self._voice = (
            WindowNetwork(models / "mouth.onnx", device),
            VoiceModel(models / "silero_vad.onnx"),
        )
        self._device = device

    def make(self, part: str, real: Path, data: Path) -> None:
        """Write every version of a part; those that are there stay."""
        for version in range(VERSIONS[part]):
            folder = data / "distil" / f"{part}-{version}"
            if not folder.exists():
                draw = np.random.default_rng([_SEED, version])
                sounds = [each for one in part_of(part, real, data) for each in stretches(one, version, draw)]
                some = (np.stack(sounds[i : i + _AT_ONCE]) for i in range(0, len(sounds), _AT_ONCE))
                _keep([each for batch in some for each in self._made(batch)], folder)

    def _made(self, sounds: NDArray[np.float32]) -> Iterable[Stretch]:
        seen = torch.from_numpy(sounds[:, BEFORE : BEFORE + (ROWS - 1) * ROW_SAMPLES]).to(self._device)
        with torch.autocast(self._device, torch.bfloat16):
            made = self._teacher(seen)
        half = {name: values.float().cpu().numpy().astype(np.float16) for name, values in made.items()}
        for number, sound in enumerate(sounds):
            own = {"sound": np.round(sound * 32_767).astype(np.int16), "voice": self._open(sound[BEFORE:])}
            yield own | {name: values[number] for name, values in half.items()}

    def _open(self, sound: NDArray[np.float32]) -> NDArray[np.uint8]:
        """How open the gate is at each row [rows]."""
        gate = VoiceGate(self._voice)
        padded = np.pad(sound, (CONTEXT, 12 * CHUNK))
        gate.hear(np.ascontiguousarray(np.lib.stride_tricks.sliding_window_view(padded, CONTEXT + CHUNK)[::CHUNK]))
        gate.settle()
        ticks = 2 * np.arange(ROWS)
        between = gate.openness.take(np.maximum(ticks - 1, 0)) + gate.openness.take(ticks)
        return np.asarray(between / 2 * 255, np.uint8)


def _keep(made: list[Stretch], folder: Path) -> None:
    """Write them to `folder`, which appears when all is in it."""
    unfinished = folder.with_name(folder.name + ".part")
    unfinished.mkdir(parents=True, exist_ok=True)
    for name in made[0]:
        np.save(unfinished / f"{name}.npy", np.stack([each[name] for each in made]))
    unfinished.rename(folder)


class DamagedStretches:
    """Endless batches of what was taught, its sound damaged anew each time."""

    def __init__(self, data: Path, seed: int, size: int) -> None:
        self._data, self._draw, self._size = data, np.random.default_rng(seed), size
        self._chords = [augment.chords(6 * augment.RATE, self._draw) for _ in range(12)]
        self.look()

    def look(self) -> None:
        """Take up the parts that are there by now."""
        self._parts: dict[str, list[Stretch]] = {}
        for folder in sorted((self._data / "distil").glob("*-*[0-9]")):
            version = {f.stem: np.load(f, mmap_mode="r") for f in folder.glob("*.npy")}
            self._parts.setdefault(folder.name.split("-")[0], []).append(version)

    def batch(self) -> dict[str, torch.Tensor]:
        """Sound float32 [n, samples], damaged, and what the teacher made of it without the damage."""
        share = np.array([SHARES[name] for name in self._parts])
        names = self._draw.choice(list(self._parts), size=self._size, p=share / share.sum())
        drawn = [self._stretch(name) for name in names]
        return {key: torch.from_numpy(np.stack([one[key] for one in drawn])) for key in drawn[0]}

    def _stretch(self, name: str) -> Stretch:
        version = self._version(name)
        number = self._draw.integers(len(version["sound"]))
        clean = np.asarray(version["sound"][number], np.float32) / 32_768
        damaged = augment.damaged(clean, self._noise, self._music, self._babble, self._draw)
        return {key: values[number] for key, values in version.items()} | {"sound": np.asarray(damaged, np.float32)}

    def _version(self, part: str) -> Stretch:
        return self._parts[part][self._draw.integers(len(self._parts[part]))]

    def _background(self, part: str, length: int) -> augment.Sound:
        sounds = self._version(part)["sound"]
        sound = np.asarray(sounds[self._draw.integers(len(sounds))], np.float32) / 32_768
        return np.resize(np.roll(sound, self._draw.integers(len(sound))), length)

    def _noise(self, length: int) -> augment.Sound:
        return self._background("noise", length)

    def _babble(self, length: int) -> augment.Sound:
        return self._background("readers", length)

    def _music(self, length: int) -> augment.Sound:
        if "music" in self._parts and self._draw.random() < 0.75:
            return self._background("music", length)
        chord = self._chords[self._draw.integers(len(self._chords))]
        return np.resize(np.roll(chord, self._draw.integers(len(chord))), length)
