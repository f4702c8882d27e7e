"""The rest of the face. Procedural: no network saw it, rules draw it from how loud and how high the voice is.

    stress (louder and higher than this voice's last seconds)  ► brows up, eyes wider
    force (louder, not higher)                                 ► brows down, eyes narrower, nose
    smile of the mouth, loudness                               ► cheeks
    the seed                                                   ► gaze in small jumps, slow micro-movements

All of it dies away within three seconds of the last word, down to breath at the nostrils: a face that is not speaking
rests. (Blinks are laid over it later, by emotalk.shaping.) One frame at a time, so that no cut can change a byte.
"""

import math

import numpy as np
from numpy.typing import NDArray

from emotalk.expression.persons import Mood, Person, chance, mood, person
from emotalk.face import BLENDSHAPES, INDEX, Frames, Style
from emotalk.timebase import FPS

_MEMORY = 4.0 * FPS
_FALL = 0.95
_REST_BELOW = 0.01
_BREATH_FRAMES, _BREATH = 4 * FPS, 0.012
_ROUND = [INDEX["mouthFunnel"], INDEX["mouthPucker"]]
_GAZE = {
    "left": ("eyeLookOutLeft", "eyeLookInRight"),
    "right": ("eyeLookInLeft", "eyeLookOutRight"),
    "up": ("eyeLookUpLeft", "eyeLookUpRight"),
    "down": ("eyeLookDownLeft", "eyeLookDownRight"),
}
GAZE_LIMIT = 0.12
MICRO_LIMIT = 0.015


_SMILE = INDEX["mouthSmileLeft"]
_UNEVEN = ("mouthStretch", "mouthSmile", "mouthDimple")
_SIDES = np.zeros(BLENDSHAPES, np.float32)
"""Which columns differ from side to side: +1 on the left, -1 on the right."""
for _name in _UNEVEN:
    _SIDES[INDEX[f"{_name}Left"]], _SIDES[INDEX[f"{_name}Right"]] = 1, -1


class Follower:
    """A value that follows its target, faster up than down."""

    def __init__(self, rise: float, fall: float) -> None:
        """Time constants in seconds."""
        self.value = 0.0
        self._rise, self._fall = 1 - math.exp(-1 / (rise * FPS)), 1 - math.exp(-1 / (fall * FPS))

    def step(self, target: float) -> float:
        """One frame nearer."""
        self.value += (target - self.value) * (self._rise if target > self.value else self._fall)
        return self.value


class Habit:
    """What is usual for this voice: a mean that forgets in seconds and begins with the first thing it hears."""

    def __init__(self) -> None:
        self._mean, self._count = 0.0, 0.0

    def over(self, value: float) -> float:
        """By how much this is over the mean so far; the mean then knows of it."""
        above = value - self._mean if self._count else 0.0
        self._count = min(self._count + 1, _MEMORY)
        self._mean += (value - self._mean) / self._count
        return above


