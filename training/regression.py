"""Which feeling: a ridge regression of the odds, from clips and steps of weighted lessons.

All statistics are in the spread of the usual, and every lesson counts twice, against the usual calm and against its
voice's own: one head serves a voice that is unknown and one that is known. Why so: docs/decisions/0053.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from training.discriminant import Lessons, Matrix, Rows, views

RIDGE = 0.07
"""Weight of the squares of a head's weights, beside a mean loss."""
BORED = 0.3
"""Weight of boredom, which is called neutral: much of it there hides sadness."""
READ = 0.05
"""Weight of all readers beside each class: they are told from the stirred by the other head."""
_EVERY = 24
"""Of neighbouring steps, which tell much the same, one in so many is a lesson."""


@dataclass(frozen=True)
class Examples:
    """Statistics over their calm, in the spread of the usual [n, 576]; voice, feeling and weight of each."""

    rows: Rows
    voice: NDArray[np.str_]
    feeling: NDArray[np.str_]
    weight: NDArray[np.float64]

    def of(self, kept: NDArray[np.bool_]) -> "Examples":
        """These alone."""
        return Examples(self.rows[kept], self.voice[kept], self.feeling[kept], self.weight[kept])


def examples(weighted: Iterable[tuple[float, Lessons]], usual: Rows, scale: Rows) -> Examples:
    """Every clip, and of its steps some, which together count like it."""
    parts = [part for weight, lessons in weighted for part in _examples(weight, lessons, usual, scale)]
    return Examples(*(np.concatenate(part) for part in zip(*parts, strict=True)))


def _examples(weight: float, of: Lessons, usual: Rows, scale: Rows) -> Iterable[tuple[NDArray[np.generic], ...]]:
    some = np.arange(len(of.steps)) % _EVERY == 0
    clip = of.clip[some]
    share = weight / np.bincount(clip, minlength=len(of.voice))[clip]
    for steps, clips in views(of, usual, scale):
        yield clips, of.voice, of.feeling, np.full(len(clips), weight)
        yield steps[some], of.voice[clip], of.feeling[clip], share


def regress(taught: Examples, classes: Mapping[str, tuple[str, ...]], read: Rows) -> tuple[Matrix, Matrix]:
    """Weights [576, classes] and biases. Each class counts the same; `read`: what readers say, calmly [m, 576]."""
    place = {feeling: i for i, feelings in enumerate(classes.values()) for feeling in feelings}
    one = taught.of(np.isin(taught.feeling, list(place)))
    of = np.array([place[feeling] for feeling in one.feeling.tolist()])
    weight = one.weight * np.where(one.feeling == "boredom", BORED, 1.0)
    weight /= np.bincount(of, weight)[of]
    rows, of = np.concatenate([one.rows, read]), np.append(of, np.full(len(read), place["neutral"]))
    weight = np.append(weight, np.full(len(read), READ / len(read)))
    weight /= weight.sum()
    middle = weight @ rows  # Around it biases are soon found.
    fitted = LogisticRegression(C=1 / RIDGE, max_iter=500).fit(rows - middle.astype(np.float32), of, weight)
    weights = fitted.coef_.T.astype(float)
    return weights, fitted.intercept_ - middle @ weights
