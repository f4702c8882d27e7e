"""The tone engine: each frame is a function of its own samples and the style, so seams can be checked to the byte."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emotalk.engines.base import Engine, WindowEngine
from emotalk.engines.tone import ToneEngine
from emotalk.face import INDEX, Style
from emotalk.timebase import STEP_FRAMES, STEP_SAMPLES, frame_count
from tests.streaming_tone import StreamingToneEngine

TONE = ToneEngine()
SOUND = np.random.default_rng(5).uniform(-1, 1, 40_321).astype(np.float32)
WHOLE = TONE.animate(SOUND, Style())
JAW, FUNNEL = INDEX["jawOpen"], INDEX["mouthFunnel"]


def test_they_keep_the_two_protocols() -> None:
    assert isinstance(TONE, WindowEngine)
    assert not isinstance(TONE, Engine)
    assert isinstance(StreamingToneEngine(), Engine)
    assert TONE.card.name == "tone"
    assert TONE.card.licence == "MIT"


@given(st.integers(1, len(SOUND)))
def test_a_window_of_any_length_has_its_frames(samples: int) -> None:
    assert TONE.animate(SOUND[:samples], Style()).shape == (frame_count(samples), 52)


@given(st.integers(0, len(SOUND) // STEP_SAMPLES), st.integers(1, 40_000))
def test_a_window_on_the_grid_gives_the_frames_of_the_whole_clip(step: int, length: int) -> None:
    start = step * STEP_SAMPLES
    stop = min(len(SOUND), start + -(-length // STEP_SAMPLES) * STEP_SAMPLES)
    frames = TONE.animate(SOUND[start:stop], Style())
    first = step * STEP_FRAMES
    assert frames.tobytes() == WHOLE[first : first + len(frames)].tobytes()


@given(st.lists(st.integers(0, len(SOUND)), max_size=6))
def test_streamed_in_any_pieces_it_gives_the_same_bytes(cuts: list[int]) -> None:
    session = StreamingToneEngine().open(Style())
    frames = [session.push(piece) for piece in np.split(SOUND, sorted(cuts))]
    assert np.concatenate([*frames, session.finish()]).tobytes() == WHOLE.tobytes()


def test_long_clips_are_drawn_in_blocks_without_a_seam() -> None:
    long = np.resize(SOUND, 130 * 16_000)
    frames = TONE.animate(long, Style())
    assert len(frames) == frame_count(len(long))
    assert frames[1797:1803].tobytes() == TONE.animate(long[1797 // 3 * 1600 :][:3200], Style()).tobytes()


def test_a_frame_is_its_own_samples_and_no_others() -> None:
    other = SOUND.copy()
    other[533:1066] = 0
    changed = np.flatnonzero((TONE.animate(other, Style()) != WHOLE).any(1))
    assert list(changed) == [1]


@pytest.mark.parametrize("level", [0.0, 0.25, 1.0])
def test_the_jaw_opens_with_loudness(level: float) -> None:
    assert np.allclose(TONE.animate(np.full(3200, level, np.float32), Style())[:, JAW], level)


def test_the_funnel_follows_the_pitch() -> None:
    low, high = (np.sin(2 * np.pi * f * np.arange(16_000) / 16_000).astype(np.float32) for f in (200, 2000))
    assert np.allclose(TONE.animate(low, Style())[:, FUNNEL], 2 * 200 / 16_000, atol=0.005)
    assert np.allclose(TONE.animate(high, Style())[:, FUNNEL], 2 * 2000 / 16_000, atol=0.005)


def test_every_style_gives_other_frames() -> None:
    styles = [Style(emotion, person) for emotion in (0, 1) for person in range(24)]
    assert len({TONE.animate(SOUND[:1600], style).tobytes() for style in styles}) == len(styles)
