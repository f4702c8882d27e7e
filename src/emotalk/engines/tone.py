"""The tone engine: a face drawn from loudness and pitch alone, for tests. numpy only, hours of sound in seconds.

Each frame depends on its own samples and the style and on nothing else, so that every seam, cut and retry can be
checked to the byte: windows that start on the grid of 0.1 s, pushes and the whole clip all give the same frames. Only
where a window ends off the grid inside the clip does its last frame own fewer samples than it would. Nobody should
look at it: it opens the jaw to a fan as to a vowel.
"""

import numpy as np
from numpy.typing import NDArray

from emotalk.engines.base import EngineCard
from emotalk.face import BLENDSHAPES, INDEX, PERSONS, Frames, Pcm, Style, no_frames
from emotalk.timebase import STEP_FRAMES, STEP_SAMPLES, frame_count

CARD = EngineCard("tone", licence="MIT", fingerprint="tone-1")

_JAW, _FUNNEL, _BROW, _SMILE = (INDEX[n] for n in ("jawOpen", "mouthFunnel", "browInnerUp", "mouthSmileLeft"))
_BLOCK = 600 * STEP_SAMPLES
"""A minute: long clips are worked off in blocks, so that an hour needs no gigabyte."""


class ToneEngine:
    """A window engine."""

    card = CARD

    def animate(self, window: Pcm, style: Style) -> Frames:
        """float32 [n] at 16 kHz → float32 [frame_count(n), 52] in 0..1.

        jawOpen is the loudness (RMS) of the frame's samples, mouthFunnel the share of them that cross zero, browInnerUp
        is raised by emotion level 1, and mouthSmileLeft tells the person.
        """
        blocks = (window[i : i + _BLOCK] for i in range(0, len(window), _BLOCK))
        return np.concatenate([no_frames(), *(_draw(block, style) for block in blocks)])


def _draw(sound: Pcm, style: Style) -> Frames:
    starts = np.arange(frame_count(len(sound))) * STEP_SAMPLES // STEP_FRAMES
    frames = np.zeros((len(starts), BLENDSHAPES), np.float32)
    frames[:, _JAW] = np.sqrt(_average(sound.astype(np.float64) ** 2, starts))
    frames[:, _FUNNEL] = _average(_find_crossings(sound, starts), starts)
    frames[:, _BROW] = 0.25 + 0.5 * style.emotion_level
    frames[:, _SMILE] = style.person_id / PERSONS
    return np.clip(frames, 0, 1)


def _average(values: NDArray[np.float64], starts: NDArray[np.int64]) -> NDArray[np.float64]:
    lengths = np.diff(starts, append=len(values))
    means: NDArray[np.float64] = np.add.reduceat(values, starts) / lengths
    return means


def _find_crossings(sound: Pcm, starts: NDArray[np.int64]) -> NDArray[np.float64]:
    """1 where the sign differs from the sample before; a frame's first sample has none before it."""
    crossed = np.diff(np.signbit(sound), prepend=False).astype(np.float64)
    crossed[starts] = 0
    return crossed
