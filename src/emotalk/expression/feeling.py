"""Which feeling is drawn, and how strongly, frame by frame: what the caller says, what the ear hears, attack, release.

emotions, emotion ──► between key frames ─┐ preferred_emotion_strength
sound ──► ear ─► what is sure, or a hint ─┴─► × emotion_strength ─► followed ─► × presence ─► signs
"""

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from emotalk.expression import ear, signs
from emotalk.expression.life import Moment, Motion
from emotalk.face import Frames
from emotalk.feelings import FEELINGS, TRACK_WIDTH, EmotionKey, FeelingTrack, meaning
from emotalk.timebase import FPS, STEP_FRAMES, timecode

_ATTACK, _RELEASE = (1 - math.exp(-1 / (seconds * FPS)) for seconds in (0.15, 0.4))
"""Most of the way is gone in 0.3 s and in 0.8 s."""
_FAINT = 0.005
_PLAIN = 0.5
"""What is heard so strongly counts wholly against the caller's word."""
_PAUSE = 8
"""Frames of quiet that are a pause."""
_PARTING, _MEETING = 0.15, 0.5
"""Shares by which a pause is entered and left, a frame."""
_NOTHING = np.zeros(len(FEELINGS))

Row = NDArray[np.float64]


class Score:
    """What the caller says, over time; it may go on saying while somebody speaks."""

    def __init__(self, keys: Sequence[EmotionKey]) -> None:
        self._keys, self._since = list(keys), 0.0

    def go_on(self, keys: Sequence[EmotionKey], now: float) -> None:
        """From `now` (seconds) on these keys alone, none: nothing is said; a time that has passed is now."""
        before = self.at(now)
        if before is None:
            self._keys, self._since = [], now
        elif keys:
            # What was said is held up to now: a key that comes must not reach back.
            strengths = dict(zip(FEELINGS, before.tolist(), strict=True))
            self._keys = [key for key in self._keys if key.time < now] + [EmotionKey(now, strengths)]
        self._keys = [*self._keys, *(EmotionKey(max(key.time, now), key.strengths) for key in keys)] if keys else []

    def at(self, time: float) -> Row | None:
        """Strengths of FEELINGS [10], before the first key and after the last theirs; None: nothing is said."""
        if not self._keys or time < self._since:
            return None
        place = bisect_right(self._keys, time, key=lambda key: key.time)
        before, after = self._keys[max(place - 1, 0)], self._keys[min(place, len(self._keys) - 1)]
        share = (time - before.time) / (after.time - before.time) if after.time > before.time else 1.0
        drawn: Row = before.row() + (after.row() - before.row()) * min(max(share, 0.0), 1.0)
        return drawn


class Feeling:
    """One face's feelings on their way. `manner`: how the ear listens; "": it does not."""

    def __init__(
        self,
        keys: Sequence[EmotionKey],
        manner: str,
        strength: float,
        preferred: float,
        heads: ear.Heads | None = None,
    ) -> None:
        """`heads`: others than those of the package."""
        self.score = Score(keys)
        self._ear = ear.Ear(ear.MANNERS[manner], heads or ear.heads()) if manner else None
        self._strength, self._preferred = strength, preferred
        self._shown, self._stirred, self._paused = _NOTHING.copy(), 0.0, 0.0
        self._hearing = ear.CALM
        self._frame = 0
        self._rows: list[Row] = []
        self.stirring = np.zeros(0)
        """Of the frames that were drawn last, 0..1: how stirred the voice is; nan: nobody listens."""

    @property
    def hears(self) -> bool:
        """Does it need the inner states?"""
        return self._ear is not None

    def draw(
        self, face: Frames, moment: Moment, states: NDArray[np.float32], voice: NDArray[np.float32]
    ) -> tuple[Frames, Motion]:
        """The next frames [n, 52], which begin a step, and how the head moves.

        Where it hears: states [n, 288] and voice 0..1 [n].
        """
        speech, motion = moment.speech, moment.motion
        shown, stirred, paused = np.zeros((len(face), len(FEELINGS))), np.zeros(len(face)), np.zeros(len(face))
        self.stirring = np.full(len(face), np.nan)
        for frame in range(len(face)):
            step = slice(frame, frame + STEP_FRAMES)
            if self._frame % STEP_FRAMES == 0:
                self._listen(states[step], voice[step])
            shown[frame], stirred[frame], paused[frame] = self._follow(float(speech.quiet[frame]) >= _PAUSE)
            if self._ear:
                self.stirring[frame] = self._hearing.activation
            if self._frame % STEP_FRAMES == 0:
                self._rows.append(self._row(shown[frame] * speech.present[frame]))
            self._frame += 1
        if not (shown.any() or stirred.any()):
            return face, motion
        shown, stirred = shown * speech.present[:, None], stirred * speech.present
        strengths, *others = (np.asarray(curve, np.float32) for curve in (shown, stirred, paused))
        return signs.draw(face, strengths, *others), signs.bow(motion, strengths)

    def track(self) -> FeelingTrack:
        """The steps that were drawn since this was last asked."""
        rows, self._rows = self._rows, []
        last = -(-self._frame // STEP_FRAMES)
        return FeelingTrack(last - len(rows), np.array(rows, np.float32).reshape(-1, TRACK_WIDTH))

    def _listen(self, states: NDArray[np.float32], voice: NDArray[np.float32]) -> None:
        if self._ear:
            self._hearing = self._ear.step(states, voice)

    def _follow(self, paused: bool) -> tuple[Row, float, float]:
        """One frame nearer to what is meant."""
        target = self._strength * self._meant()
        self._shown += (target - self._shown) * np.where(target > self._shown, _ATTACK, _RELEASE)
        self._shown[(self._shown < _FAINT) & (target == 0)] = 0
        self._stirred += (self._strength * self._hearing.activation - self._stirred) * _ATTACK
        self._paused += (paused - self._paused) * (_PARTING if paused else _MEETING)
        return self._shown, self._stirred, self._paused

    def _meant(self) -> Row:
        """The caller's word against what is heard; together at most 1."""
        heard = EmotionKey(strengths=self._hearing.strengths()).row()
        if (said := self.score.at(timecode(self._frame))) is None:
            return heard
        share = 1 - (1 - self._preferred) * min(heard.max() / _PLAIN, 1.0)
        both = share * said + (1 - share) * heard
        meant: Row = both / max(both.sum(), 1.0)
        return meant

    def _row(self, drawn: Row) -> Row:
        return np.concatenate([[self._hearing.activation], self._hearing.probabilities, drawn])


@dataclass(frozen=True)
class Emotions:
    """What a performance asks for: see its fields of the same names."""

    emotion: str = ""
    keys: tuple[EmotionKey, ...] = ()
    strength: float = 0.6
    preferred: float = 1.0

    def begin(self, draws_feelings: bool, live: bool = False) -> Feeling | None:
        """For an engine that draws feelings itself, or does not; None: nothing is to be drawn.

        `live`: the caller may still say something.
        """
        meant = meaning(self.emotion)
        keys = self.keys or ((EmotionKey(0.0, dict(meant.strengths)),) if meant.strengths else ())
        manner = meant.manner if meant.asked or not draws_feelings else ""
        wanted = self.strength and self.emotion != "off" and (manner or keys or live)
        return Feeling(keys, manner, self.strength, self.preferred) if wanted else None
