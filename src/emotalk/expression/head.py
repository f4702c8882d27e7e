"""Where the head turns: to a new posture with each phrase, nodding where stress sets in, never quite still in speech.

Degrees, rest is 0, about the axes of glTF (x to the head's left, y up, z forward; right-handed):

    yaw     about y   positive: it turns to its own left
    pitch   about x   positive: it looks down
    roll    about z   positive: it tilts to its own right shoulder

A vector v of the head becomes yaw(pitch(roll(v))). Sizes and speeds are those of people filmed while they spoke.
"""

import numpy as np
from numpy.typing import NDArray

from emotalk.expression.motion import Glide, Noise, breath, hump
from emotalk.expression.persons import chance
from emotalk.expression.phrasing import Speech

Turns = NDArray[np.float64]
"""float64 [n, 3]: yaw, pitch, roll in degrees."""

AXES = ("yaw", "pitch", "roll")
LIMIT = 25.0
_POSTURE, _PACES = (5.4, 4.9, 4.1), (3.2, 3.5, 2.9)
_SWAY, _SWAY_PERIODS = np.array([6.4, 5.4, 6.6]), (13, 12, 14)
_QUIVER, _QUIVER_PERIODS = np.array([4.2, 3.1, 2.7]), (6, 6, 8)
_NOD = 2.5
_NODDING = hump(np.arange(1, 16) / 16).tolist()
_BREATH = 0.12


class HeadMotion:
    """One head on its way; `size` scales all of it but breath."""

    def __init__(self, seed: str, size: float) -> None:
        self._seed, self._frame, self._phrase, self._nods = seed, 0, 0, 0
        self._size = np.array([size * (0.8 + 0.4 * chance(seed, "size", axis)) for axis in AXES])
        self._postures = [Glide(pace) for pace in _PACES]
        self._sways = [Noise(seed, f"sway {axis}", p) for axis, p in zip(AXES, _SWAY_PERIODS, strict=True)]
        self._quivers = [Noise(seed, f"quiver {axis}", p) for axis, p in zip(AXES, _QUIVER_PERIODS, strict=True)]
        self._aims = [0.0, 0.0, 0.0]
        self._nodding = [0.0] * len(_NODDING)

    def turn(self, speech: Speech) -> Turns:
        """The next frames."""
        first, self._frame = self._frame, self._frame + len(speech)
        postures = [self._draw_posture(phrase) for phrase in speech.phrase.tolist()]
        sways, quivers = (np.array([each.take(len(speech)) for each in some]) for some in (self._sways, self._quivers))
        turns = np.array(postures).reshape(-1, 3) + _SWAY * sways.T + _QUIVER * quivers.T
        turns[:, 1] += [self._nod(accent) for accent in speech.accent.tolist()]
        turns = turns * self._size * speech.present[:, None]
        turns[:, 1] += _BREATH * breath(first, len(speech))
        return np.asarray(np.minimum(np.maximum(turns, -LIMIT), LIMIT), np.float64)

    def _draw_posture(self, phrase: int) -> list[float]:
        if phrase != self._phrase:
            self._phrase = phrase
            draws = (2 * chance(self._seed, "posture", axis, phrase) - 1 for axis in AXES)
            self._aims = [reach * draw for reach, draw in zip(_POSTURE, draws, strict=True)]
        return [glide.step(aim) for glide, aim in zip(self._postures, self._aims, strict=True)]

    def _nod(self, accent: bool) -> float:
        if accent:
            depth = _NOD * (0.5 + chance(self._seed, "nod", self._nods))
            self._nodding = [old + depth * new for old, new in zip(self._nodding, _NODDING, strict=True)]
            self._nods += 1
        self._nodding.append(0.0)
        return self._nodding.pop(0)