class Expression:
    """One face on its way: a mouth in, all 52 columns out."""

    def __init__(self, style: Style, seed: str) -> None:
        self._person: Person = person(style.person_id)
        self._mood: Mood = mood(style)
        self._seed, self._frame = seed, 0
        self._loudness, self._pitch = Habit(), Habit()
        self._stress, self._force, self._high = Follower(0.08, 0.35), Follower(0.1, 0.4), Follower(0.1, 0.3)
        self._alive = 0.0
        self._gaze = (0.0, 0.0)
        self._saccades, self._next_saccade = 0, 0

    def face(
        self,
        mouth: Frames,
        voice: NDArray[np.float32],
        loudness: NDArray[np.float64],
        pitch: NDArray[np.float64],
    ) -> Frames:
        """The next frames: a neutral mouth [n, 52], voice 0..1, dB and semitones (nan: no pitch) → the face [n, 52]."""
        mouth = self._styled(mouth)
        frames = mouth * (1 + (self._person.tilt * _SIDES.astype(np.float64)).astype(np.float32))
        rows = zip(voice.tolist(), loudness.tolist(), pitch.tolist(), mouth[:, _SMILE].tolist(), strict=True)
        for row, heard in zip(frames, rows, strict=True):
            for name, value in self._around(*heard).items():
                row[INDEX[name]] += value
            self._frame += 1
        face: Frames = np.clip(frames, 0, 1)
        return face

    def _styled(self, mouth: Frames) -> Frames:
        gain = np.full(BLENDSHAPES, self._mood.range * self._person.opening, np.float32)
        gain[_ROUND] = self._mood.range * self._person.rounding
        styled: Frames = np.minimum(mouth * gain, 1)
        return styled

    def _around(self, open_: float, loudness: float, pitch: float, smile: float) -> dict[str, float]:
        """What is added to one frame."""
        voiced = open_ > 0.5
        louder = self._loudness.over(loudness) / 8 if voiced else 0.0
        higher = self._pitch.over(pitch) / 5 if voiced and not math.isnan(pitch) else 0.0
        stress = self._stress.step(_unit(0.6 * louder + 0.8 * higher) * open_)
        force = self._force.step(_unit(louder - max(higher, 0)) * open_)
        high = self._high.step(_unit(higher) * open_)
        self._alive = max(open_, self._alive * _FALL) if max(open_, self._alive) > _REST_BELOW else 0.0
        return _sum(self._upper(stress, force), self._lower(force, high, smile), self._small(), self._looks())

    def _upper(self, stress: float, force: float) -> dict[str, float]:
        up, tilt = stress * self._mood.brows * self._person.brows, self._person.tilt
        down = force * self._mood.brows * self._person.brows
        return {
            "browInnerUp": 0.38 * up,
            "browOuterUpLeft": 0.3 * up * (1 + tilt),
            "browOuterUpRight": 0.3 * up * (1 - tilt),
            "browDownLeft": 0.2 * down * (1 - tilt),
            "browDownRight": 0.2 * down * (1 + tilt),
            "eyeWideLeft": 0.22 * up,
            "eyeWideRight": 0.22 * up,
            "eyeSquintLeft": 0.15 * down,
            "eyeSquintRight": 0.15 * down,
        }

    def _lower(self, force: float, high: float, smile: float) -> dict[str, float]:
        corners, tilt = self._mood.corners, self._person.tilt
        more = corners * (self._person.warmth * self._alive + 0.14 * high)
        cheek = 0.5 * smile + corners * (0.1 * force + 0.1 * high)
        down, nose = 0.1 * corners * force, 0.12 * corners * force + self._breath()
        return {
            "mouthSmileLeft": more * (1 + tilt),
            "mouthSmileRight": more * (1 - tilt),
            "mouthFrownLeft": down * (1 - tilt),
            "mouthFrownRight": down * (1 + tilt),
            "cheekSquintLeft": cheek * (1 + tilt),
            "cheekSquintRight": cheek * (1 - tilt),
            "noseSneerLeft": nose,
            "noseSneerRight": nose,
        }

    def _breath(self) -> float:
        return _BREATH * 0.5 * (1 - math.cos(2 * math.pi * self._frame / _BREATH_FRAMES))

    def _small(self) -> dict[str, float]:
        """Micro-movements: slow, small, and to one side at a time."""
        jaw, mouth, brow = (MICRO_LIMIT * self._alive * self._wander(name) for name in ("jaw", "mouth", "brow"))
        return {
            "jawLeft" if jaw > 0 else "jawRight": abs(jaw),
            "mouthLeft" if mouth > 0 else "mouthRight": abs(mouth),
            "browOuterUpLeft" if brow > 0 else "browOuterUpRight": abs(brow),
        }

    def _wander(self, name: str) -> float:
        """-1..1, through a new value every half second."""
        knot, step = divmod(self._frame, FPS // 2)
        share = 0.5 * (1 - math.cos(math.pi * step / (FPS // 2)))
        before, after = (2 * chance(self._seed, name, knot + i) - 1 for i in (0, 1))
        return before + (after - before) * share

    def _looks(self) -> dict[str, float]:
        """The gaze jumps to a new place every 0.7 to 2.5 s and stays there; it comes home when nobody speaks."""
        if self._frame >= self._next_saccade:
            draw = [chance(self._seed, "gaze", self._saccades, i) for i in range(3)]
            self._target = (2 * draw[0] - 1) * GAZE_LIMIT, (2 * draw[1] - 1) * GAZE_LIMIT / 2
            self._next_saccade = self._frame + round((0.7 + 1.8 * draw[2]) * FPS / self._person.restless)
            self._saccades += 1
        x, y = (old + 0.6 * (self._alive * new - old) for old, new in zip(self._gaze, self._target, strict=True))
        self._gaze = (x, y) if max(abs(x), abs(y)) > 1e-3 else (0.0, 0.0)
        sides = ("left" if x > 0 else "right", abs(x)), ("up" if y > 0 else "down", abs(y))
        return {name: min(value, GAZE_LIMIT) for side, value in sides for name in _GAZE[side]}


def _unit(value: float) -> float:
    return min(max(value, 0.0), 1.0)


def _sum(*parts: dict[str, float]) -> dict[str, float]:
    whole: dict[str, float] = {}
    for part in parts:
        for name, value in part.items():
            whole[name] = whole.get(name, 0.0) + value
    return whole
