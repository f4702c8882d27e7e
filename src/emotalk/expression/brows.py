"""What is held over a phrase: brows up or down, a smile, narrower eyes. Drawn for each phrase, and glided to."""

import numpy as np

from emotalk.expression.motion import Curve, Glide, Noise
from emotalk.expression.persons import chance
from emotalk.expression.phrasing import Speech
from emotalk.timebase import FPS

_LATE = 0.7 * FPS
"""Brows move up to this many frames after a phrase began: they do not follow its loudness."""
_TREMOR = 0.12
_STRESS = 0.08


class Brows:
    """One pair of brows on its way."""

    def __init__(self, seed: str) -> None:
        self._seed, self._frame, self._phrase, self._due = seed, 0, 0, -1
        self._level, self._lean = Glide(9), Glide(6)
        self._aim = self._side = 0.0
        self._tremor = Noise(seed, "brows", 13)

    def move(self, speech: Speech) -> tuple[Curve, Curve]:
        """How high they are [n] (below 0: drawn down), and how much higher the left one is, as a share of that [n]."""
        level, side = np.array([self._step(phrase) for phrase in speech.phrase.tolist()]).reshape(-1, 2).T
        level = level + _TREMOR * np.array(self._tremor.take(len(speech))) + _STRESS * speech.stress
        return level * speech.present, side

    def _step(self, phrase: int) -> tuple[float, float]:
        if phrase != self._phrase:
            self._phrase, self._due = phrase, self._frame + int(_LATE * chance(self._seed, "brows late", phrase))
        if self._frame == self._due:
            self._draw()
        self._frame += 1
        return self._level.step(self._aim), self._lean.step(self._side)

    def _draw(self) -> None:
        """Of five phrases two are raised, one is frowned at, one is neither, and one is as the last."""
        kind, far, side = (chance(self._seed, "brows", self._phrase, i) for i in range(3))
        if kind >= 0.2:
            raised, low = kind < 0.55, kind >= 0.8
            self._aim = 0.16 + 0.3 * far if raised else -0.1 - 0.25 * far if low else 0.05 * far
            self._side = side - 0.5


class Warmth:
    """A smile and narrower eyes that this clip has, more in one phrase than in another."""

    def __init__(self, seed: str, warmth: float) -> None:
        """`warmth`: the smile of the person, in the mean."""
        self._seed, self._phrase = seed, 0
        self._warmth, self._narrow = warmth * (0.5 + chance(seed, "smile")), 0.12 * chance(seed, "squint")
        self._smile, self._squint = Glide(3), Glide(3)
        self._aims = 0.0, 0.0

    def move(self, speech: Speech) -> tuple[Curve, Curve]:
        """Smile and squint [n] of the next frames."""
        held = np.array([self._step(phrase) for phrase in speech.phrase.tolist()]).reshape(-1, 2)
        smile, squint = (held * speech.present[:, None]).T
        return smile, squint

    def _step(self, phrase: int) -> tuple[float, float]:
        if phrase != self._phrase:
            self._phrase = phrase
            smile, squint = (chance(self._seed, "warmth", phrase, i) ** 2 for i in range(2))
            self._aims = self._warmth * (0.3 + 2.5 * smile), self._narrow + 0.16 * squint
        return self._smile.step(self._aims[0]), self._squint.step(self._aims[1])
