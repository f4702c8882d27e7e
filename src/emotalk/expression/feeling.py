"""Which feeling is drawn, and how strongly, frame by frame: what the caller says, what the ear hears, attack, release.

emotions, emotion ──► between key frames ─┐ preferred_emotion_strength
sound ──► ear ─► what is sure, or a hint ─┴─► × emotion_strength ─► followed ─► × presence ─► signs
"""

import math
from bisect import bisect_right
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from emotalk.engines.base import Latency
from emotalk.expression import ear, signs
from emotalk.expression.life import Motion
from emotalk.expression.phrasing import Follower, Speech
from emotalk.face import Frames
from emotalk.feelings import FEELINGS, TRACK_WIDTH, EmotionKey, FeelingTrack, meaning
from emotalk.timebase import STEP_FRAMES, timecode

_ATTACK, _RELEASE = 0.15, 0.4
"""Seconds. Most of the way is gone in 0.3 s and in 0.8 s."""
_FAINT = 0.005
_PLAIN = 0.5
"""What is heard so strongly counts wholly against the caller's word."""
_PAUSE = 8
"""Frames of quiet that are a pause."""
_PARTING, _MEETING = 0.15, 0.5
"""Shares by which a pause is entered and left, a frame."""
_NOTHING = [0.0] * len(FEELINGS)

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


@dataclass(frozen=True)
class Felt:
    """n frames of it: strengths of FEELINGS [n, 10], activation that is drawn [n], how far nobody speaks [n].

    `stirring` [n]: how stirred the voice is, 0..1; nan: nobody listens.
    """

    strengths: NDArray[np.float32]
    stirred: NDArray[np.float32]
    paused: NDArray[np.float32]
    stirring: NDArray[np.float64]

    @property
    def kept(self) -> Frames:
        """0..1 [n, 52]: how much stays of what is drawn by chance."""
        return signs.kept(self.strengths, self.stirred)

    def draw(self, face: Frames, motion: Motion) -> tuple[Frames, Motion]:
        """A face [n, 52] that shows it, and how its head moves."""
        if not (self.strengths.any() or self.stirred.any()):
            return face, motion
        return signs.draw(face, self.strengths, self.stirred, self.paused), signs.bow(motion, self.strengths)


def unfelt(count: int) -> Felt:
    """So many frames of nothing."""
    none = np.zeros((count, len(FEELINGS)), np.float32)
    return Felt(none, none[:, 0], none[:, 0], np.full(count, math.nan))


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
        """`heads`: others than those of the package for a clip."""
        self.score = Score(keys)
        self._ear = ear.Ear(ear.MANNERS[manner], heads or ear.heads()) if manner else None
        self._strength, self._preferred = strength, preferred
        self._shown = [Follower(_ATTACK, _RELEASE) for _ in FEELINGS]
        self._stirred, self._paused = Follower(_ATTACK, _ATTACK), 0.0
        self._hearing, self._heard = ear.CALM, _NOTHING
        self._frame = 0
        self._rows: list[list[float]] = []
        self._stirring, self._activations = math.nan, deque[float]()

    @property
    def hears(self) -> bool:
        """Does it need the inner states?"""
        return self._ear is not None

    def go_on(self, speech: Speech, states: NDArray[np.float32], voice: NDArray[np.float32]) -> Felt:
        """The next frames [n].

        Where it hears: states [m, 288] and voice 0..1 [m] of these frames and of the rest of their last step. At the
        end of a clip there are fewer, by as many as were heard ahead.
        """
        drawn, stirring = [], []
        for frame, (quiet, present) in enumerate(zip(speech.quiet.tolist(), speech.present.tolist(), strict=True)):
            begins, step = self._frame % STEP_FRAMES == 0, slice(frame, frame + STEP_FRAMES)
            if begins:
                self._listen(states[step], voice[step])
                self._stirring = self._activations.popleft()
            drawn.append(self._follow(quiet >= _PAUSE, present))
            stirring.append(self._stirring)
            if begins:
                self._rows.append([self._hearing.activation, *self._hearing.probabilities, *drawn[-1][2:]])
            self._frame += 1
        paused, stirred, *strengths = np.array(drawn, np.float32).reshape(-1, 2 + len(FEELINGS)).T
        return Felt(np.stack(strengths, axis=1), stirred, paused, np.array(stirring))

    def hear_ahead(self, states: NDArray[np.float32], voice: NDArray[np.float32]) -> None:
        """Before the first frame: whole steps of states [n, 288] and voice 0..1 [n], by which the ear is then ahead."""
        for frame in range(0, len(voice), STEP_FRAMES):
            step = slice(frame, frame + STEP_FRAMES)
            self._listen(states[step], voice[step])

    def track(self) -> FeelingTrack:
        """The steps that were drawn since this was last asked."""
        rows, self._rows = self._rows, []
        last = -(-self._frame // STEP_FRAMES)
        return FeelingTrack(last - len(rows), np.array(rows, np.float32).reshape(-1, TRACK_WIDTH))

    def _listen(self, states: NDArray[np.float32], voice: NDArray[np.float32]) -> None:
        if self._ear:
            self._hearing = self._ear.step(states, voice)
            strengths = self._hearing.strengths()
            self._heard = [strengths.get(name, 0.0) for name in FEELINGS]
        self._activations.append(self._hearing.activation if self._ear else math.nan)

    def _follow(self, paused: bool, present: float) -> list[float]:
        """One frame nearer to what is meant: how far nobody speaks, how stirred, and the strengths of FEELINGS."""
        self._paused += (paused - self._paused) * (_PARTING if paused else _MEETING)
        self._stirred.step(self._strength * self._hearing.activation)
        for shown, meant in zip(self._shown, self._meant(), strict=True):
            if (meant or shown.value) and shown.step(self._strength * meant) < _FAINT and not meant:
                shown.value = 0.0
        return [self._paused, self._stirred.value * present, *[each.value * present for each in self._shown]]

    def _meant(self) -> list[float]:
        """The caller's word against what is heard; together at most 1."""
        if (said := self.score.at(timecode(self._frame))) is None:
            return self._heard
        heard = np.array(self._heard)
        share = 1 - (1 - self._preferred) * min(heard.max() / _PLAIN, 1.0)
        both: Row = share * said + (1 - share) * heard
        meant: list[float] = (both / max(both.sum(), 1.0)).tolist()
        return meant


@dataclass(frozen=True)
class Emotions:
    """What a performance asks for: see its fields of the same names."""

    emotion: str = ""
    keys: tuple[EmotionKey, ...] = ()
    strength: float = 0.6
    preferred: float = 1.0

    def begin(self, draws_feelings: bool, latency: Latency = "clip") -> Feeling | None:
        """For an engine that draws feelings itself, or does not; None: nothing is to be drawn.

        `latency`: the caller of a stream may still say something; the ear of a live one hears another network.
        """
        meant = meaning(self.emotion)
        keys = self.keys or ((EmotionKey(0.0, dict(meant.strengths)),) if meant.strengths else ())
        manner = meant.manner if meant.asked or not draws_feelings else ""
        wanted = self.strength and self.emotion != "off" and (manner or keys or latency != "clip")
        heads = ear.heads(latency == "live") if wanted and manner else None
        return Feeling(keys, manner, self.strength, self.preferred, heads) if wanted else None
