"""A contact sheet of the engine on the head, sound above, faces below: `python -m training.sheet sound.wav -o out.png`.

With `--phones FILE` (start s, end s, ARPAbet) there is a face at the middle of each phone, named, else one every 0.1 s.
With `--feelings` there is no sound: a row for each feeling, from calm to full.
With `--heads` there are whole heads that turn, one every 0.4 s.
For looking at: do lips touch at P, B and M, teeth meet the lip at F and V, does U round? Needs `emotalk[video]`.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from emotalk.engines.base import LATENCIES, Latency
from emotalk.engines.builtin import BuiltinEngine
from emotalk.expression import open_face
from emotalk.expression.signs import draw
from emotalk.face import BLENDSHAPES, Frames, Pcm, Style
from emotalk.feelings import FEELINGS
from emotalk.head.studio import Studio
from emotalk.performance import Performance
from emotalk.pipeline import Pipeline
from training.corpus import read_phones

FACE, ACROSS, WAVE, CAPTION = 150, 10, 60, 16
_INK, _PAPER, _WAVE = (230, 230, 230), (24, 26, 30), (110, 170, 230)
_CROP = slice(int(0.36 * 2 * FACE), int(0.36 * 2 * FACE) + FACE)
"""The lower half of a face drawn twice as large."""
_CLOSE = (slice(FACE // 4, FACE // 4 + FACE), slice(FACE // 2, FACE // 2 + FACE))

Moment = tuple[float, str]


def moments(seconds: float, phones: Path | None, step: float = 0.1) -> list[Moment]:
    """(time, name) of each face."""
    if phones is None:
        return [(t, f"{t:.1f}") for t in np.arange(0, seconds, step).round(3).tolist()]
    return [((start + end) / 2, name) for start, end, name in read_phones(phones)]


def at_times(frames: Frames, times: Sequence[float]) -> Frames:
    """Frames between frames, as a player shows them."""
    place = np.clip(np.asarray(times) * 30, 0, len(frames) - 1)
    before = np.minimum(place.astype(int), len(frames) - 2)
    share = (place - before)[:, None]
    return np.asarray(frames[before] * (1 - share) + frames[before + 1] * share, np.float32)


def wave(sound: Pcm, start: float, stop: float, marks: Sequence[float], width: int) -> Image.Image:
    """The sound from start to stop (s), with a mark at each face."""
    picture = Image.new("RGB", (width, WAVE), _PAPER)
    pen = ImageDraw.Draw(picture)
    piece = sound[int(start * 16_000) : max(int(stop * 16_000), int(start * 16_000) + width)]
    for x, column in enumerate(np.array_split(piece, width)):
        height = float(np.abs(column).max(initial=0)) / (float(np.abs(sound).max()) + 1e-9) * WAVE / 2
        pen.line([(x, WAVE / 2 - height), (x, WAVE / 2 + height)], fill=_WAVE)
    for mark in marks:
        x = (mark - start) / max(stop - start, 1e-6) * width
        pen.line([(x, 0), (x, WAVE)], fill=(90, 94, 100))
    return picture


def sheet(sound: Pcm, frames: Frames, shown: list[Moment]) -> Image.Image:
    """The whole sheet, ten faces a row; of frames with a head the whole of it."""
    rows = [shown[i : i + ACROSS] for i in range(0, len(shown), ACROSS)]
    whole = Image.new("RGB", (ACROSS * FACE, len(rows) * (WAVE + FACE + CAPTION)), _PAPER)
    studio = Studio(2 * FACE)
    for number, row in enumerate(rows):
        _fill(whole, number * (WAVE + FACE + CAPTION), sound, frames, row, studio)
    studio.close()
    return whole


def _fill(whole: Image.Image, top: int, sound: Pcm, frames: Frames, row: list[Moment], studio: Any) -> None:
    times, pen = [time for time, _ in row], ImageDraw.Draw(whole)
    whole.paste(wave(sound, max(0, times[0] - 0.05), times[-1] + 0.05, times, ACROSS * FACE), (0, top))
    for i, (columns, (_, name)) in enumerate(zip(at_times(frames, times), row, strict=True)):
        face, turn = columns[:BLENDSHAPES], columns[BLENDSHAPES:]
        picture = _head(studio.picture(face, turn)) if len(turn) else _mouth(studio.picture(face))
        whole.paste(Image.fromarray(picture), (i * FACE, top + WAVE))
        pen.text((i * FACE + 4, top + WAVE + FACE + 1), name, fill=_INK)


def _mouth(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    left = FACE // 2
    return np.ascontiguousarray(picture[_CROP, left : left + FACE])


def mouths(sound: Pcm, latency: Latency) -> Frames:
    """The engine's face as it comes out of it, unshaped."""
    session = open_face(BuiltinEngine(), Style(), latency)
    return np.concatenate([session.push(sound), session.finish()])


def whole_heads(sound: Pcm, seed: str) -> Frames:
    """Shaped, with blinks, and the head's columns behind the 52."""
    session = Pipeline(BuiltinEngine()).open(Performance(head=True), seed=seed)
    return np.concatenate([chunk.frames for chunk in (*session.push(sound), *session.finish())])


def _head(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.ascontiguousarray(Image.fromarray(picture).resize((FACE, FACE)))


def feelings() -> Image.Image:
    """Every feeling on a face at rest, in five strengths."""
    shares, studio = np.linspace(0, 1, 5, dtype=np.float32), Studio(2 * FACE)
    whole = Image.new("RGB", ((len(shares) + 1) * FACE, len(FEELINGS) * FACE), _PAPER)
    pen = ImageDraw.Draw(whole)
    for row, name in enumerate(FEELINGS):
        for column, face in enumerate(felt(name, shares)):
            picture = studio.picture(face)[_CLOSE]
            whole.paste(Image.fromarray(picture), ((column + 1) * FACE, row * FACE))
        pen.text((4, row * FACE + FACE // 2), name, fill=_INK)
    studio.close()
    return whole


def felt(name: str, shares: NDArray[np.float32]) -> Frames:
    """A face at rest that feels this, in these strengths [n] → [n, 52]."""
    strengths = np.outer(shares, np.array(FEELINGS) == name).astype(np.float32)
    return draw(np.zeros((len(shares), BLENDSHAPES), np.float32), strengths, 0 * shares, 0 * shares)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sound", type=Path, nargs="?", help="16 kHz mono")
    parser.add_argument("--feelings", action="store_true")
    parser.add_argument("-o", "--out", type=Path, required=True)
    parser.add_argument("--phones", type=Path)
    parser.add_argument("--latency", choices=LATENCIES, default="clip")
    parser.add_argument("--start", type=float, default=0.0)
    parser.add_argument("--seconds", type=float, default=6.0)
    parser.add_argument("--heads", action="store_true")
    asked = parser.parse_args()
    if asked.feelings:
        return feelings().save(asked.out)
    sound = np.asarray(soundfile.read(asked.sound, dtype="float32")[0], np.float32)
    latency: Latency = asked.latency
    frames = whole_heads(sound, asked.sound.stem) if asked.heads else mouths(sound, latency)
    every = moments(len(sound) / 16_000, asked.phones, 0.4 if asked.heads else 0.1)
    within = [m for m in every if 0 <= m[0] - asked.start < asked.seconds]
    sheet(sound, frames, within).save(asked.out)


if __name__ == "__main__":
    main()
