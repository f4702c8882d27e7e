"""Windows of sound as the network will hear them, with what the face should do: `python -m training.features`.

Every utterance is heard several times, first nearly as it is, then damaged in another way each time. What the
recogniser makes of each window is kept, so that training costs only our own network. Parts that exist are not made
again.

DATA/features/PART-VERSION-ROWS/: mel float16 [n, 80, 2 · rows - 1], states float16 [n, rows, 288], curves uint8
[n, rows, 15], classes uint8 [n, rows] (255: no loss), events uint8 [n, rows, 3] (lips together, at the teeth, voice).
"""

import argparse
import itertools
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from tqdm import tqdm

from training import augment, corpus
from training.corpus import Utterance
from training.front import ROW_SAMPLES, Front
from training.phones import CLASS, MASK, Segment
from training.rules import draw

LIVE_ROWS, CLIP_ROWS = 96, 141
"""Rows of a window of a live session (1.9 s) and of a clip's (2.8 s)."""
NO_LOSS = 255
RECOGNISER = Path("packages/hama/assets/asr_waveform.hama")
VERSIONS = {
    "vietnamese": 2,
    "readers": 4,
    "noisy": 1,
    "commands": 2,
    "noise": 2,
    "hibari": 1,
    "accented": 2,
    "espeak": 1,
    "kokoro": 2,
}
_BATCH = 24
_VOICE_MARGIN = 8

Window = dict[str, NDArray[np.uint8] | NDArray[np.float32]]


