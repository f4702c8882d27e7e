"""The ways in which a clip is spoilt before it is scored. Sounds are float32 [n] at 16 kHz."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from training import augment
from training.development import Clip

Sound = NDArray[np.float32]
_ROOM_SECONDS = 0.4


def _under(sound: Sound, other: Sound, decibels: float) -> Sound:
    """The other so many decibels under the sound, both by the mean square of the whole."""
    fitted = np.resize(other, len(sound))
    return sound + fitted * np.float32(np.sqrt((sound**2).mean() / (fitted**2).mean() * 10 ** (-decibels / 10)))


def _noise(sound: Sound, _: Sound, draw: np.random.Generator) -> Sound:
    return _under(sound, draw.standard_normal(len(sound)).astype(np.float32), 10)


def _music(sound: Sound, music: Sound, _: np.random.Generator) -> Sound:
    return _under(sound, music, 5)


def _room(sound: Sound, _: Sound, draw: np.random.Generator) -> Sound:
    time = np.arange(int(_ROOM_SECONDS * augment.RATE)) / augment.RATE
    tail = draw.standard_normal(len(time)) * np.exp(-6.9 * time / _ROOM_SECONDS)
    tail *= np.sqrt(0.5 / (tail**2).sum())
    tail[0] = 1
    return np.convolve(sound, tail)[: len(sound)].astype(np.float32)


CONDITIONS: dict[str, Callable[[Sound, Sound, np.random.Generator], Sound]] = {
    "clean": lambda sound, *_: sound,
    "white noise, 10 dB": _noise,
    "music, 5 dB": _music,
    "telephone band": lambda sound, *_: augment.in_band(augment.in_band(sound, 300, 3_400), 300, 3_400),
    "reverberation, 0.4 s": _room,
    "−40 dBFS": lambda sound, *_: sound * np.float32(0.01 / np.abs(sound).max()),
    "clipping": lambda sound, *_: np.clip(sound, *(np.abs(sound).max() * np.array([-0.15, 0.15], np.float32))),
    "a child (pitch × 1.35)": lambda sound, *_: augment.at_speed(sound, 1 / 1.35),
    "whisper": lambda sound, _, draw: augment.whispered(sound, draw),
    "shouting": lambda sound, _, draw: augment.shouted(sound, draw),
}
STRETCHED = {"a child (pitch × 1.35)": 1 / 1.35}
"""Conditions that change how long everything lasts."""


def spoilt(clip: Clip, how: str, music: Sound) -> Clip:
    """The clip in this condition."""
    draw = np.random.default_rng(len(clip.sound))
    stretch = STRETCHED.get(how, 1.0)
    phones = [(a * stretch, b * stretch, p) for a, b, p in clip.phones] if clip.phones else None
    return replace(clip, sound=np.asarray(CONDITIONS[how](clip.sound, music, draw), np.float32), phones=phones)
