"""Sounds made up for tests: a voice of sawtooth and formants, and noise. Nothing is read from disk."""

import numpy as np

from emotalk.face import Pcm

RATE = 16_000
VOWELS = ((730, 1090, 2440), (270, 2290, 3010), (300, 870, 2240), (660, 1720, 2410))


def babble(seconds: float) -> Pcm:
    """Vowels at four a second, with pauses between them: enough of a voice for a voice gate."""
    syllable, parts = RATE // 4, []
    for i in range(round(seconds * 4)):
        t = np.arange(syllable) / RATE
        pitch = 120 + 15 * np.sin(2 * np.pi * 1.3 * (t + i / 4))
        phase = 2 * np.pi * np.cumsum(pitch) / RATE
        tones = np.arange(1, 40)[:, None]
        peaks = np.array(VOWELS[i % len(VOWELS)])[:, None, None]
        loudness = (1 / (1 + ((tones * pitch - peaks) / 90) ** 2)).sum(0) / tones**0.5
        parts.append((np.sin(tones * phase) * loudness).sum(0) * np.clip(1.25 * np.sin(np.pi * t * 4), 0, 1) ** 0.7)
    voice = np.concatenate(parts)
    return (0.4 * voice / np.abs(voice).max()).astype(np.float32)


def noise(seconds: float, level: float) -> Pcm:
    """White noise of this standard deviation."""
    return (level * np.random.default_rng(1).standard_normal(round(seconds * RATE))).astype(np.float32)
