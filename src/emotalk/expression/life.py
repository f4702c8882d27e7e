"""What moves in a face because somebody is alive and speaking: head, eyes and lids, from the voice and the seed."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from emotalk.expression.gaze import Gaze
from emotalk.expression.head import HeadMotion, Turns
from emotalk.expression.lids import Lids
from emotalk.expression.motion import Curve
from emotalk.expression.persons import Mood, Person
from emotalk.expression.phrasing import Phrasing, Speech

LIDS_AHEAD = 2
"""Lids are known this many frames ahead of the rest, as far as shaping runs behind: so a blink knows what its middle
falls on."""

Motion = NDArray[np.float32]
"""float32 [n, 4]: yaw, pitch and roll of the head in degrees; how far the lids are shut, two frames before."""


@dataclass(frozen=True)
class Moment:
    """n frames of it."""

    speech: Speech
    turns: Turns
    """[n, 3]"""
    gaze: NDArray[np.float64]
    """[n, 2]: to its own left, up."""
    lids: Curve
    """[n]: how far they are shut LIDS_AHEAD frames before these."""

    @cached_property
    def motion(self) -> Motion:
        """Turns and lids as float32 [n, 4]."""
        return np.concatenate([self.turns, self.lids[:, None]], axis=1).astype(np.float32)


class Life:
    """One head on its way."""

    def __init__(self, person: Person, mood: Mood, seed: str) -> None:
        self._phrasing, self._head = Phrasing(seed), HeadMotion(seed, mood.head * person.sway)
        self._gaze, self._lids = Gaze(seed, person.restless), Lids(seed)

    def go_on(self, voice: NDArray[np.float32], loudness: NDArray[np.float64], pitch: NDArray[np.float64]) -> Moment:
        """The next n frames: voice 0..1, dB, and semitones (nan: no pitch)."""
        speech = self._phrasing.hear(voice, loudness, pitch)
        turns = self._head.turn(speech)
        gaze, jumps = self._gaze.look(speech, turns)
        return Moment(speech, turns, gaze, self._lids.fall(speech, gaze[:, 1], jumps))
