"""The head that ships: which phone sounds, row by row. `python -m training.phone_head --real FOLDER`, some six minutes.

The graph of training.export ends in curves. Here it hears speech, clean and damaged, and noise; a softmax over the 39
classes is fitted to its last hidden rows, with nothing below it changed, and takes the place of what came after them.
What a face does for a phone then stands in emotalk.engines.builtin.poses, where it can be read and changed.
"""

import argparse
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from scipy.optimize import minimize

from emotalk.engines.builtin.plan import CLIP
from emotalk.engines.quiet_onnxruntime import onnxruntime
from training import augment, corpus, development
from training.graph import STEM, closed, cut_open, hearing, products_in_whole_numbers
from training.phones import CLASS, CLASSES, MASK, Segment
from training.voices import Espeak

MODEL = Path("src/emotalk/engines/builtin/models/mouth.onnx")
_SHARE = {"readers": 1.0, "commands": 0.25, "accented": 0.12}
"""How much of each real part is heard: native readers count most."""
_SPOKEN, _SEED, _LANGUAGES = 700, 7, ("", "", "vi")
_ROWS_KEPT = 0.4
_MASKED = -1
_ITERATIONS, _DECAY = 80, 1e-4

Rows = NDArray[np.float32]
Labels = NDArray[np.int64]
Heard = tuple[str, augment.Sound, list[Segment]]


def heard(real: Path) -> Iterator[Heard]:
    """What the head learns from: real speech, speech of many languages, and sounds without a voice (no segments)."""
    draw = random.Random(_SEED)
    for one in corpus.real(real):
        if draw.random() < _SHARE[one.part]:
            yield one.name, one.sound, one.segments
    espeak = Espeak(Path(), _SEED)
    for number in range(_SPOKEN):
        said = espeak.say(_LANGUAGES[number % len(_LANGUAGES)])
        sound = np.asarray(augment.at_speed(said.sound, 16_000 / said.rate), np.float32)
        yield f"espeak_{number}", sound, said.segments
    for one in corpus.voiceless(real):
        yield one.name, one.sound, []


def labels(segments: list[Segment], rows: int) -> Labels:
    """The class at each row; SIL where nothing else is said, and -1 where nobody knows."""
    classes = np.full(rows, CLASS["SIL"])
    for start, end, name in segments:
        classes[int(np.ceil(start * 50)) : int(np.ceil(end * 50))] = _MASKED if name == MASK else CLASS[name]
    return classes


class Lessons:
    """Hidden rows and their classes, a share of them, drawn under one seed."""

    def __init__(self, session: Any) -> None:
        self._session, self._draw = session, np.random.default_rng(_SEED)
        self._rows: list[Rows] = []
        self._labels: list[Labels] = []

    def take(self, sound: augment.Sound, segments: list[Segment]) -> None:
        """Hear one clip, window by window as the engine does, the rows of the look-ahead too: they are used as well."""
        cut, rows = development.windows(sound, CLIP.past, CLIP.hop, CLIP.ahead)
        size = CLIP.past + CLIP.hop + CLIP.ahead
        known = np.full(CLIP.past + len(cut) * CLIP.hop + size, _MASKED)
        known[CLIP.past : CLIP.past + rows] = labels(segments, rows)
        for number, window in enumerate(cut):
            hidden = self._session.run(None, {"sound": window[None]})[0][0][CLIP.past : size]
            classes = known[number * CLIP.hop + CLIP.past :][: len(hidden)]
            kept = (classes != _MASKED) & (self._draw.random(len(hidden)) < _ROWS_KEPT)
            self._rows.append(hidden[kept])
            self._labels.append(classes[kept])

    def all(self) -> tuple[Rows, Labels]:
        """Everything that was kept."""
        return np.concatenate(self._rows), np.concatenate(self._labels)


def gather(session: Any, real: Path) -> tuple[Rows, Labels]:
    """Every clip as it is and once damaged."""
    lessons, draw = Lessons(session), np.random.default_rng(_SEED)
    noises, before = [one.sound for one in corpus.voiceless(real)], np.zeros(1, np.float32)
    pick = lambda length: np.resize(noises[draw.integers(len(noises))], length)  # noqa: E731
    for _, sound, segments in heard(real):
        if len(sound) < 1_600:
            continue
        other = before
        babble = lambda length, other=other: np.resize(other, length)  # noqa: E731
        music = lambda length: augment.chords(length, draw)  # noqa: E731
        lessons.take(sound, segments)
        lessons.take(np.asarray(augment.damaged(sound, pick, music, babble, draw), np.float32), segments)
        before = sound
    return lessons.all()


def fitted(rows: Rows, classes: Labels) -> tuple[Rows, Rows]:
    """Weights [384, 39] and bias [39] of the softmax, by L-BFGS on rows of mean 0 and spread 1."""
    mean, spread = rows.mean(0), rows.std(0) + 1e-6
    x = np.hstack([(rows - mean) / spread, np.ones((len(rows), 1), np.float32)]).astype(np.float32)
    place, count = np.arange(len(x)), len(CLASSES)

    def loss(flat: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        weights = flat.reshape(-1, count).astype(np.float32)
        logits = x @ weights
        logits -= logits.max(1, keepdims=True)
        share = np.exp(logits)
        share /= share.sum(1, keepdims=True)
        surprise = -np.log(share[place, classes] + 1e-9).mean() + _DECAY / 2 * (weights**2).sum()
        share[place, classes] -= 1
        return float(surprise), (x.T @ (share / len(x)) + _DECAY * weights).ravel().astype(np.float64)

    start = np.zeros(x.shape[1] * count)
    found = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": _ITERATIONS})
    weights = found.x.reshape(-1, count)
    print(f"{len(x)} rows, loss {found.fun:.3f}, right {((x @ weights).argmax(1) == classes).mean():.3f}")
    scaled = weights[:-1] / spread[:, None]
    return scaled.astype(np.float32), (weights[-1] - mean @ scaled).astype(np.float32)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--real", type=Path, required=True, help="the folder of real speech")
    parser.add_argument("--model", type=Path, default=MODEL, help="the graph whose head is replaced")
    asked = parser.parse_args()
    model = onnx.load(asked.model)
    hidden = cut_open(model)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    weights, bias = fitted(*gather(session, asked.real))
    onnx.save(products_in_whole_numbers(hearing(closed(model, hidden, weights, bias)), STEM), asked.model)
    print(f"{asked.model}: {asked.model.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
