"""Made-up music as notes: who plays, what, and how. The same seed and number give the same piece."""

import random
from dataclasses import dataclass

from training import figures
from training.harmony import Ground, Note, lay
from training.styles import BANKS, STYLES, Part

KIT_BANK = 128
SECONDS = (8.0, 20.0)


@dataclass(frozen=True)
class Voice:
    """Who plays, and the notes in seconds. In `bank` 128 a program is a drum kit.

    `level` and `balance` are MIDI controllers, 0 to 127; `vibrato` is a depth in semitones and a rate in Hz; `swell`
    are loudnesses, 0 to 1, evenly over the piece.
    """

    program: int
    bank: int
    level: int
    balance: int
    vibrato: tuple[float, float]
    swell: tuple[float, ...]
    notes: list[Note]


@dataclass(frozen=True)
class Piece:
    """So many seconds of one to six voices; it begins on a bar and stops anywhere, as music under speech does."""

    style: str
    seconds: float
    voices: list[Voice]


@dataclass(frozen=True)
class _Manner:
    """How time is kept: the end, half-beats late by `swing` of a beat, everybody astray by some `loose` seconds."""

    seconds: float
    swing: float
    loose: float


def compose(seed: int, number: int) -> Piece:
    """The piece with this number."""
    draw = random.Random(f"music {seed} {number}")
    seconds, style = draw.uniform(*SECONDS), draw.choice(list(STYLES))
    ground = lay(draw, seconds)
    parts = [part for part in STYLES[style] if draw.random() < part.share] or [STYLES[style][0]]
    swing = 1 / 6 if style == "jazz" else draw.choice((0, 0, 0, 0.08, 1 / 6))
    manner = _Manner(seconds, swing, draw.uniform(0, 0.012))
    voices = [_voice(part, ground, manner, draw) for part in parts]
    return Piece(style, seconds, [voice for voice in voices if voice.notes])


def _voice(part: Part, ground: Ground, manner: _Manner, draw: random.Random) -> Voice:
    program = draw.choice(part.programs)
    notes = part.figure(ground, draw.randint(*part.middle), draw)
    bank = KIT_BANK if part.kit else BANKS.get(program, 0) if draw.random() < 0.3 else 0
    vibrato = (0, 0) if part.kit else (draw.choice((0, 0, 0.2, 0.4)), draw.uniform(4, 7))
    swells = draw.random() < (0.5 if part.figure is figures.pad else 0.15)
    swell = tuple(draw.uniform(0.15, 1) for _ in range(draw.randint(2, 6))) if swells else (1.0,)
    level = min(127, max(30, part.level + draw.randint(-25, 20)))
    return Voice(program, bank, level, draw.randint(20, 107), vibrato, swell, _played(notes, ground, manner, draw))


def _played(notes: list[Note], ground: Ground, manner: _Manner, draw: random.Random) -> list[Note]:
    beat, played = 60 / ground.tempo, []
    for note in notes:
        start = max(0, _swung(note.start, manner.swing) * beat + draw.gauss(0, manner.loose))
        if start < manner.seconds:
            played.append(Note(start, max(0.03, note.length * beat), note.key, min(127, max(1, note.velocity))))
    return sorted(played, key=lambda note: (note.start, note.key))


def _swung(beat: float, swing: float) -> float:
    """Half-beats come late by the swing, what lies between in proportion."""
    whole, part = divmod(beat, 1)
    return whole + (part * (1 + 2 * swing) if part <= 0.5 else part + 2 * swing * (1 - part))
