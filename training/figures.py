"""What a voice can play over a ground: bass, chords, arpeggios, pads, riffs, melodies, runs, counterpoint.

Each figure takes the ground, the key around which to play, and a source of chance; it gives notes in beats.
"""

import itertools
import random
from collections.abc import Callable, Iterable, Sequence

from training.harmony import Ground, Note, nearest

Figure = Callable[[Ground, int, random.Random], list[Note]]
Rhythm = list[tuple[float, float]]
"""Starts and lengths."""
_TUNES = ((0.5, 0.5, 1, 1, 2), (1, 1, 2, 3), (0.5, 0.5, 0.25, 0.75, 1), (1.5, 0.5, 1), (1 / 3, 2 / 3, 1))
_PULSES = ((1,), (0.5,), (2, 1, 1), (1.5, 0.5), (0.75, 0.25, 0.5, 0.5), (3, 1))


def pad(ground: Ground, middle: int, draw: random.Random) -> list[Note]:
    """Every chord held."""
    legato, doubled = draw.uniform(0.85, 1.02), draw.random() < 0.4
    return [
        Note(chord.start, chord.length * legato, key + up, draw.randint(70, 90))
        for chord in ground.chords
        for key in ground.voiced(chord, middle)
        for up in ((0, 12) if doubled else (0,))
    ]


def comping(ground: Ground, middle: int, draw: random.Random) -> list[Note]:
    """Chords struck or strummed in a rhythm that comes again in every bar."""
    slots = [i / 2 for i in range(2 * ground.metre)]
    hits = sorted(draw.sample(slots, draw.randint(1, len(slots))))
    short, strum = draw.uniform(0.2, 1.0), draw.choice((0, 0, 0.03, 0.06))
    notes = []
    for bar, hit in itertools.product(range(ground.bars), hits):
        start = bar * ground.metre + hit
        for i, key in enumerate(ground.voiced(ground.chord_at(start), middle)):
            notes.append(Note(start + i * strum, short, key, _accent(start, draw)))
    return notes


def arpeggio(ground: Ground, middle: int, draw: random.Random) -> list[Note]:
    """Chords broken into a steady stream, in one order of their notes."""
    step, ring = draw.choice((0.5, 0.5, 0.25, 0.25, 1 / 3)), draw.choice((0.9, 2.0, 4.0))
    order = [draw.randrange(5) for _ in range(draw.choice((3, 4, 6, 8)))]
    notes = []
    for i, start in enumerate(_steps(ground, step)):
        keys = ground.voiced(ground.chord_at(start), middle)
        octave, place = divmod(order[i % len(order)], len(keys))
        notes.append(Note(start, step * ring, keys[place] + 12 * octave, _accent(start, draw)))
    return notes


def bass(ground: Ground, middle: int, draw: random.Random) -> list[Note]:
    """Roots and fifths in a rhythm of its own, or an even pulse."""
    values, away = draw.choice(_PULSES), draw.choices((0, 4, 7, -3, 2), (8, 3, 2, 1, 1), k=8)
    notes = []
    for i, (start, length) in enumerate(_rhythm(ground, itertools.cycle(values))):
        above = 0 if start == ground.chord_at(start).start else away[i % 8]
        notes.append(Note(start, length * 0.9, ground.key(_root(ground, start, middle) + above), _accent(start, draw)))
    return notes


def walking(ground: Ground, middle: int, draw: random.Random) -> list[Note]:
    """A jazz bass: a note a beat, root on the chord, then step by step."""
    return line(ground, middle, draw, _rhythm(ground, itertools.repeat(1.0)), leap=0.2)


def riff(ground: Ground, middle: int, draw: random.Random) -> list[Note]:
    """A motif of a bar or two that follows the roots, at times in bare fifths: rock guitars, sequencers."""
    step, fifths = draw.choice((0.25, 0.5, 0.5)), draw.random() < 0.5
    slots = round(ground.metre * draw.choice((1, 2)) / step)
    motif = [draw.choice((0, 0, 0, 1, 2, 4, -1, 7, None)) for _ in range(slots)]
    motif = motif if any(above is not None for above in motif) else [0]
    short, notes = draw.uniform(0.3, 1.0), []
    for i, start in enumerate(_steps(ground, step)):
        above = motif[i % len(motif)]
        if above is not None:
            degree = _root(ground, start, middle) + above
            keys = [ground.key(degree), ground.key(degree + 4)] if fifths else [ground.key(degree)]
            notes += [Note(start, step * short, key, _accent(start, draw)) for key in keys]
    return notes


