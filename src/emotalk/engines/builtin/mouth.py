"""From the phones that the network hears to a mouth that moves through them as people's do.

Why so: docs/decisions/0033.

    shares of 39 phones, ─┬─ × poses ─► jaw and lips smoothed a little; rounding smoothed more ───────┐
    50 Hz                 ├─ P B M ─► lips together, F V ─► lip at the teeth ─────────────────────────┼ shapes, 30 fps
                          └─ a phone soon to come, where a voice is ─► lips parted before it ─────────┘

A block is drawn from its own window and nothing else, in a fixed order of sums: no cut of the sound changes a byte.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from emotalk.engines.builtin.clock import rows_of, rows_to_frames
from emotalk.engines.builtin.poses import PHONE, PHONES, POSES, SHAPE, SHAPES
from emotalk.face import BLENDSHAPES, INDEX, Frames

Rows = NDArray[np.float32]
Row = NDArray[np.float32]

LEAD = 4
"""Sixths of a row by which a mouth is ahead of its sound: 13 ms."""
_PARTED, _FULLY = 12, 4
"""Lips begin to part so many frames before a phone, and are parted so many before it."""
_MEETING = 3
"""Lips that meet within so many frames are not parted before."""
_LEFT, _LEFT_PARTED = 6, 0.6
"""Where little is known of what comes: after a phone, lips stay so far apart for so many frames."""

_SILENCE = np.eye(len(PHONES), dtype=np.float32)[PHONE["SIL"]]
_TOGETHER = np.isin(PHONES, ("P", "B", "M")).astype(np.float32)
_AT_TEETH = np.isin(PHONES, ("F", "V")).astype(np.float32)
_SPOKEN = POSES * (1 - _SILENCE)[:, None]
_WEIGHTS = np.column_stack([_SPOKEN, 1 - _SILENCE, _TOGETHER, _AT_TEETH]).astype(np.float32)
"""Shares × this: shapes, whether a phone sounds, whether it is of the lips, whether of lip and teeth."""
_LIPS, _ROUNDING, _PHONE, _GESTURES = slice(0, 8), slice(8, 13), slice(13, 14), slice(14, 16)
"""Tracks that are smoothed alike."""
_REACH = 7
CRISPNESS = 0.65
"""How much of the lips' own pace is left: more is jerky, less is flat."""


def _make_row(**values: float) -> Rows:
    """A row of the shapes that are named, 0 elsewhere."""
    row = np.zeros(len(SHAPES), np.float32)
    row[[SHAPE[name] for name in values]] = list(values.values())
    return row


_LOST = _make_row(
    jawOpen=0.7, mouthPucker=0.2, mouthStretch=0.3, mouthLowerDown=1, mouthUpperUp=1, mouthFunnel=1, tongueOut=1
)
_PRESSED = _make_row(mouthPress=0.3, mouthRollLower=0.22, mouthRollUpper=0.16)
"""Where lips are together: how much of a shape is lost, what comes instead."""
_LOST_TO_TEETH = _make_row(mouthLowerDown=0.8, mouthFunnel=0.8)
_BITTEN = _make_row(mouthRollLower=0.45, mouthUpperUp=0.15)
"""The same for the lower lip under the upper teeth, over a jaw that is nearly shut."""
_PRESSES, _BITES = ((row > 0).astype(np.float32) for row in (_PRESSED, _BITTEN))
_JAW, _CLOSE = (slice(SHAPE[name], SHAPE[name] + 1) for name in ("jawOpen", "mouthClose"))
_JAW_AT_TEETH = 0.13

_COLUMNS = [(n + side, i) for i, n in enumerate(SHAPES) for side in ("", "Left", "Right") if n + side in INDEX]
_TO, _FROM = [INDEX[name] for name, _ in _COLUMNS], [i for _, i in _COLUMNS]
"""ARKit columns and the shapes that they show: one with a left and a right goes to both."""


def on_face(shapes: Rows) -> Frames:
    """Shapes [n, 13] → float32 [n, 52], elsewhere 0."""
    face = np.zeros((len(shapes), BLENDSHAPES), np.float32)
    face[:, _TO] = shapes[:, _FROM]
    return face


@dataclass(frozen=True)
class Sight:
    """How a mouth is drawn from what is known of what comes: much, of a clip.

    `lead`: sixths of a row after its own at which the first frame lies. `hindsight`: so many frames before the first, a
    multiple of three, are looked at for a phone after which the lips stay parted. `closing`: the share of a phone of
    the lips from which on they come nearer, and how much more it takes until they meet.
    """

    lead: int = LEAD
    hindsight: int = 0
    closing: tuple[float, float] = (0.05, 0.42)


CLIP_SIGHT = Sight()


