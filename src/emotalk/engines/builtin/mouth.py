"""From the phones that the network hears to a mouth that moves through them as people's do.

Why so: docs/decisions/0033.

    shares of 39 phones, ─┬─ × poses ─► jaw and lips smoothed a little; rounding smoothed more ───────┐
    50 Hz                 ├─ P B M ─► lips together, F V ─► lip at the teeth ─────────────────────────┼ shapes, 30 fps
                          └─ a phone soon to come, where a voice is ─► lips parted before it ─────────┘

A block is drawn from its own window and nothing else, in a fixed order of sums: no cut of the sound changes a byte.
"""

import numpy as np
from numpy.typing import NDArray

from emotalk.engines.builtin.clock import rows_to_frames
from emotalk.engines.builtin.poses import PHONE, PHONES, POSES, SHAPE, SHAPES

Rows = NDArray[np.float32]

LEAD = 4
"""Sixths of a row by which a mouth is ahead of its sound: 13 ms."""
_PARTED, _FULLY = 12, 4
"""Lips begin to part so many frames before a phone, and are parted so many before it."""

_SILENCE = np.eye(len(PHONES), dtype=np.float32)[PHONE["SIL"]]
_TOGETHER = np.isin(PHONES, ("P", "B", "M")).astype(np.float32)
_AT_TEETH = np.isin(PHONES, ("F", "V")).astype(np.float32)
_SPOKEN = POSES * (1 - _SILENCE)[:, None]
_WEIGHTS = np.column_stack([_SPOKEN, 1 - _SILENCE, _TOGETHER, _AT_TEETH]).astype(np.float32)
"""Shares × this: shapes, whether a phone sounds, whether it is of the lips, whether of lip and teeth."""
_ROUNDING = [SHAPE[n] for n in ("mouthFunnel", "mouthPucker", "mouthStretch", "mouthSmile", "mouthDimple")]
_SHARP = [len(SHAPES) + 1, len(SHAPES) + 2]

_GIVES_WAY = {"jawOpen": 0.3, "mouthPucker": 0.2, "mouthStretch": 0.3} | dict.fromkeys(
    ("mouthLowerDown", "mouthUpperUp", "mouthFunnel", "tongueOut"), 1.0
)
"""How much of a shape is lost where the lips are together."""
_PRESSED = {"mouthPress": 0.3, "mouthRollLower": 0.22, "mouthRollUpper": 0.16}


_REACH = 7
CRISPNESS = 0.65
"""How much of the lips' own pace is left: more is jerky, less is flat."""


def _taps(reach: int) -> Rows:
    """Weights of a smooth mean over 2 · reach + 1 rows, in the middle of 15."""
    taps = np.hanning(2 * reach + 3)[1:-1]
    return np.pad(taps / taps.sum(), _REACH - reach).astype(np.float32)


def _kernels() -> Rows:
    """[15, 16]: how each track is smoothed."""
    kernels = np.empty((2 * _REACH + 1, _WEIGHTS.shape[1]), np.float32)
    kernels[:] = (CRISPNESS * _taps(0) + (1 - CRISPNESS) * _taps(3))[:, None]
    kernels[:, _ROUNDING] = _taps(7)[:, None]
    kernels[:, len(SHAPES)] = _taps(4)
    kernels[:, _SHARP] = _taps(0)[:, None]
    return kernels


_KERNELS = _kernels()


def drawn(shares: Rows, first: int, voice: NDArray[np.float32], count: int) -> Rows:
    """Shares of a window [rows, 39], the row of the first frame, voice 0..1 at each frame → shapes [count, 13].

    `voice` may be longer than `count`: so far ahead is looked for a phone for which the lips part.
    """
    tracks = rows_to_frames(_smoothed(shares @ _WEIGHTS)[first:], len(voice), LEAD)
    shapes = tracks[:, : len(SHAPES)]
    phone, together, teeth = np.clip(tracks[:, len(SHAPES) :], 0, 1).T * voice
    parted = _soon(phone, count) * (1 - phone[:count])
    mouth = np.maximum(shapes * voice[:, None], 0)[:count] + parted[:, None] * POSES[PHONE["SIL"]]
    met = _gesture(together[:count])[:, None]
    _bring_together(mouth, met)
    _bite(mouth, _gesture(teeth[:count])[:, None] * (1 - met))
    return np.asarray(np.clip(mouth, 0, 1))


def _smoothed(tracks: Rows) -> Rows:
    padded = np.pad(tracks, ((_REACH, _REACH), (0, 0)), mode="edge")
    total = np.zeros_like(tracks)
    for tap, weights in enumerate(_KERNELS):
        total += weights * padded[tap : tap + len(tracks)]
    return total


def _soon(phone: NDArray[np.float32], count: int) -> NDArray[np.float32]:
    """0..1 at each of `count` frames: how near is a phone, from now on?"""
    parted = np.zeros(count, np.float32)
    for ahead in range(len(phone) - count + 1):
        nearness = np.float32(min(1.0, (_PARTED - ahead) / (_PARTED - _FULLY)))
        parted = np.maximum(parted, nearness * phone[ahead : ahead + count])
    return parted


def _gesture(share: NDArray[np.float32]) -> NDArray[np.float32]:
    """A closure: nothing at a share of 0.15, all of it at 0.8, smooth between."""
    level = np.clip((share - 0.15) / 0.65, 0, 1)
    return np.asarray(level * level * (3 - 2 * level), np.float32)


def _bring_together(mouth: Rows, met: Rows) -> None:
    for name, lost in _GIVES_WAY.items():
        mouth[:, [SHAPE[name]]] *= 1 - lost * met
    _close(mouth, met)
    for name, value in _PRESSED.items():
        mouth[:, [SHAPE[name]]] += met * (value - mouth[:, [SHAPE[name]]])


def _close(mouth: Rows, share: Rows) -> None:
    """Lips together over whatever the jaw does, by this share; never further than it is open."""
    jaw, lips = mouth[:, [SHAPE["jawOpen"]]], mouth[:, [SHAPE["mouthClose"]]]
    mouth[:, [SHAPE["mouthClose"]]] = np.minimum(lips + share * (jaw - lips), jaw)


def _bite(mouth: Rows, bitten: Rows) -> None:
    """The lower lip under the upper teeth."""
    jaw = mouth[:, [SHAPE["jawOpen"]]]
    mouth[:, [SHAPE["jawOpen"]]] += bitten * (np.minimum(jaw, 0.13) - jaw)
    for name in ("mouthLowerDown", "mouthFunnel"):
        mouth[:, [SHAPE[name]]] *= 1 - 0.8 * bitten
    _close(mouth, 0.5 * bitten)
    for name, value in (("mouthRollLower", 0.45), ("mouthUpperUp", 0.15)):
        mouth[:, [SHAPE[name]]] += bitten * (value - mouth[:, [SHAPE[name]]])