def melody(ground: Ground, middle: int, draw: random.Random) -> list[Note]:
    """A tune: a rhythm of two bars that mostly comes again, steps and leaps, some notes adorned."""
    cell = draw.choices(draw.choice(_TUNES), k=12)
    rests, trills = draw.choice((0, 0, 0.1)), draw.choice((0, 0, 0.05, 0.2))
    rhythm = [one for one in _rhythm(ground, itertools.cycle(cell)) if draw.random() >= rests]
    tune = line(ground, middle, draw, rhythm, leap=0.3)
    return [small for note in tune for small in (trilled(ground, note) if draw.random() < trills else [note])]


def run(ground: Ground, middle: int, draw: random.Random) -> list[Note]:
    """A virtuoso's line: sixteenths, triplets or faster, with a breath now and then."""
    step, rests = draw.choice((0.25, 0.25, 1 / 3, 1 / 6, 0.5)), draw.choice((0, 0.05, 0.15))
    rhythm = [(start, step) for start in _steps(ground, step) if start % ground.metre or draw.random() >= rests]
    return line(ground, middle, draw, rhythm, leap=draw.choice((0.05, 0.3, 0.8)))


def counterpoint(ground: Ground, middle: int, draw: random.Random) -> list[Note]:
    """A voice that moves fast in one bar and slowly in the next; two of them, middles apart, make an invention."""
    values, first = (draw.choice((0.25, 0.5)), draw.choice((0.5, 1.0))), draw.randrange(2)
    rhythm = [
        (bar * ground.metre + i * value, value)
        for bar in range(ground.bars)
        for value in (values[(bar + first) % 2],)
        for i in range(round(ground.metre / value))
    ]
    return line(ground, middle, draw, rhythm, leap=0.15)


def line(ground: Ground, middle: int, draw: random.Random, rhythm: Rhythm, leap: float) -> list[Note]:
    """A voice through a rhythm: chord notes on beats, steps or, by chance, leaps between, within an octave or so."""
    here, way, reach, short = ground.degree(middle), draw.choice((-1, 1)), draw.randint(4, 9), draw.uniform(0.7, 1.0)
    centre, notes = here, []
    for start, length in rhythm:
        here += way * (draw.randint(2, 5) if draw.random() < leap else draw.choices((1, 0), (9, 1))[0])
        if start % 1 == 0 and draw.random() < 0.8:
            here = min(range(here - 2, here + 3), key=lambda d: (not _in_chord(ground, start, d), abs(d - here)))
        if abs(here - centre) > reach or draw.random() < 0.2:
            way = -1 if here > centre else 1
        chromatic = draw.random() < 0.02
        notes.append(Note(start, length * short, ground.key(here) + chromatic, _accent(start, draw)))
    return notes


def trilled(ground: Ground, note: Note) -> list[Note]:
    """The note in turns with the one above it, eight to the beat."""
    above = ground.key(ground.degree(note.key) + 1)
    count = max(2, round(note.length * 8))
    return [
        Note(note.start + i * note.length / count, note.length / count, above if i % 2 else note.key, note.velocity)
        for i in range(count)
    ]


def _root(ground: Ground, beat: float, middle: int) -> int:
    """The degree of the chord's root nearest to the middle."""
    return ground.degree(nearest(ground.key(ground.chord_at(beat).degrees[0]), middle))


def _in_chord(ground: Ground, beat: float, degree: int) -> bool:
    return degree % 7 in {d % 7 for d in ground.chord_at(beat).degrees}


def _accent(beat: float, draw: random.Random) -> int:
    return draw.randint(75, 95) + (12 if beat % 1 == 0 else 0) + (10 if beat % 4 == 0 else 0)


def _steps(ground: Ground, step: float) -> Sequence[float]:
    return [i * step for i in range(round(ground.beats / step))]


def _rhythm(ground: Ground, values: Iterable[float]) -> Rhythm:
    starts: Rhythm = []
    beat = 0.0
    for value in values:
        if beat >= ground.beats:
            break
        starts.append((beat, value))
        beat += value
    return starts