def draw_mouth(shares: Rows, first: int, voice: NDArray[np.float32], count: int, sight: Sight = CLIP_SIGHT) -> Rows:
    """Shares of a window [rows, 39], the row of the first frame, voice 0..1 at each frame → shapes [count, 13].

    `voice` may be longer than `count`: so far ahead is looked for a phone for which the lips part.
    """
    past = sight.hindsight
    tracks = _smooth_in_time(shares @ _WEIGHTS, first - rows_of(past), past + len(voice), sight.lead)
    heard = _unit(tracks[:, len(SHAPES) :]).T
    tracks, now = tracks[past:], heard[:, past:]
    spoken = now * voice
    phone = spoken[0]
    met, bitten = _shape_gesture(spoken[1:, :count, None], sight)
    parted = _soon(phone, _shape_gesture(now[1], sight), count)
    if past:
        parted = np.maximum(parted, _lately(heard[0], past, count) * voice[:count])
    parted *= 1 - phone[:count]
    mouth = np.maximum(tracks[:count, : len(SHAPES)] * voice[:count, None], 0)
    mouth += parted[:, None] * POSES[PHONE["SIL"]]
    _bring_together(mouth, met)
    _bite(mouth, bitten * (1 - met))
    return _unit(mouth)


def _smooth_in_time(tracks: Rows, first: int, frames: int, lead: int) -> Rows:
    """Tracks [rows, 16], smoothed each in its way, at frames from row `first` on."""
    at_frames = np.empty((frames, tracks.shape[1]), np.float32)
    for columns, moves in _make_moves(len(tracks), first, frames, lead):
        at_frames[:, columns] = moves @ tracks[:, columns]
    return at_frames


@lru_cache
def _make_moves(rows: int, first: int, frames: int, lead: int) -> tuple[tuple[slice, Rows], ...]:
    """Columns, and what smooths them and reads them at frames: [frames, rows]. A window's size is always the same."""
    lips = CRISPNESS * _make_taps(0) + (1 - CRISPNESS) * _make_taps(3)
    ways = ((_LIPS, lips), (_ROUNDING, _make_taps(7)), (_PHONE, _make_taps(4)), (_GESTURES, _make_taps(0)))
    return tuple((columns, rows_to_frames(_make_smoothing(taps, rows)[first:], frames, lead)) for columns, taps in ways)


def _make_taps(reach: int) -> Rows:
    """Weights of a smooth mean over 2 · reach + 1 rows, in the middle of 15."""
    taps = np.hanning(2 * reach + 3)[1:-1]
    return np.pad(taps / taps.sum(), _REACH - reach).astype(np.float32)


def _make_smoothing(taps: Rows, rows: int) -> Rows:
    """[rows, rows]; what lies beyond the ends of a window repeats its first or last row."""
    padded = np.pad(np.eye(rows, dtype=np.float32), ((_REACH, _REACH), (0, 0)), mode="edge")
    return np.stack([taps @ padded[row : row + len(taps)] for row in range(rows)])


def _soon(phone: Row, meeting: Row, count: int) -> Row:
    """0..1 at each of `count` frames: how near is a phone, from now on? Lips about to meet do not part before."""
    frames, nearness = _ahead(len(phone) - count + 1, count)
    free = np.minimum.accumulate(1 - meeting[frames[:_MEETING]])
    near = nearness * phone[frames]
    near[:_MEETING] *= free
    near[_MEETING:] *= free[-1]
    return np.asarray(near.max(0))


@lru_cache
def _ahead(frames: int, count: int) -> tuple[NDArray[np.int64], Rows]:
    """The frames from each of `count` on, [frames, count]; and how much a phone at them counts, [frames, 1]."""
    ahead = np.arange(frames)[:, None]
    return ahead + np.arange(count), np.minimum(1.0, (_PARTED - ahead) / (_PARTED - _FULLY)).astype(np.float32)


def _lately(phone: Row, hindsight: int, count: int) -> Row:
    """The same of a phone before, whose last `hindsight` frames lie before the first of `count`."""
    frames, nearness = _ago(hindsight, count)
    return np.asarray((nearness * phone[frames]).max(1))


@lru_cache
def _ago(hindsight: int, count: int) -> tuple[NDArray[np.int64], Row]:
    """The frames before each of `count`, nearest first, [count, hindsight]; and how much a phone at them counts."""
    ago = np.arange(hindsight)
    nearness = _LEFT_PARTED * np.minimum(1.0, (hindsight - ago) / (hindsight - _LEFT))
    return hindsight - ago + np.arange(count)[:, None], nearness.astype(np.float32)


def _shape_gesture(share: Rows, sight: Sight) -> Rows:
    """A closure: none of it at a small share, all at a larger one, smooth between."""
    none, more = sight.closing
    level = _unit((share - none) / more)
    return level * level * (3 - 2 * level)


def _unit(values: Rows) -> Rows:
    """Held to 0..1. Not np.clip: of a few values it takes several times as long."""
    return np.minimum(np.maximum(values, 0), 1)


def _bring_together(mouth: Rows, met: Rows) -> None:
    mouth *= 1 - met * _LOST
    _close(mouth, met)
    mouth += met * _PRESSES * (_PRESSED - mouth)


def _bite(mouth: Rows, bitten: Rows) -> None:
    mouth *= 1 - bitten * _LOST_TO_TEETH
    mouth[:, _JAW] -= bitten * np.maximum(mouth[:, _JAW] - _JAW_AT_TEETH, 0)
    _close(mouth, 0.5 * bitten)
    mouth += bitten * _BITES * (_BITTEN - mouth)


def _close(mouth: Rows, share: Rows) -> None:
    """Lips together over whatever the jaw does, by this share; never further than it is open."""
    jaw, lips = mouth[:, _JAW], mouth[:, _CLOSE]
    mouth[:, _CLOSE] = np.minimum(lips + share * (jaw - lips), jaw)
