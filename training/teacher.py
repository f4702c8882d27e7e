"""The teacher of the ear: what its two heads are, learnt from any actors.

Leave an actor out, and who is judged was never heard.
"""

from collections.abc import Iterable, Mapping

import numpy as np

from emotalk.expression.ear import SMOOTHED, Heads
from emotalk.feelings import HEARD
from training.discriminant import Discriminant, Lessons, Matrix, views
from training.regression import examples, regress

CLASSES: Mapping[str, tuple[str, ...]] = {
    "anger": ("anger",), "fear": ("fear",), "joy": ("joy",), "neutral": ("neutral", "boredom"), "sadness": ("sadness",)
}  # fmt: skip
SEVEN: Mapping[str, tuple[str, ...]] = {name: (name,) for name in (*HEARD, "boredom", "disgust")}

DAMAGED = 0.2
"""Weight of a damaged lesson."""
OTHER = 0.5
"""Weight of a lesson as the other network hears it."""
SHARPNESS = 1.6
"""Probabilities are those of the odds to this power: neighbouring steps tell much the same."""


class Teacher:
    """Makes heads of actors' lessons, damaged ones, both as the other network hears them, and readers."""

    def __init__(
        self,
        acted: Lessons,
        damaged: Iterable[Lessons],
        read: Lessons,
        other: tuple[Lessons, Iterable[Lessons]],
        smoothed: float = SMOOTHED,
    ) -> None:
        """`other`: acted and damaged; `smoothed`: see Heads."""
        self.smoothed, self.usual = smoothed, acted.usual()
        self.scale, self.voices = acted.clips.std(0) + 1e-6, sorted(set(acted.voice.tolist()))
        theirs, apart = other[0], self.usual - other[0].usual()
        weighted = [(1.0, acted), *((DAMAGED, each) for each in damaged), (OTHER, theirs.moved(apart))]
        weighted += [(OTHER * DAMAGED, each.moved(apart)) for each in other[1]]
        self._examples = examples(weighted, self.usual, self.scale)
        self._discriminant = Discriminant(weighted, read, self.usual, self.scale)
        self._read = np.concatenate([clips for _, clips in views(read, self.usual, self.scale)])

    def head(self, classes: Mapping[str, tuple[str, ...]], voices: Iterable[str]) -> tuple[Matrix, Matrix]:
        """Weights [576, classes] on statistics over their calm, and biases, learnt from these voices."""
        mine = self._examples.of(np.isin(self._examples.voice, list(voices)))
        weights, bias = regress(mine, classes, self._read)
        return SHARPNESS * weights / self.scale[:, None], SHARPNESS * bias

    def heads(self, voices: Iterable[str] | None = None) -> Heads:
        """What the ear needs, learnt from these voices; None: from all."""
        kept = list(voices or self.voices)
        activation, bias = self._discriminant.head(kept)
        feelings, biases = self.head(CLASSES, kept)
        return Heads(self.usual.astype(float), activation / self.scale, bias, feelings, biases, self.smoothed)