def _targets(segments: list[Segment], ticks: int) -> Window:
    """Per row of 20 ms: what lies at that moment."""
    curves, together, teeth = draw(segments, ticks)
    classes, voiced = np.zeros(ticks, np.uint8), np.zeros(ticks, np.float32)
    for start, end, name in segments:
        first = max(0, round(start * 100))
        span = slice(first, max(round(end * 100), first + 1))
        classes[span] = NO_LOSS if name == MASK else CLASS[name]
        voiced[span] = name not in ("SIL", MASK)
    voice = np.convolve(voiced, np.ones(2 * _VOICE_MARGIN + 1), "same") > 0
    events = np.stack([together, teeth, voice], 1)
    # Row r + 1 lies between the ticks 2 r + 1 and 2 r + 2.
    at = lambda c: (c[1::2][: ticks // 2 - 1] + c[2::2][: ticks // 2 - 1]) / 2  # noqa: E731
    rows = lambda c: np.concatenate([c[:1], at(c)])  # noqa: E731
    as_bytes = lambda c: np.asarray(np.clip(rows(c), 0, 1) * 255 + 0.5, np.uint8)  # noqa: E731
    return {"curves": as_bytes(curves), "events": as_bytes(events), "classes": classes[::2]}


class Heard:
    """One version of every utterance, cut into windows."""

    def __init__(self, noises: list[Utterance], version: int, rows: int, din: bool = False) -> None:
        """`din`: in loud noise or music, where the recogniser helps least."""
        self._noises, self._version, self._rows, self._din = noises, version, rows, din
        self._last = np.zeros(16_000, np.float32)

    def windows(self, one: Utterance) -> Iterator[Window]:
        """Windows of sound float32 [(rows - 1) · 320] with their targets."""
        random = np.random.default_rng([zlib.crc32(one.name.encode()), self._version, self._rows])
        sound, segments = self._version_of(one, random)
        size = (self._rows - 1) * ROW_SAMPLES
        count = max(1, round(len(sound) / size))
        sound = np.pad(sound, (0, max(0, (count + 1) * size - len(sound))))
        targets = _targets(segments, 2 * ((count + 1) * (self._rows - 1) + 1))
        for i in range(count):
            first = i * (self._rows - 1)
            piece = sound[first * ROW_SAMPLES :][:size]
            yield {"sound": piece} | {k: v[first : first + self._rows] for k, v in targets.items()}

    def _version_of(self, one: Utterance, random: np.random.Generator) -> tuple[augment.Sound, list[Segment]]:
        sound, segments = one.sound, one.segments
        if one.segments and random.random() < (0.35 if self._version == 0 else 0.75):
            stretch = float(np.clip(random.normal(1, 0.12), 0.7, 1.25))
            sound, segments = augment.at_speed(sound, stretch), [(a * stretch, b * stretch, n) for a, b, n in segments]
        lead = int(random.integers(0, 8_000)) // 2 * int(one.segments != [])
        segments = [(a + lead / 16_000, b + lead / 16_000, n) for a, b, n in segments]
        sound = np.pad(sound, (lead, int(random.integers(0, 8_000))))
        if self._version == 0 and not self._din and random.random() < 0.6:
            floor = augment.coloured(len(sound), random)
            return augment.at_level(augment.mixed(sound, floor, random.uniform(25, 60)), random), segments
        damaged = augment.damaged(sound, lambda: self._noise(random), lambda: self._last, random, self._din)
        self._last = one.sound
        return damaged, segments

    def _noise(self, random: np.random.Generator) -> augment.Sound:
        sound = self._noises[random.integers(len(self._noises))].sound
        return np.roll(sound, int(random.integers(len(sound))))


def hear(front: Front, windows: Iterable[Window], folder: Path) -> None:
    """Run the recogniser over windows and keep everything in `folder`, which appears when all is in it."""
    kept: dict[str, list[NDArray[np.generic]]] = {k: [] for k in ("mel", "states", "curves", "classes", "events")}
    with torch.inference_mode():
        for batch in _batches(windows):
            mel, middle, last = front(torch.from_numpy(np.stack([w["sound"] for w in batch])))
            kept["mel"].append(mel.half().numpy())
            kept["states"].append(torch.cat([middle, last], -1).half().numpy())
            for name in ("curves", "classes", "events"):
                kept[name].append(np.stack([w[name] for w in batch]))
    unfinished = folder.with_name(folder.name + ".part")
    unfinished.mkdir(parents=True, exist_ok=True)
    for name, pieces in kept.items():
        np.save(unfinished / f"{name}.npy", np.concatenate(pieces))
    unfinished.rename(folder)


def _batches(windows: Iterable[Window]) -> Iterator[list[Window]]:
    source = iter(windows)
    while batch := list(itertools.islice(source, _BATCH)):
        yield batch


def part_of(name: str, data: Path, real: Path) -> Iterator[Utterance]:
    """The utterances of one part."""
    if name == "noise":
        return corpus.voiceless(real)
    if name == "vietnamese":
        voices = (one for voice in ("kokoro", "espeak") for one in corpus.synthetic(data, voice))
        return (one for one in voices if one.part.endswith("-vi"))
    if name in ("kokoro", "hibari", "espeak"):
        return corpus.synthetic(data, name)
    wanted = "readers" if name == "noisy" else name
    return (one for one in corpus.real(real) if one.part == wanted)


def make(data: Path, real: Path, parts: Iterable[str] = VERSIONS) -> None:
    """Make what is missing of these parts. Versions take turns between the windows of clips and of live sessions."""
    torch.set_num_threads(1)
    front, noises = Front(data / RECOGNISER).eval(), list(corpus.voiceless(real))
    for part in parts:
        for version in range(VERSIONS[part]):
            rows = LIVE_ROWS if version % 2 else CLIP_ROWS
            folder = data / "features" / f"{part}-{version}-{rows}"
            if folder.exists():
                continue
            heard = Heard(noises, version, rows, din=part == "noisy")
            source = (w for one in tqdm(part_of(part, data, real), desc=folder.name) for w in heard.windows(one))
            hear(front, source, folder)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("training-data"))
    parser.add_argument("--real", type=Path, required=True, help="the folder of real speech")
    parser.add_argument("--parts", nargs="+", default=list(VERSIONS), choices=VERSIONS)
    asked = parser.parse_args()
    make(asked.data, asked.real, asked.parts)


if __name__ == "__main__":
    main()
