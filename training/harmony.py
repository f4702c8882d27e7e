"""The ground that a piece of made-up music stands on: key, mode, metre, tempo, and a chord for every stretch of it.

Times are in beats. Pitches are keys as in MIDI (60 is middle C) or degrees: steps of the scale, seven to the octave, 35
the first tonic from middle C up.
"""

import math
import random
from bisect import bisect_right
from dataclasses import dataclass

MODES = {
    "major": (0, 2, 4, 5, 7, 9, 11), "minor": (0, 2, 3, 5, 7, 8, 10), "dorian": (0, 2, 3, 5, 7, 9, 10),
    "mixolydian": (0, 2, 4, 5, 7, 9, 10), "harmonic minor": (0, 2, 3, 5, 7, 8, 11), "lydian": (0, 2, 4, 6, 7, 9, 11),
    "phrygian": (0, 1, 3, 5, 7, 8, 10), "phrygian dominant": (0, 1, 4, 5, 7, 8, 10),
    "hungarian": (0, 2, 3, 6, 7, 8, 11), "melodic minor": (0, 2, 3, 5, 7, 9, 11),
}  # fmt: skip
_MODE_WEIGHTS = (8, 6, 4, 4, 4, 2, 2, 1, 1, 2)
_PROGRESSIONS = (
    (0, 4, 5, 3), (0, 3, 4, 4), (5, 3, 0, 4), (0, 5, 1, 4), (1, 4, 0, 0), (0, 6, 5, 4), (0, 3), (0, 6, 3, 0),
    (0, 2, 3, 4), (0, 0, 0, 0, 3, 3, 0, 0, 4, 3, 0, 4), (0, 4, 5, 2, 3, 0, 3, 4), (0, 3, 6, 2, 5, 1, 4, 0),
    (0,), (0, 1), (0, 5), (2, 5, 1, 4),
)  # fmt: skip
_COLOURS = ((0, 2, 4), (0, 2, 4, 6), (0, 4), (0, 3, 4), (0, 2, 4, 8), (0, 2, 4, 5))
_COLOUR_WEIGHTS = (10, 4, 1, 1, 2, 1)


@dataclass(frozen=True)
class Note:
    """Start and length in beats, or in seconds once performed; key and velocity (1 to 127) as in MIDI."""

    start: float
    length: float
    key: int
    velocity: int


@dataclass(frozen=True)
class Chord:
    """From a beat on, for some beats: degrees, the root first."""

    start: float
    length: float
    degrees: tuple[int, ...]


@dataclass(frozen=True)
class Ground:
    """Tonic 0 (C) to 11, a name of MODES, beats per minute, beats per bar; the chords fill all the bars."""

    tonic: int
    mode: str
    tempo: float
    metre: int
    bars: int
    chords: tuple[Chord, ...]

    @property
    def beats(self) -> int:
        """How long it is."""
        return self.metre * self.bars

    def key(self, degree: int) -> int:
        """The key of a degree."""
        octave, step = divmod(degree, 7)
        return self.tonic + 12 * octave + MODES[self.mode][step]

    def degree(self, key: int) -> int:
        """The degree nearest to a key, the lower of two."""
        return min(range(75), key=lambda degree: abs(self.key(degree) - key))

    def chord_at(self, beat: float) -> Chord:
        """The chord that sounds then."""
        return self.chords[max(0, bisect_right(self.chords, beat, key=lambda chord: chord.start) - 1)]

    def voiced(self, chord: Chord, middle: int) -> list[int]:
        """Its keys, each in the octave that is nearest to the middle, from the lowest up."""
        return sorted({nearest(self.key(degree), middle) for degree in chord.degrees})


def nearest(key: int, middle: int) -> int:
    """The same note in the octave around the middle."""
    return key + 12 * round((middle - key) / 12)


def lay(draw: random.Random, seconds: float) -> Ground:
    """A ground for at least so many seconds."""
    tempo, metre = draw.uniform(60, 180), draw.choices((4, 3), (7, 3))[0]
    bars = math.ceil(seconds * tempo / 60 / metre)
    mode = draw.choices(list(MODES), _MODE_WEIGHTS)[0]
    return Ground(draw.randrange(12), mode, tempo, metre, bars, _chords(draw, metre * bars, metre))


def _chords(draw: random.Random, beats: int, metre: int) -> tuple[Chord, ...]:
    roots = draw.choice(_PROGRESSIONS) if draw.random() < 0.8 else [draw.randrange(7) for _ in range(8)]
    length = metre * draw.choices((1, 2, 0.5), (6, 2, 2))[0]
    colours = draw.choices(_COLOURS, _COLOUR_WEIGHTS, k=len(roots))
    count = math.ceil(beats / length)
    pairs = [(roots[i % len(roots)], colours[i % len(roots)]) for i in range(count)]
    return tuple(Chord(i * length, length, tuple(root + d for d in colour)) for i, (root, colour) in enumerate(pairs))
