"""Windows of sound with what the face should do: `python -m training.windows`.

Every utterance is cut in several versions, slower and lower or faster and higher, nearly as clean as it was recorded:
the damage is done anew each time that training draws a window (sounds.py). Parts that exist are not made again.

DATA/windows/PART-VERSION/: sound int16 [n, 320 · (rows - 1)] at 16 kHz, curves uint8 [n, rows, 15], classes uint8
[n, rows] (255: no loss), events uint8 [n, rows, 3] (lips together, at the teeth, voice).
"""

import argparse
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from emotalk.engines.builtin.plan import ROW_SAMPLES
from training import augment, corpus
from training.corpus import Utterance
from training.phones import CLASS, MASK, Segment
from training.rules import draw

ROWS = 201
"""Rows of a window, 4 s: more than the network hears at once, so that each draw cuts it elsewhere."""
NO_LOSS = 255
VERSIONS = {
    "readers": 3,
    "accented": 1,
    "commands": 2,
    "kokoro": 2,
    "hibari": 1,
    "espeak": 1,
    "vietnamese": 2,
    "untranscribed": 1,
    "noise": 1,
    "music": 1,
}
_VOICE_MARGIN = 8

Window = dict[str, NDArray[np.uint8] | NDArray[np.int16]]


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


def windows(one: Utterance, version: int) -> Iterator[Window]:
    """The windows of one version of an utterance, with their targets."""
    random = np.random.default_rng([zlib.crc32(one.name.encode()), version])
    sound, segments = _at_some_speed(one, random, 0.35 if version == 0 else 0.75)
    size, step = (ROWS - 1) * ROW_SAMPLES, ROWS - 1
    count = -(-len(sound) // size)
    whole = np.zeros(count * size, np.int16)
    whole[: len(sound)] = np.round(sound / (np.abs(sound).max() + 1e-9) * 30_000)
    targets = _targets(segments, 2 * (count * step + 1))
    for first in range(0, count * step, step):
        yield {"sound": whole[first * ROW_SAMPLES :][:size]} | {k: v[first : first + ROWS] for k, v in targets.items()}


def _at_some_speed(one: Utterance, random: np.random.Generator, share: float) -> tuple[augment.Sound, list[Segment]]:
    """Stretched by chance, and begun after up to a quarter of a second of nothing."""
    sound, segments = one.sound, one.segments
    if segments and random.random() < share:
        stretch = round(float(np.clip(random.normal(1, 0.12), 0.7, 1.25)), 2)
        sound, segments = augment.at_speed(sound, stretch), [(a * stretch, b * stretch, n) for a, b, n in segments]
    lead = int(random.integers(0, 4_000))
    segments = [(a + lead / augment.RATE, b + lead / augment.RATE, n) for a, b, n in segments]
    return np.pad(sound, (lead, int(random.integers(0, 4_000)))), segments


def part_of(name: str, data: Path, real: Path) -> Iterator[Utterance]:
    """The utterances of one part."""
    if name == "noise":
        return corpus.voiceless(real)
    if name == "untranscribed":
        return corpus.untranscribed(real)
    if name == "music":
        return corpus.music(data)
    if name == "vietnamese":
        voices = (one for voice in ("kokoro", "espeak") for one in corpus.synthetic(data, voice))
        return (one for one in voices if one.part.endswith("-vi"))
    if name in ("kokoro", "hibari", "espeak"):
        return (one for one in corpus.synthetic(data, name) if not one.part.endswith("-vi"))
    return corpus.real(real, only=name)


def make(data: Path, real: Path, parts: Iterable[str] = VERSIONS) -> None:
    """Make what is missing of these parts."""
    for part in parts:
        for version in range(VERSIONS[part]):
            folder = data / "windows" / f"{part}-{version}"
            if not folder.exists():
                heard = tqdm(part_of(part, data, real), desc=folder.name)
                _keep([window for one in heard for window in windows(one, version)], folder)


def _keep(found: list[Window], folder: Path) -> None:
    """Write windows to `folder`, which appears when all is in it."""
    if not found:
        raise SystemExit(f"{folder.name}: no utterances. Make them first: python -m training.data")
    unfinished = folder.with_name(folder.name + ".part")
    unfinished.mkdir(parents=True, exist_ok=True)
    for name in found[0]:
        np.save(unfinished / f"{name}.npy", np.stack([window[name] for window in found]))
    unfinished.rename(folder)


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
