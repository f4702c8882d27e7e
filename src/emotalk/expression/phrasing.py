"""How the voice is used, frame by frame: what is stressed, where a phrase begins, how long nobody has spoken.

stress   louder and higher than this voice's last seconds
force    louder, and not higher
accent   the frame at which stress sets in
phrase   begins after a pause, and at the latest after two or three seconds of speech
present  0 at rest, 1 in speech; it outlives a pause, and is 0 again two seconds after the last word
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from emotalk.expression.motion import Curve
from emotalk.expression.persons import chance
from emotalk.timebase import FPS

_MEMORY = 4.0 * FPS
_PAUSE = 6
_HELD, _RISE, _FALL = FPS // 2, 1 / 20, 1 / (3 * FPS / 2)
_LOUD, _HIGH = 8, 5
"""Decibels and semitones over the usual that count as a whole."""
_ACCENT, _ACCENT_RISE, _ACCENT_GAP = 0.25, 0.02, 11


@dataclass(frozen=True)
class Speech:
    """n frames of it: each [n], in 0..1 but for `phrase` (counts from 1; 0: none yet) and `quiet` (frames)."""

    stress: Curve
    force: Curve
    high: Curve
    present: Curve
    accent: NDArray[np.bool_]
    phrase: NDArray[np.int64]
    quiet: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.stress)


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


class LoudVoice:
    """Where somebody speaks, by loudness alone: within 25 dB of the loudest of the last seconds, and over -55 dB."""

    def __init__(self) -> None:
        self._loudest, self._open = -100.0, Follower(0.03, 0.15)

    def of(self, loudness: NDArray[np.float64]) -> NDArray[np.float32]:
        """dB → 0..1 [n]."""
        return np.array([self._step(value) for value in loudness.tolist()], np.float32)

    def _step(self, loudness: float) -> float:
        self._loudest = max(loudness, self._loudest - 2 / FPS)
        return self._open.step(loudness > max(self._loudest - 25, -55))


class Phrasing:
    """One voice on its way."""

    def __init__(self, seed: str) -> None:
        self._seed = seed
        self._loudness, self._pitch = Habit(), Habit()
        self._stress, self._force, self._high = Follower(0.08, 0.35), Follower(0.1, 0.4), Follower(0.1, 0.3)
        self._phrase = self._spoken = self._longest = 0
        self._quiet, self._since_accent, self._present = _PAUSE, 0, 0.0

    def hear(self, openness: NDArray[np.float32], loudness: NDArray[np.float64], pitch: NDArray[np.float64]) -> Speech:
        """The gate 0..1, dB, and semitones (nan: no pitch) of the next n frames."""
        rows = [self._step(*row) for row in zip(openness.tolist(), loudness.tolist(), pitch.tolist(), strict=True)]
        stress, force, high, present, accent, phrase, quiet = np.array(rows, np.float64).reshape(-1, 7).T
        return Speech(stress, force, high, present, accent > 0, phrase.astype(np.int64), quiet.astype(np.int64))

    def _step(self, open_: float, loudness: float, pitch: float) -> tuple[float, ...]:
        voiced, before = open_ > 0.5, self._stress.value
        louder = self._loudness.over(loudness) / _LOUD if voiced else 0.0
        higher = self._pitch.over(pitch) / _HIGH if voiced and not math.isnan(pitch) else 0.0
        stress = self._stress.step(unit(0.6 * louder + 0.8 * higher) * open_)
        force = self._force.step(unit(louder - max(higher, 0)) * open_)
        high = self._high.step(unit(higher) * open_)
        self._count(voiced)
        accent = self._sets_in(stress, stress - before)
        return stress, force, high, self._measure_presence(voiced), accent, self._phrase, self._quiet

    def _count(self, voiced: bool) -> None:
        if voiced and (self._quiet >= _PAUSE or self._spoken >= self._longest):
            self._phrase, self._spoken = self._phrase + 1, 0
            self._longest = round(FPS * (1.2 + 1.8 * chance(self._seed, "phrase", self._phrase)))
        self._spoken += voiced
        self._quiet = 0 if voiced else self._quiet + 1

    def _measure_presence(self, voiced: bool) -> float:
        step = _RISE if voiced else -_FALL if self._quiet > _HELD else 0.0
        self._present = unit(self._present + step)
        return self._present**2 * (3 - 2 * self._present)

    def _sets_in(self, stress: float, rise: float) -> bool:
        self._since_accent += 1
        accent = stress > _ACCENT and rise > _ACCENT_RISE and self._since_accent >= _ACCENT_GAP
        if accent:
            self._since_accent = 0
        return accent


def unit(value: float) -> float:
    """Held to 0..1."""
    return min(max(value, 0.0), 1.0)
