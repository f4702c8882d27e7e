"""A sound that is the same to the bit on every machine: what a machine makes of it tells machines apart."""

import numpy as np
from numpy.typing import NDArray

from emotalk.timebase import SAMPLE_RATE

_SECONDS = 2
_PERIOD = 107
"""Samples: a voice of 150 Hz."""
_SYLLABLE = SAMPLE_RATE // 4


def probe() -> NDArray[np.float32]:
    """Two seconds of a buzz in syllables, with hiss, made of integers alone; float32 at 16 kHz."""
    n = np.arange(_SECONDS * SAMPLE_RATE)
    buzz = n % _PERIOD - _PERIOD // 2
    swell = np.minimum(n % _SYLLABLE, _SYLLABLE - n % _SYLLABLE)
    hiss = np.random.Generator(np.random.PCG64(7)).integers(-400, 401, n.size)
    return ((buzz * swell // 16 + hiss) / 2**15).astype(np.float32)
