"""The made-up music: what its composer may write, whatever the seed."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training import drums, figures
from training.composer import KIT_BANK, SECONDS, compose
from training.harmony import MODES, lay
from training.styles import BANKS, HUMAN, STYLES

SEEDS = st.integers(0, 10_000)
FIGURES = [
    figures.pad, figures.comping, figures.arpeggio, figures.bass, figures.walking, figures.riff, figures.melody,
    figures.run, figures.counterpoint, drums.groove,
]  # fmt: skip


@given(seed=SEEDS, number=SEEDS)
@settings(max_examples=15)
def test_a_piece_is_the_same_under_its_seed_and_number_and_no_other(seed: int, number: int) -> None:
    assert compose(seed, number) == compose(seed, number)
    assert compose(seed, number) != compose(seed, number + 1)
    assert compose(seed, number) != compose(seed + 1, number)


def test_nobody_sings_in_any_style() -> None:
    programs = {p for parts in STYLES.values() for part in parts if not part.kit for p in part.programs}
    assert len(programs) > 90
    assert not programs & HUMAN
    assert not set(BANKS) & HUMAN
    assert {52, 53, 54, 85, 91} <= HUMAN


@given(number=SEEDS)
@settings(max_examples=60)
def test_one_to_six_voices_play_something_that_midi_can_say_until_the_end(number: int) -> None:
    piece = compose(1, number)
    assert SECONDS[0] <= piece.seconds <= SECONDS[1]
    assert 1 <= len(piece.voices) <= 6
    for voice in piece.voices:
        assert voice.notes
        assert voice.bank == KIT_BANK or voice.program not in HUMAN
        assert all(0 <= n.start < piece.seconds and n.length > 0 for n in voice.notes)
        assert all(0 <= n.key <= 127 and 1 <= n.velocity <= 127 for n in voice.notes)
        assert 0 <= min(voice.level, voice.balance) <= max(voice.level, voice.balance) <= 127


@pytest.mark.long
def test_every_style_comes_and_no_two_pieces_of_fifty_sound_alike() -> None:
    assert {compose(1, n).style for n in range(300)} == set(STYLES)
    assert len({tuple(n.key for n in compose(1, i).voices[0].notes) for i in range(50)}) == 50


@given(seed=SEEDS, key=st.integers(24, 100))
@settings(max_examples=30)
def test_a_ground_is_as_long_as_asked_and_stays_in_its_mode(seed: int, key: int) -> None:
    ground = lay(random.Random(seed), 12)
    assert 60 <= ground.tempo <= 180
    assert ground.metre in (3, 4)
    assert ground.beats * 60 / ground.tempo >= 12
    assert ground.chord_at(ground.beats - 0.01).start < ground.beats
    assert (ground.key(ground.degree(key)) - ground.tonic) % 12 in MODES[ground.mode]
    assert abs(ground.key(ground.degree(key)) - key) <= 2
    assert ground.key(35) == 60 + ground.tonic


@pytest.mark.parametrize("figure", FIGURES, ids=lambda figure: figure.__name__)
@given(seed=SEEDS)
@settings(max_examples=10)
def test_every_figure_fills_its_ground_and_ends_with_it(figure: figures.Figure, seed: int) -> None:
    ground = lay(random.Random(seed), 10)
    starts = sorted(note.start for note in figure(ground, 60, random.Random(seed)))
    assert starts[0] < 2 * ground.metre
    assert starts[-1] < ground.beats
    assert starts[-1] >= ground.beats - 4 * ground.metre
