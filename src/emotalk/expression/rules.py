"""The rest of the face. Procedural: no network saw it, rules draw it from the voice, the mouth and the seed.

    each phrase (by the seed)                            ► brows up or down, a smile, narrower eyes
    the seed, the turn of the head                       ► gaze
    force (louder, and not higher)                       ► nose, cheeks, corners of the mouth down
    smile of the mouth, pitch                            ► cheeks, corners of the mouth up

All of it dies away within three seconds of the last word, down to breath at the nostrils: a face that is not speaking
rests. (Lids are laid over it later, by emotalk.pipeline.) One frame at a time, so that no cut can change a byte.
"""

from functools import cache

import numpy as np
from numpy.typing import NDArray

from emotalk.expression.brows import Brows, Warmth
from emotalk.expression.life import Life, Moment
from emotalk.expression.motion import Curve, Noise, breath
from emotalk.expression.persons import Mood, Person, mood, person
from emotalk.expression.phrasing import LoudVoice
from emotalk.expression.reach import Reach
from emotalk.face import BLENDSHAPES, INDEX, Frames, Style
from emotalk.timebase import FPS

_BREATH = 0.012
_ROUND = [INDEX["mouthFunnel"], INDEX["mouthPucker"]]
MICRO_LIMIT = 0.015

_SMILE = INDEX["mouthSmileLeft"]
_UNEVEN = ("mouthStretch", "mouthSmile", "mouthDimple")
_SIDES = np.zeros(BLENDSHAPES, np.float32)
"""Which columns differ from side to side: +1 on the left, -1 on the right."""
for _name in _UNEVEN:
    _SIDES[INDEX[f"{_name}Left"]], _SIDES[INDEX[f"{_name}Right"]] = 1, -1


class Expression:
    """One face on its way: a mouth in, all 52 columns out."""

    def __init__(self, style: Style, seed: str) -> None:
        self._person: Person = person(style.person_id)
        self._mood: Mood = mood(style)
        self._frame = 0
        self._gain = np.full(BLENDSHAPES, self._mood.range * self._person.opening, np.float32)
        self._gain[_ROUND] = self._mood.range * self._person.rounding
        self._uneven = 1 + (self._person.tilt * _SIDES.astype(np.float64)).astype(np.float32)
        self._life = Life(self._person, self._mood, seed)
        self._brows, self._warmth = Brows(seed), Warmth(seed, self._person.warmth)
        self._reach = Reach()
        self._micro = [Noise(seed, name, FPS // 2) for name in ("jaw", "mouth")]

    def face(
        self,
        mouth: Frames,
        voice: NDArray[np.float32],
        loudness: NDArray[np.float64],
        pitch: NDArray[np.float64],
    ) -> tuple[Frames, Moment]:
        """The next frames: a neutral mouth [n, 52], voice 0..1, dB and semitones (nan: no pitch) → the face [n, 52]."""
        moment = self._life.go_on(voice, loudness, pitch)
        mouth = np.minimum(mouth * self._gain, 1)
        frames = mouth * self._uneven
        for part in (self._upper(moment), self._lower(moment, mouth[:, _SMILE]), self._small(moment), _looks(moment)):
            frames[:, _columns(*part)] += np.array(list(part.values())).T
        self._frame += len(frames)
        face: Frames = np.minimum(np.maximum(frames, 0), 1)
        return face, moment

    def reach(self, face: Frames, moment: Moment, stirring: Curve) -> Frames:
        """The same face [n, 52], its mouth opened as far as this voice does; `stirring` [n]: see Reach."""
        return self._reach.open(face, moment.speech, stirring)

    def _upper(self, moment: Moment) -> dict[str, Curve]:
        level, lean = self._brows.move(moment.speech)
        level, lean = level * (self._mood.brows * self._person.brows), lean + self._person.tilt
        up, down = np.maximum(level, 0), np.maximum(-level, 0)
        return {
            "browInnerUp": up,
            "browOuterUpLeft": 0.8 * up * (1 + lean),
            "browOuterUpRight": 0.8 * up * (1 - lean),
            "browDownLeft": 0.9 * down * (1 - 0.3 * lean),
            "browDownRight": 0.9 * down * (1 + 0.3 * lean),
            "eyeWideLeft": 0.3 * up,
            "eyeWideRight": 0.3 * up,
            "eyeSquintLeft": 0.25 * down,
            "eyeSquintRight": 0.25 * down,
        }

    def _lower(self, moment: Moment, smile: NDArray[np.float32]) -> dict[str, Curve]:
        corners, tilt, speech = self._mood.corners, self._person.tilt, moment.speech
        warm, squint = (corners * each for each in self._warmth.move(speech))
        more = warm + 0.14 * corners * speech.high
        cheek = 0.5 * smile + 0.1 * corners * (speech.force + speech.high)
        down = 0.1 * corners * speech.force
        nose = 0.04 * corners * speech.force + _BREATH * breath(self._frame, len(speech))
        return {
            "mouthSmileLeft": more * (1 + tilt),
            "mouthSmileRight": more * (1 - tilt),
            "mouthFrownLeft": down * (1 - tilt),
            "mouthFrownRight": down * (1 + tilt),
            "cheekSquintLeft": cheek * (1 + tilt),
            "cheekSquintRight": cheek * (1 - tilt),
            "eyeSquintLeft": squint * (1 + tilt),
            "eyeSquintRight": squint * (1 - tilt),
            "noseSneerLeft": nose,
            "noseSneerRight": nose,
        }

    def _small(self, moment: Moment) -> dict[str, Curve]:
        """Micro-movements: slow, small, and to one side at a time."""
        present = moment.speech.present
        jaw, mouth = (MICRO_LIMIT * present * np.array([noise.step() for _ in present]) for noise in self._micro)
        return _two_ways(jaw, ("jawLeft",), ("jawRight",)) | _two_ways(mouth, ("mouthLeft",), ("mouthRight",))


class HeadOnly:
    """For an engine that draws a face by itself: its frames as they are, with lids and a head that turns."""

    def __init__(self, style: Style, seed: str) -> None:
        self._life, self._voice = Life(person(style.person_id), mood(style), seed), LoudVoice()

    def face(
        self, face: Frames, voice: NDArray[np.float32], loudness: NDArray[np.float64], pitch: NDArray[np.float64]
    ) -> tuple[Frames, Moment]:
        """See Expression.face; `voice` is not known and not read."""
        return face, self._life.go_on(self._voice.of(loudness), loudness, pitch)

    def reach(self, face: Frames, moment: Moment, stirring: Curve) -> Frames:
        """See Expression.reach; this mouth opens as its engine says."""
        return face


@cache
def _columns(*names: str) -> list[int]:
    return [INDEX[name] for name in names]


def _looks(moment: Moment) -> dict[str, Curve]:
    left, up = moment.gaze.T
    sideways = _two_ways(left, ("eyeLookOutLeft", "eyeLookInRight"), ("eyeLookInLeft", "eyeLookOutRight"))
    return sideways | _two_ways(up, ("eyeLookUpLeft", "eyeLookUpRight"), ("eyeLookDownLeft", "eyeLookDownRight"))


def _two_ways(value: Curve, above: tuple[str, ...], below: tuple[str, ...]) -> dict[str, Curve]:
    """What moves one way where the value is above 0, and the other way where it is below."""
    up, down = np.maximum(value, 0), np.maximum(-value, 0)
    return dict.fromkeys(above, up) | dict.fromkeys(below, down)
