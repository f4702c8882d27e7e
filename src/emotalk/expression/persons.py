"""Twenty-four ways to speak the same words, and two moods. Made up, within stated bounds: they are nobody's.

A person is drawn from its number by blake2b, so that it is the same on every machine and in every version of numpy.
"""

from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b

from emotalk.face import Style


@lru_cache(maxsize=256, typed=True)
def chance(*words: object) -> float:
    """A number in [0, 1) that these words alone decide; remembered, since a face asks again with every frame."""
    digest = blake2b("\0".join(map(str, words)).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64


@dataclass(frozen=True)
class Person:
    """`opening`, `rounding`, `brows`, `restless`, `sway` (of the head): factors; `warmth`: a smile in speech; `tilt`:
    left against right."""

    opening: float = 1.0
    rounding: float = 1.0
    brows: float = 1.0
    warmth: float = 0.05
    tilt: float = 0.04
    restless: float = 1.0
    sway: float = 1.0


BOUNDS = {
    "opening": (0.92, 1.08),
    "rounding": (0.93, 1.07),
    "brows": (0.7, 1.3),
    "warmth": (0.015, 0.085),
    "tilt": (-0.12, 0.12),
    "restless": (0.6, 1.4),
    "sway": (0.75, 1.25),
}
"""The least and the most of each trait of persons 1 to 23; person 0 is the middle of them all."""


def person(number: int) -> Person:
    """The person of this number, 0..23."""
    if number == 0:
        return Person()
    draw = {name: low + (high - low) * chance("person", number, name) for name, (low, high) in BOUNDS.items()}
    return Person(**draw)


@dataclass(frozen=True)
class Mood:
    """`range`: how far the mouth goes; `brows`, `corners`, `head`: how far they and the corners of the mouth move."""

    range: float
    brows: float
    corners: float
    head: float


CALM = Mood(range=0.85, brows=0.35, corners=0.35, head=1 / 3)
STRONG = Mood(range=1.0, brows=1.0, corners=1.0, head=1.0)


def mood(style: Style) -> Mood:
    """Emotion level 0 is calm, 1 strong."""
    return STRONG if style.emotion_level else CALM
