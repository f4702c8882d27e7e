"""What drums and percussion can play over a ground: a groove drawn once a piece, repeated, with fills.

Hands and strokes may be so sparse that nothing is left of them.
"""

import itertools
import random

from training.harmony import Ground, Note

KICK, SNARE, RIM, CLAP, CLOSED, OPEN, RIDE, CRASH = 36, 38, 37, 39, 42, 46, 51, 49
_TOMS = (41, 43, 45, 47, 48, 50)
_HANDS = (54, 56, 60, 61, 62, 63, 64, 65, 66, 67, 68, 69, 70, 75, 76, 77)
Groove = list[tuple[float, int, int]]


def groove(ground: Ground, middle: int, draw: random.Random) -> list[Note]:
    """A drummer: bass drum, back beat, cymbals; a fill in every fourth bar."""
    step = draw.choice((0.25, 0.25, 0.5, 1 / 3))
    bar = [*_kicks(ground.metre, step, draw), *_back_beat(ground.metre, draw), *_cymbals(ground.metre, step, draw)]
    if draw.random() < 0.3:
        bar += _some(draw.choice(_HANDS), ground.metre, step, 0.4, draw)
    fill = _some(SNARE, ground.metre, step, 0.3, draw) + [
        (hit, draw.choice(_TOMS), draw.randint(80, 115)) for hit in _slots(ground.metre, step) if draw.random() < 0.5
    ]
    notes = []
    for number in range(ground.bars):
        hits = fill if number % 4 == 3 else bar + [(0, CRASH, 95)] * (number % 4 == 0)
        notes += _at(number * ground.metre, hits, draw)
    return notes


def hands(ground: Ground, middle: int, draw: random.Random) -> list[Note]:
    """Congas, bongos, shakers, claves: two to four of them, each with its rhythm."""
    step = draw.choice((0.25, 0.5, 1 / 3))
    players = draw.sample(_HANDS, draw.randint(2, 4))
    bar = [hit for key in players for hit in _some(key, ground.metre, step, draw.uniform(0.2, 0.8), draw)]
    return list(itertools.chain.from_iterable(_at(n * ground.metre, bar, draw) for n in range(ground.bars)))


def strokes(ground: Ground, middle: int, draw: random.Random) -> list[Note]:
    """One drum with a pitch, as timpani, taiko, tom: single strokes, and a roll into some bars."""
    rolls, notes = draw.uniform(0, 0.5), []
    hits = _some(0, ground.metre, 0.5, draw.uniform(0.1, 0.5), draw)
    for number in range(ground.bars):
        start = number * ground.metre
        notes += [Note(start + beat, 0.5, middle + draw.choice((0, 0, 5, 7)), force) for beat, _, force in hits]
        if draw.random() < rolls:
            last = start + ground.metre - 1
            notes += [Note(last + i / 8, 0.2, middle, 50 + 8 * i) for i in range(8)]
    return notes


def _slots(metre: int, step: float) -> list[float]:
    return [i * step for i in range(round(metre / step))]


def _some(key: int, metre: int, step: float, share: float, draw: random.Random) -> Groove:
    return [(slot, key, draw.randint(50, 100)) for slot in _slots(metre, step) if draw.random() < share]


def _kicks(metre: int, step: float, draw: random.Random) -> Groove:
    if draw.random() < 0.35:
        return [(beat, KICK, 110) for beat in range(metre)]
    return [(0, KICK, 115), *_some(KICK, metre, step, draw.uniform(0.05, 0.25), draw)]


def _back_beat(metre: int, draw: random.Random) -> Groove:
    drum = draw.choice((SNARE, SNARE, SNARE, RIM, CLAP))
    return [(beat, drum, 105) for beat in range(1, metre, 1 if metre == 3 else 2)]


def _cymbals(metre: int, step: float, draw: random.Random) -> Groove:
    key, share = draw.choice((CLOSED, CLOSED, RIDE, OPEN)), draw.choice((1.0, 1.0, 0.6))
    lifted = [(metre - 0.5, OPEN, 85)] if draw.random() < 0.3 else []
    return _some(key, metre, step, share, draw) + lifted


def _at(start: float, hits: Groove, draw: random.Random) -> list[Note]:
    return [Note(start + beat, 0.2, key, min(127, force + draw.randint(-6, 6))) for beat, key, force in hits]
