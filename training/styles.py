"""Who plays together, and what: the styles of the made-up music.

Programs are those of General MIDI, counted from 0. None is a human voice: music under speech must not teach the network
that a voice may sound while the mouth is still. FluidR3 has samples of voices in 52 to 54, 85 and 91, as every such set
does, and also in 101 and 102.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from training.drums import groove, hands, strokes
from training.figures import Figure, arpeggio, bass, comping, counterpoint, melody, pad, riff, run, walking

HUMAN = frozenset({52, 53, 54, 85, 91, 101, 102})
"""Left out."""
BANKS = dict.fromkeys((4, 5, 6, 14, 16, 17, 19, 21, 24, 26, 28, 30, 38, 39, 48, 50, 61, 80), 8) | {25: 16}
"""Programs of which there is a variant, and in which bank: ukulele, mandolin, feedback guitar, church bell."""

PIANO, MALLET, ORGAN, GUITAR, DISTORTED = range(8), range(8, 16), range(16, 24), range(24, 29), (29, 30)
BASS, STRING, TREMOLO, ENSEMBLE = range(32, 40), (40, 41, 42, 110), (44, 45, 48), range(48, 52)
BRASS, REED, SAX, WOODWIND, PIPE = range(56, 64), range(64, 72), range(64, 68), range(68, 72), range(72, 80)
LEAD, PAD = (tuple(sorted({*programs} - HUMAN)) for programs in (range(80, 88), range(88, 104)))
ANY = tuple(sorted({*range(112)} - HUMAN - {55}))
"""Whatever can hold a line: no orchestra hit (55), no percussion and no effects (from 112 up)."""
PLUCKED, FOLK = (15, 24, 25, 45, 46, 104, 105, 106, 107, 108), (21, 22, 23, 105, 109, 110, 111, 72, 75, 79)
KITS, ELECTRIC_KITS, SOFT_KITS = (*range(20), 32, 36), (24, 25), (32, 33, 40, 41)


@dataclass(frozen=True)
class Part:
    """A figure, the programs that may play it, between which keys its middle lies, how often it is there, how loud."""

    figure: Figure
    programs: Sequence[int]
    middle: tuple[int, int] = (60, 60)
    share: float = 1.0
    level: int = 90
    kit: bool = False


def _drummer(kits: Sequence[int], share: float = 1.0, figure: Figure = groove) -> Part:
    return Part(figure, kits, share=share, level=100, kit=True)


_BASS = Part(bass, BASS, (33, 45), level=100)
STYLES: dict[str, tuple[Part, ...]] = {
    "band": (
        _drummer(KITS),
        _BASS,
        Part(comping, (*PIANO, *GUITAR, *ORGAN), (55, 67)),
        Part(melody, (*GUITAR, *REED, *BRASS, *LEAD, *PIANO), (62, 79), 0.8, 105),
        Part(pad, (*ENSEMBLE, *PAD, *ORGAN), (55, 70), 0.4, 70),
        Part(arpeggio, (*GUITAR, *MALLET), (60, 72), 0.3, 80),
    ),
    "rock": (
        _drummer(KITS),
        _BASS,
        Part(riff, DISTORTED, (40, 52), level=95),
        Part(comping, DISTORTED, (48, 60), 0.6, 80),
        Part(run, (29, 30, 30), (64, 79), 0.5, 100),
        Part(melody, (27, 29, 30, 18), (62, 76), 0.4),
    ),
    "electronic": (
        _drummer(ELECTRIC_KITS),
        Part(riff, (38, 39, 81, 87), (33, 45), level=100),
        Part(arpeggio, (*LEAD, *PAD, 38, 39), (57, 76)),
        Part(pad, PAD, (55, 70), 0.7, 75),
        Part(melody, LEAD, (64, 81), 0.6),
        Part(comping, (4, 5, 62, 63, 90), (55, 70), 0.4),
    ),
    "lounge": (
        _drummer((*SOFT_KITS, *ELECTRIC_KITS)),
        _BASS,
        Part(comping, (4, 5, 11, 26), (55, 67), level=80),
        Part(melody, (4, 11, 26, 65, 66, 73, 59), (62, 79), 0.7),
        Part(pad, (*PAD, 48), (55, 67), 0.4, 65),
    ),
    "jazz": (
        _drummer(SOFT_KITS),
        Part(walking, (32, 32, 33, 35), (36, 45), level=105),
        Part(comping, (0, 0, 26, 11, 16), (55, 67), 0.8, 75),
        Part(run, (*SAX, 56, 57, 59, 0, 11, 26, 71), (60, 77), 0.7, 105),
        Part(melody, (*SAX, 56, 59), (60, 74), 0.4, 100),
    ),
    "orchestra": (
        Part(pad, ENSEMBLE, (50, 67)),
        Part(pad, BRASS, (48, 62), 0.6, 85),
        Part(melody, (*WOODWIND, *PIPE, *STRING, 60, 56), (62, 84), 0.8, 105),
        Part(riff, TREMOLO, (48, 67), 0.6),
        Part(strokes, (47, 116, 117), (38, 48), 0.6, 105),
        Part(arpeggio, (46, 8, 14), (60, 79), 0.4),
    ),
    "chamber": (
        Part(melody, STRING, (67, 84)),
        Part(counterpoint, STRING, (60, 72), 0.7),
        Part(counterpoint, (41, 42), (50, 62), 0.7),
        Part(bass, (42, 43, 70), (38, 50)),
    ),
    "winds": (
        Part(melody, (*PIPE, *WOODWIND), (70, 86)),
        Part(counterpoint, (*REED, *PIPE), (60, 76), 0.7),
        Part(comping, (*BRASS, *REED), (52, 65), 0.6),
        Part(bass, (58, 57, 70, 67), (36, 50), 0.8),
    ),
    "soloist": (
        Part(run, (*STRING, *REED, *PIPE, *PIANO, *GUITAR, *MALLET, *PLUCKED, 56, 22, 21, 30), (58, 80), level=110),
    ),
    "song without words": (Part(melody, (*STRING, *REED, *PIPE, *BRASS, *FOLK, 30, 80, 81), (58, 79), level=110),),
    "piano": (
        Part(melody, (0, 1, 2, 4), (67, 84), level=105),
        Part(arpeggio, (0, 1), (48, 60), 0.7, 85),
        Part(bass, (0, 1), (33, 45), 0.5),
        Part(comping, (0, 1), (52, 64), 0.4, 80),
    ),
    "invention": (
        Part(counterpoint, (0, 6, 6, 19, 20, 73, 40, 24), (67, 79)),
        Part(counterpoint, (0, 6, 6, 19, 42, 70, 24), (46, 58)),
        Part(counterpoint, (0, 6, 19), (57, 67), 0.2),
    ),
    "guitar": (
        Part(arpeggio, GUITAR, (52, 62)),
        Part(melody, (*GUITAR, 22), (62, 76), 0.6),
        Part(comping, GUITAR, (52, 64), 0.5, 80),
        Part(bass, (24, 25, 32, 35), (38, 45), 0.4),
        _drummer((0, 40), 0.3, hands),
    ),
    "folk": (
        Part(melody, FOLK, (62, 79), level=105),
        Part(run, FOLK, (62, 79), 0.4),
        Part(comping, (21, 24, 25, 105), (52, 64), 0.8, 80),
        Part(bass, (32, 43, 109), (36, 48), 0.5),
        _drummer(SOFT_KITS, 0.5, hands),
    ),
    "far away": (
        Part(run, (104, 106, 107, 108, 114, 111, 77, 75), (57, 76), 0.7, 105),
        Part(melody, (104, 106, 107, 111, 77), (57, 74)),
        Part(pad, (48, 88, 99, 109), (45, 57), 0.5, 70),
        _drummer((0, 48), 0.7, hands),
        Part(strokes, (116, 117, 118), (40, 52), 0.4),
    ),
    "mallets": (
        Part(riff, MALLET, (62, 79)),
        Part(arpeggio, (*MALLET, 108, 114), (60, 76)),
        Part(riff, (*MALLET, 45), (52, 67), 0.6),
        Part(pad, (*PAD, *PIPE), (55, 70), 0.3, 65),
    ),
    "organist": (
        Part(pad, ORGAN[:4], (52, 65)),
        Part(melody, ORGAN, (62, 79), 0.7, 100),
        Part(bass, (16, 19), (33, 45), 0.6),
        Part(run, ORGAN, (62, 79), 0.3),
    ),
    "ambient": (
        Part(pad, PAD, (48, 67)),
        Part(pad, (*PAD, *ENSEMBLE), (57, 76), 0.7),
        Part(melody, (*PAD, 8, 11, 14, 46, 77), (64, 84), 0.5),
        Part(arpeggio, (*PAD, 8, 10, 46), (60, 79), 0.4, 70),
    ),
    "beats": (_drummer((*ELECTRIC_KITS, *KITS, 40)), _drummer(KITS, 0.4, hands), Part(riff, BASS, (33, 45), 0.4)),
    "anything": tuple(Part(figure, ANY, (45, 76), 0.5) for figure in (run, melody, arpeggio, comping, riff, pad)),
}
