"""Every voice in every room: speed and pitch, whisper, shouting, noise, music, babble, rooms, bands, levels.

All of it on the samples, so that the recogniser hears it, too. Sounds are float32 [n] at 16 kHz.
"""

from collections.abc import Callable

import numpy as np
import soxr
from numpy.typing import NDArray
from scipy.signal import butter, fftconvolve, sosfilt

Sound = NDArray[np.float32]
Draw = np.random.Generator
RATE = 16_000


def power(sound: Sound) -> float:
    """Mean square of the louder parts."""
    frames = sound[: len(sound) // 160 * 160].reshape(-1, 160)
    energy = (frames**2).mean(1) if len(frames) else np.zeros(1)
    loud = energy[energy >= np.quantile(energy, 0.6)]
    return float(loud.mean()) + 1e-12


def at_speed(sound: Sound, stretch: float) -> Sound:
    """Played `stretch` times as long: slower and lower, or, under 1, faster and higher, as a child's."""
    return np.asarray(soxr.resample(sound, RATE, RATE * stretch, quality="MQ"), np.float32)


def whispered(sound: Sound, draw: Draw) -> Sound:
    """The envelope of each 20 ms on noise instead of a voice."""
    size, hop = 512, 128
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(sound, size), size)[::hop] * np.hanning(size)
    magnitude = np.abs(np.fft.rfft(windows))
    cepstrum = np.fft.irfft(np.log(magnitude + 1e-5))
    cepstrum[:, 25:-24] = 0
    envelope = np.exp(np.fft.rfft(cepstrum).real) * np.linspace(0.25, 1.3, size // 2 + 1)
    noise = np.fft.irfft(envelope * np.exp(2j * np.pi * draw.random(envelope.shape))) * np.hanning(size)
    out = np.zeros(len(windows) * hop + size)
    for i, piece in enumerate(noise):
        out[i * hop : i * hop + size] += piece
    return np.asarray(out[size : size + len(sound)], np.float32)


def shouted(sound: Sound, draw: Draw) -> Sound:
    """Brighter, and driven into saturation."""
    bright = sound + draw.uniform(0.3, 1.0) * np.diff(sound, prepend=0)
    return np.asarray(np.tanh(bright * draw.uniform(2, 8) / (np.abs(bright).max() + 1e-6)), np.float32)


def clipped(sound: Sound, draw: Draw) -> Sound:
    """Cut off at a tenth to a half of its peak."""
    limit = np.abs(sound).max() * draw.uniform(0.08, 0.5)
    return np.clip(sound, -limit, limit)


def coloured(length: int, draw: Draw) -> Sound:
    """Noise with a slope and slow swells."""
    spectrum = np.fft.rfft(draw.standard_normal(length))
    slope = np.maximum(np.arange(len(spectrum)), 1.0) ** -draw.choice([0.0, 0.0, 0.5, 1.0])
    noise = np.fft.irfft(spectrum * slope, length)
    knots = np.exp(draw.standard_normal(max(2, length // 8000)) * draw.choice([0, 0.5]))
    return np.asarray(noise * np.interp(np.linspace(0, 1, length), np.linspace(0, 1, len(knots)), knots), np.float32)


def chords(length: int, draw: Draw) -> Sound:
    """Made-up music: chords of harmonic tones with a beat."""
    time, out = np.arange(length) / RATE, np.zeros(length)
    beat = draw.uniform(0.2, 0.8)
    for start in np.arange(0, length / RATE, beat):
        fade = np.where(time >= start, np.exp(-np.maximum(time - start, 0) * draw.uniform(1, 8)), 0)
        for note in 110 * 2 ** (draw.choice(36, size=3, replace=False) / 12):
            harmonics = range(1, int(draw.integers(2, 9)))
            out += fade * sum(np.sin(2 * np.pi * note * k * time + k) / k ** draw.uniform(0.7, 1.5) for k in harmonics)
    return np.asarray(out, np.float32)


def mixed(sound: Sound, other: Sound, decibels: float) -> Sound:
    """Both, the other so many decibels under the loud parts of the sound; it repeats or is cut to fit."""
    fitted = np.resize(other, len(sound))
    return sound + fitted * np.float32(np.sqrt(power(sound) / power(fitted) * 10 ** (-decibels / 10)))


def in_room(sound: Sound, draw: Draw) -> Sound:
    """With a made-up echo of 0.15 to 0.8 s, which never comes before the sound."""
    seconds = draw.uniform(0.15, 0.8)
    time = np.arange(int(seconds * RATE)) / RATE
    tail = draw.standard_normal(len(time)) * np.exp(-6.9 * time / seconds)
    tail[: int(0.003 * RATE)] = 0
    tail *= np.sqrt(10 ** (draw.uniform(-12, 3) / 10) / (tail**2).sum())
    tail[0] = 1
    return np.asarray(fftconvolve(sound, tail)[: len(sound)], np.float32)


def in_band(sound: Sound, low: float, high: float) -> Sound:
    """Only what lies between these frequencies."""
    if low > 20:
        sound = sosfilt(butter(2, low, "high", fs=RATE, output="sos"), sound)
    if high < 7_900:
        sound = sosfilt(butter(4, high, "low", fs=RATE, output="sos"), sound)
    return np.asarray(sound, np.float32)


def companded(sound: Sound) -> Sound:
    """Through 8 bits of mu-law."""
    scaled = sound / (np.abs(sound).max() + 1e-9)
    coded = np.sign(scaled) * np.log1p(255 * np.abs(scaled)) / np.log(256)
    coded = np.round(coded * 127) / 127
    return np.asarray(np.sign(coded) * np.expm1(np.abs(coded) * np.log(256)) / 255, np.float32)


def swelling(sound: Sound, draw: Draw) -> Sound:
    """Louder and softer by some decibels, over seconds."""
    knots = 10 ** (draw.standard_normal(2 + len(sound) // RATE) * 4 / 20)
    return sound * np.interp(np.linspace(0, 1, len(sound)), np.linspace(0, 1, len(knots)), knots).astype(np.float32)


Background = Callable[[int], Sound]
"""Gives a stretch of so many samples."""


def damaged(sound: Sound, noise: Background, music: Background, babble: Background, draw: Draw) -> Sound:
    """The sound in some room, before some background, over some line; one window in seven nearly as it was."""
    by_chance = lambda share: draw.random() < share  # noqa: E731
    if by_chance(0.14):
        return at_level(mixed(sound, coloured(len(sound), draw), draw.uniform(25, 60)), draw)
    if by_chance(0.06):
        sound = whispered(sound, draw)
    elif by_chance(0.07):
        sound = shouted(sound, draw)
    if by_chance(0.2):
        sound = swelling(sound, draw)
    if by_chance(0.3):
        sound = in_room(sound, draw)
    for share in (0.8, 0.25):
        if by_chance(share):
            sound = _before(sound, noise, music, draw)
    if by_chance(0.05):
        sound = mixed(sound, babble(len(sound)), draw.uniform(8, 26))
    if by_chance(0.1):
        sound = companded(in_band(sound, draw.uniform(200, 350), draw.uniform(3_000, 3_700)))
    elif by_chance(0.3):
        sound = in_band(sound, draw.uniform(20, 250), draw.uniform(2_800, 10_000))
    if by_chance(0.1):
        sound = clipped(sound, draw)
    return at_level(sound, draw)


def _before(sound: Sound, noise: Background, music: Background, draw: Draw) -> Sound:
    """Before white or coloured noise, a recorded one, or music."""
    kind = draw.choice(4, p=[0.3, 0.12, 0.18, 0.4])
    if kind == 0:
        return mixed(sound, draw.standard_normal(len(sound)).astype(np.float32), draw.uniform(4, 22))
    if kind == 1:
        return mixed(sound, coloured(len(sound), draw), draw.uniform(4, 40))
    return mixed(sound, (noise if kind == 2 else music)(len(sound)), draw.uniform(1, 18))


def at_level(sound: Sound, draw: Draw) -> Sound:
    """At some level down to 50 dB under full scale, in 16 bits."""
    peak = 10 ** (-draw.uniform(0, 50) / 20)
    return np.round(sound * (peak * 32_767 / (np.abs(sound).max() + 1e-9))).astype(np.float32) / 32_768
