"""Two linear heads by discriminant analysis, from sums that are taken once: leaving an actor out is a subtraction.

A head is W⁻¹ · (means of the classes): W says how much statistics differ where the feeling does not. It has three
parts: from moment to moment within a clip, from voice to voice of one feeling, and from reader to reader over 418 of
them who all read calmly. The last two are what makes a head travel: activation learnt from men and judged on women, and
the other way round, has an AUC of .87 by plain logistic regression; so, .99. Every lesson counts twice, against the
usual calm and against its voice's own: one head serves a voice that is unknown and one that is known.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from emotalk.expression.ear import SMOOTHED, Heads
from emotalk.feelings import HEARD

Rows = NDArray[np.float32]
Matrix = NDArray[np.float64]

CLASSES: Mapping[str, tuple[str, ...]] = {
    "anger": ("anger",), "fear": ("fear",), "joy": ("joy",), "neutral": ("neutral", "boredom"), "sadness": ("sadness",)
}  # fmt: skip
STIRRED: Mapping[str, tuple[str, ...]] = {
    "stirred": ("anger", "joy", "fear"), "calm": ("neutral", "boredom", "sadness")
}  # fmt: skip
SEVEN: Mapping[str, tuple[str, ...]] = {name: (name,) for name in (*HEARD, "boredom", "disgust")}

PARTS = (0.25, 2.4, 0.3)
"""Weights of the three parts of W: moments, voices, readers."""
SHRINK = 0.4
"""How far W leans to the same spread in all directions."""
DAMAGED = 0.35
"""Weight of a damaged lesson."""
READ = {"neutral": 0.2, "calm": 0.6}
"""Weights of the readers in what the two heads call neutral, and calm: a reader must not seem stirred."""
SHARPNESS = 0.46
"""Probabilities are those of the odds to this power: neighbouring steps tell much the same."""
_LEAN = 40


@dataclass(frozen=True)
class Lessons:
    """Steps of many clips: statistics [n, 576], of which clip each is; voice and feeling of each clip."""

    steps: Rows
    clip: NDArray[np.int64]
    clips: Rows
    voice: NDArray[np.str_]
    feeling: NDArray[np.str_]

    def calm(self, usual: Rows) -> Rows:
        """Each clip's voice's own calm [clips, 576]: the mean of its neutral steps, leaning to the usual."""
        calm = np.tile(usual, (len(self.voice), 1))
        for voice in np.unique(self.voice):
            mine = self.voice == voice
            steps = self.steps[(mine & (self.feeling == "neutral"))[self.clip]]
            calm[mine] = (steps.sum(0) + _LEAN * usual) / (len(steps) + _LEAN)
        return calm


@dataclass
class Sums:
    """Of one voice's one feeling: steps and clips, and their products."""

    steps: float
    step_sum: Matrix
    clips: float
    clip_sum: Matrix
    clip_product: Matrix


Table = dict[tuple[str, str], Sums]


def views(lessons: Lessons, usual: Rows, scale: Rows) -> list[tuple[Rows, Rows]]:
    """(steps, clips) against the usual calm and against the voice's own, each in the spread of the usual."""
    own = lessons.calm(usual)
    return [
        ((lessons.steps - calm[lessons.clip]) / scale, (lessons.clips - calm) / scale)
        for calm in (np.broadcast_to(usual, own.shape), own)
    ]


def sums(lessons: Lessons, usual: Rows, scale: Rows) -> Table:
    """By voice and feeling."""
    seen, table = views(lessons, usual, scale), {}
    for voice, feeling in sorted(set(zip(lessons.voice.tolist(), lessons.feeling.tolist(), strict=True))):
        clips = (lessons.voice == voice) & (lessons.feeling == feeling)
        steps, whole = (
            np.concatenate(pair) for pair in zip(*((s[clips[lessons.clip]], c[clips]) for s, c in seen), strict=True)
        )
        table[voice, feeling] = Sums(
            len(steps),
            steps.sum(0, dtype=float),
            len(whole),
            whole.sum(0, dtype=float),
            (whole.T @ whole).astype(float),
        )
    return table


def spread(rows: Rows) -> Matrix:
    """Covariance."""
    return np.asarray(np.cov(rows.T, bias=True), float)


def within(lessons: Lessons, scale: Rows) -> Matrix:
    """How steps differ from the mean of their clip."""
    counts = np.bincount(lessons.clip, minlength=len(lessons.voice))
    means = np.zeros((len(counts), lessons.steps.shape[1]))
    np.add.at(means, lessons.clip, lessons.steps)
    rest = (lessons.steps - (means / np.maximum(counts, 1)[:, None])[lessons.clip]) / scale
    return np.asarray(rest.T @ rest / len(rest), float)


class Teacher:
    """Makes heads of actors' lessons, damaged ones and readers."""

    def __init__(self, acted: Lessons, damaged: Iterable[Lessons], read: Lessons, smoothed: float = SMOOTHED) -> None:
        """`smoothed`: see Heads."""
        self.smoothed, self.usual = smoothed, acted.clips[acted.feeling == "neutral"].mean(0)
        self.scale = acted.clips.std(0) + 1e-6
        self._tables = [(1.0, sums(acted, self.usual, self.scale))]
        self._tables += [(DAMAGED, sums(each, self.usual, self.scale)) for each in damaged]
        self._moments = (within(acted, self.scale) + within(read, self.scale)) / 2
        clips = [clips for _, clips in views(read, self.usual, self.scale)]
        self._readers = np.asarray(sum(spread(each) for each in clips) / 2)
        self._read = np.asarray(sum(each.mean(0) for each in clips) / 2, float)
        self.voices = sorted(set(acted.voice.tolist()))

    def head(self, classes: Mapping[str, tuple[str, ...]], voices: Iterable[str]) -> tuple[Matrix, Matrix]:
        """Weights [576, classes] on statistics over their calm, and biases, learnt from these voices."""
        kept, means, voicewise = set(voices), [], np.zeros_like(self._moments)
        for name, feelings in classes.items():
            parts = [(w, s) for w, t in self._tables for (v, f), s in t.items() if v in kept and f in feelings]
            mean = sum(w * s.step_sum for w, s in parts) / sum(w * s.steps for w, s in parts)
            clips = sum(w * s.clips for w, s in parts)
            middle = sum(w * s.clip_sum for w, s in parts) / clips
            voicewise += sum(w * s.clip_product for w, s in parts) / clips - np.outer(middle, middle)
            means.append((mean + (read := READ.get(name, 0.0)) * self._read) / (1 + read))
        moments, voice, readers = PARTS
        cover = moments * self._moments + voice * voicewise / len(classes) + readers * self._readers
        cover *= len(cover) / np.trace(cover)
        weights = np.linalg.solve((1 - SHRINK) * cover + SHRINK * np.eye(len(cover)), np.stack(means).T)
        bias = -0.5 * (np.stack(means).T * weights).sum(0)
        return SHARPNESS * weights / self.scale[:, None], SHARPNESS * bias

    def heads(self, voices: Iterable[str] | None = None) -> Heads:
        """What the ear needs, learnt from these voices; None: from all."""
        kept = list(voices or self.voices)
        (feelings, biases), (stirred, rest) = self.head(CLASSES, kept), self.head(STIRRED, kept)
        activation, bias = stirred[:, 0] - stirred[:, 1], float(rest[0] - rest[1])
        return Heads(self.usual.astype(float), activation, bias, feelings, biases, self.smoothed)
