"""Time in integers: 16 000 samples and 30 frames a second, and the grid of 0.1 s on which both are whole.

16 000 / 30 is not an integer, so nothing here ever multiplies a float by a rate: 1600 samples are exactly 3 frames.

Why so: docs/decisions/0002.
"""

from fractions import Fraction

SAMPLE_RATE = 16_000
FPS = 30
STEP_SAMPLES = 1_600
STEP_FRAMES = 3
STEPS_PER_SECOND = SAMPLE_RATE // STEP_SAMPLES

RATES: dict[str, Fraction] = {
    "23.976": Fraction(24_000, 1001),
    **{str(fps): Fraction(fps) for fps in (24, 25)},
    "29.97": Fraction(30_000, 1001),
    **{str(fps): Fraction(fps) for fps in (30, 48, 50)},
    "59.94": Fraction(60_000, 1001),
    **{str(fps): Fraction(fps) for fps in (60, 120)},
}
"""Frames a second that finished curves can be had at, by the names that people give them."""


def frame_count(samples: int) -> int:
    """Frames that a clip of `samples` at 16 kHz has: ceil(3 · samples / 1600)."""
    return -(-STEP_FRAMES * samples // STEP_SAMPLES)


def resampled_length(samples: int, rate: int) -> int:
    """Samples at 16 kHz of a clip that has `samples` at `rate` Hz: ceil(samples · 16000 / rate)."""
    return -(-samples * SAMPLE_RATE // rate)


def timecode(frame: int, fps: Fraction | int = FPS) -> float:
    """Seconds from the start of the clip at which absolute frame `frame` is shown."""
    return frame * fps.denominator / fps.numerator


def seconds(samples: int) -> float:
    """Length in seconds of `samples` at 16 kHz."""
    return samples / SAMPLE_RATE
