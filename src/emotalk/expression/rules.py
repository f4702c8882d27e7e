"""The rest of the face. Procedural: no network saw it, rules draw it from the voice, the mouth and the seed.

    each phrase (by the seed)                            ► brows up or down, a smile, narrower eyes
    the seed, the turn of the head                       ► gaze
    force (louder, and not higher)                       ► nose, cheeks, corners of the mouth down
    smile of the mouth, pitch                            ► cheeks, corners of the mouth up

All of it dies away within three seconds of the last word, down to breath at the nostrils: a face that is not speaking
rests. (Lids are laid over it later, by emotalk.pipeline.) One frame at a time, so that no cut can change a byte.
"""

from collections.abc import Iterable

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


def _find_columns(names: Iterable[str]) -> NDArray[np.int64]:
    return np.array([INDEX[name] for name in names])


_BROWS = {
    "browInnerUp": (1, 1, 0),
    "browOuterUpLeft": (0.8, 1, 1),
    "browOuterUpRight": (0.8, 1, -1),
    "browDownLeft": (0.9, -1, -0.3),
    "browDownRight": (0.9, -1, 0.3),
    "eyeWideLeft": (0.3, 1, 0),
    "eyeWideRight": (0.3, 1, 0),
    "eyeSquintLeft": (0.25, -1, 0),
    "eyeSquintRight": (0.25, -1, 0),
}
"""How far each goes with the brows, whether with raised ones (1) or with lowered ones (-1), and with their lean."""
_UPPER, (_RAISED, _RAISING, _LEANING) = _find_columns(_BROWS), np.array(list(_BROWS.values()), np.float64).T
_PAIRS = {"mouthSmile": 1, "mouthFrown": -1, "cheekSquint": 1, "eyeSquint": 1, "noseSneer": 0}
"""On which side there is more of each in a face that is uneven: 1 on its left."""
_LOWER = _find_columns(name + side for name in _PAIRS for side in ("Left", "Right"))
_UNEVENLY = np.array([way * more for more in _PAIRS.values() for way in (1, -1)], np.float64)
_SMALL = _find_columns(
    """jawLeft jawRight mouthLeft mouthRight eyeLookOutLeft eyeLookInRight eyeLookInLeft eyeLookOutRight
    eyeLookUpLeft eyeLookUpRight eyeLookDownLeft eyeLookDownRight""".split()
)
_WAYS = np.array([1, -1, 1, -1, 1, 1, -1, -1, 1, 1, -1, -1], np.float64)
"""Where a value moves each: above 0, or below."""
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
        self._sides = 1 + self._person.tilt * _UNEVENLY
        self._life = Life(self._person, self._mood, seed)
        self._brows, self._warmth = Brows(seed), Warmth(seed, self._person.warmth)
        self._reach = Reach()
        self._micro = [Noise(seed, name, FPS // 2) for name in ("jaw", "mouth")]

    def hear(self, voice: NDArray[np.float32], loudness: NDArray[np.float64], pitch: NDArray[np.float64]) -> Moment:
        """The next frames: voice 0..1, dB and semitones (nan: no pitch)."""
        return self._life.go_on(voice, loudness, pitch)

    def face(self, mouth: Frames, moment: Moment, kept: Frames) -> Frames:
        """A neutral mouth [n, 52] of these frames → the face [n, 52]; `kept` [n, 52]: see Felt.kept."""
        mouth = np.minimum(mouth * self._gain, 1)
        frames = mouth * self._uneven
        frames[:, _UPPER] += self._draw_upper(moment) * kept[:, _UPPER]
        frames[:, _LOWER] += self._draw_lower(moment, mouth[:, _SMILE]) * kept[:, _LOWER]
        frames[:, _SMALL] += self._draw_small(moment)
        self._frame += len(frames)
        face: Frames = np.minimum(np.maximum(frames, 0), 1)
        return face

    def reach(self, face: Frames, moment: Moment, stirring: Curve) -> Frames:
        """The same face [n, 52], its mouth opened as far as this voice does; `stirring` [n]: see Reach."""
        return self._reach.open(face, moment.speech, stirring)

    def _draw_upper(self, moment: Moment) -> Curve:
        level, lean = self._brows.move(moment.speech)
        level, lean = level * (self._mood.brows * self._person.brows), lean + self._person.tilt
        return np.asarray(_RAISED * np.maximum(level[:, None] * _RAISING, 0) * (1 + lean[:, None] * _LEANING))

    def _draw_lower(self, moment: Moment, smile: NDArray[np.float32]) -> Curve:
        corners, speech = self._mood.corners, moment.speech
        warm, squint = (corners * each for each in self._warmth.move(speech))
        more = warm + 0.14 * corners * speech.high
        cheek = 0.5 * smile + 0.1 * corners * (speech.force + speech.high)
        down = 0.1 * corners * speech.force
        nose = 0.04 * corners * speech.force + _BREATH * breath(self._frame, len(speech))
        pairs = np.array([more, more, down, down, cheek, cheek, squint, squint, nose, nose]).T
        return np.asarray(pairs * self._sides)

    def _draw_small(self, moment: Moment) -> Curve:
        """Micro-movements, slow, small, and to one side at a time; and where the eyes look."""
        present, (left, up) = moment.speech.present, moment.gaze.T
        jaw, mouth = (MICRO_LIMIT * present * np.array(noise.take(len(present))) for noise in self._micro)
        ways = np.array([jaw, jaw, mouth, mouth, left, left, left, left, up, up, up, up]).T
        return np.asarray(np.maximum(ways * _WAYS, 0))


class HeadOnly:
    """For an engine that draws a face by itself: its frames as they are, with lids and a head that turns."""

    def __init__(self, style: Style, seed: str) -> None:
        self._life, self._voice = Life(person(style.person_id), mood(style), seed), LoudVoice()

    def hear(self, voice: NDArray[np.float32], loudness: NDArray[np.float64], pitch: NDArray[np.float64]) -> Moment:
        """See Expression.hear; `voice` is not known and not read."""
        return self._life.go_on(self._voice.of(loudness), loudness, pitch)

    def face(self, face: Frames, moment: Moment, kept: Frames) -> Frames:
        """See Expression.face; nothing of this one is drawn by rule."""
        return face

    def reach(self, face: Frames, moment: Moment, stirring: Curve) -> Frames:
        """See Expression.reach; this mouth opens as its engine says."""
        return face
