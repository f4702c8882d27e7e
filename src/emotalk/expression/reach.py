"""How far a voice opens its mouth: level and calm speech a little less than usual, lively and stirred speech more.

Two running means over the voiced frames of the last ten seconds decide: of stress (louder and higher than this voice's
usual), and of what the ear makes of the voice. How loud the sound is decides nothing: that says how far away the
microphone was. Why so: docs/decisions/0043.
"""

import numpy as np
from numpy.typing import NDArray

from emotalk.expression.phrasing import Speech
from emotalk.face import ARKIT_NAMES, INDEX, Frames
from emotalk.timebase import FPS

_USUAL_STRESS, _USUAL_STIRRING = 0.37, 0.12
_BY_STRESS, _BY_STIRRING = 0.5, 1.2
LEAST, MOST = 0.8, 1.4
_MEMORY, _LEANING = 10 * FPS, FPS / 2
"""Frames that are remembered, and how many of them the usual weighs at first."""
_OPENING = ("jawOpen", "mouthClose", "mouthLowerDown", "mouthUpperUp", "mouthStretch")
_COLUMNS = np.array([INDEX[name] for name in ARKIT_NAMES if name.startswith(_OPENING)])


class _Mean:
    """Of all that was heard, leaning to the usual at first and forgetting later."""

    def __init__(self, usual: float) -> None:
        self.value, self._weight = usual, _LEANING

    def hear(self, value: float) -> None:
        self._weight = min(self._weight + 1, _MEMORY)
        self.value += (value - self.value) / self._weight


class Reach:
    """One voice on its way."""

    def __init__(self) -> None:
        self._stress, self._stirring = _Mean(_USUAL_STRESS), _Mean(_USUAL_STIRRING)

    def open(self, face: Frames, speech: Speech, stirring: NDArray[np.float64]) -> Frames:
        """The next frames [n, 52], opened as far as this voice does; how stirred it is [n], nan: nobody listens."""
        heard = zip(speech.quiet.tolist(), speech.stress.tolist(), stirring.tolist(), strict=True)
        factors = np.array([self._step(*row) for row in heard], np.float32)
        opened = face.copy()
        opened[:, _COLUMNS] = np.minimum(face[:, _COLUMNS] * factors[:, None], 1)
        return opened

    def _step(self, quiet: int, stress: float, stirring: float) -> float:
        if not quiet:
            self._stress.hear(stress)
            if stirring == stirring:
                self._stirring.hear(stirring)
        lively = _BY_STRESS * (self._stress.value - _USUAL_STRESS)
        stirred = _BY_STIRRING * (self._stirring.value - _USUAL_STIRRING)
        return min(max(1 + lively + stirred, LEAST), MOST)
