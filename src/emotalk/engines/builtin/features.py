"""What the network hears: 64 log-mel bands at 100 Hz, normalised by the sound of the last six seconds.

Mel frame i is centred at (i + ½) · 10 ms and reads the 400 samples from 160 · i - 120 on. The network was trained on
stretches that were each normalised by one level and one mean spectrum of their own, so at run time, too, a stretch is
normalised as a whole, by what is known when it is due: nothing beyond the network's own look-ahead is waited for.
"""

import numpy as np
from numpy.typing import NDArray

from emotalk.face import Pcm
from emotalk.timebase import SAMPLE_RATE

HOP = 160
LEAD = 120
WINDOW = 400
MELS = 64
HISTORY = 628
"""Mel frames (6.28 s) whose level and mean spectrum normalise the present."""

_FFT = 512
_FINE_MELS = 128
_USUAL_LEVEL = 400.0
_LEVEL_FLOOR = 10**-4.5
_ACTIVE = 1e-3
_PRIOR_FRAMES = 40.0
_LOG_FLOOR = 2e-4
_SPREAD = 2.5


def _mel(hertz: NDArray[np.float64]) -> NDArray[np.float64]:
    return 2595 * np.log10(1 + hertz / 700)


def _hertz(mel: NDArray[np.float64]) -> NDArray[np.float64]:
    return 700 * (10 ** (mel / 2595) - 1)


def _mel_edges(low: float, high: float, bands: int) -> NDArray[np.float64]:
    first, last = _mel(np.array([low, high]))
    return np.linspace(first, last, bands + 2)


def _triangles(points: NDArray[np.float64], edges: NDArray[np.float64], narrowest: float = 0.0) -> NDArray[np.float64]:
    """Triangular filters [bands, points] over consecutive triples of `edges`, no flank narrower than `narrowest`."""
    left, middle, right = (edges[i : len(edges) - 2 + i, None] for i in range(3))
    rise, fall = np.maximum(middle - left, narrowest), np.maximum(right - middle, narrowest)
    return np.maximum(0, np.minimum((points - middle + rise) / rise, (middle + fall - points) / fall))


def _fine_filters() -> NDArray[np.float64]:
    """[128, 257] over the FFT bins; a band too narrow to meet a bin takes a third of each of the three around it."""
    bins = np.linspace(0, SAMPLE_RATE / 2, _FFT // 2 + 1)
    edges = _hertz(_mel_edges(30, 7800, _FINE_MELS))
    filters = _triangles(bins, edges)
    for band in np.flatnonzero(filters.sum(1) < 0.5):
        nearest = int(np.abs(bins - edges[band + 1]).argmin())
        filters[band] = 0
        filters[band, max(0, nearest - 1) : nearest + 2] = 0.33
    return filters


def _filters() -> NDArray[np.float32]:
    """[257, 64]: power spectrum → mel power. By way of 128 fine bands, as the training data was made."""
    fine = _mel_edges(30, 7800, _FINE_MELS)[1:-1]
    coarse = _triangles(fine, _mel(_hertz(_mel_edges(60, 7600, MELS))), narrowest=fine[1] - fine[0])
    coarse /= np.maximum(coarse.sum(1, keepdims=True), 1e-3)
    return np.ascontiguousarray((coarse @ _fine_filters()).T / _USUAL_LEVEL, np.float32)


_FILTERS = _filters()
_HANN = np.hanning(WINDOW).astype(np.float32)


def samples_for(frames: int) -> int:
    """Position after the last sample that the first `frames` mel frames read."""
    return (frames - 1) * HOP - LEAD + WINDOW


def mel_power(sound: Pcm) -> NDArray[np.float32]:
    """float32 [HOP · (n - 1) + WINDOW] → mel power float32 [n, 64]; the first window starts at the first sample."""
    windows = np.lib.stride_tricks.sliding_window_view(sound, WINDOW)[::HOP] * _HANN
    spectrum = np.fft.rfft(windows, _FFT)
    power = (spectrum.real**2 + spectrum.imag**2).astype(np.float32)
    return power @ _FILTERS + np.float32(1e-12)


def normalised(power: NDArray[np.float32], last: int, prior: NDArray[np.float32]) -> NDArray[np.float32]:
    """The `last` frames of mel power [n, 64] as network input float32 [last, 64], by the statistics of all n.

    The level is the 95th percentile of frame energy; the mean log spectrum is that of the active frames, drawn towards
    `prior` [64] as if that had been heard for 0.4 s, so that the first syllable of a clip is normal, too.
    """
    energy = power.sum(1)
    level = max(float(np.quantile(energy, 0.95)), _LEVEL_FLOOR)
    log = np.log(power * np.float32(MELS / level) + np.float32(_LOG_FLOOR))
    active = energy > level * _ACTIVE
    mean = (log[active].sum(0) + _PRIOR_FRAMES * prior) / (active.sum() + _PRIOR_FRAMES)
    return np.ascontiguousarray((log[-last:] - mean) / _SPREAD, np.float32)
