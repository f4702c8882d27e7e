"""One request of a campaign, what its client has seen of it, and what it should have seen."""

import random
import time
from dataclasses import dataclass, field
from hashlib import blake2b

import numpy as np

from bench.clips import as_wav, speech_like
from emotalk.client import Request
from emotalk.engines.tone import ToneEngine
from emotalk.errors import EmoTalkError
from emotalk.face import Frames, Pcm
from emotalk.jobs.intake import Intake, Order
from emotalk.pipeline import Pipeline
from emotalk.timebase import SAMPLE_RATE, frame_count
from emotalk.worker.animation import Animation
from tests.chaos.poisoned import POISONS
from tests.chaos.witness import Span

SHORTEST_SECONDS, LONGEST_SECONDS, POISONED_SECONDS = 1.0, 12.0, 8.0
CHUNKS = (1.5, 2.5, 4.0)
ANIMATION_SECONDS = 60.0
_MASTER = speech_like(round(4 * LONGEST_SECONDS * SAMPLE_RATE))


@dataclass
class Asked:
    """`accepted`: how many were before it, of all clients. `spans` and `digest` are there once it came to its end."""

    request_id: str
    session_id: str
    pcm: Pcm
    person_id: int
    chunk_duration: float
    accepted: int | None = None
    spans: list[Span] = field(default_factory=list)
    digest: bytes = b""
    error: EmoTalkError | None = None
    submitted: bool = False

    @staticmethod
    def sound_of(samples: int, start: int) -> Pcm:
        """A piece of speech-like sound."""
        return _MASTER[start : start + samples]

    @property
    def poisoned(self) -> bool:
        """Was it made to harm its worker?"""
        return self.person_id in POISONS

    @property
    def frames(self) -> int:
        """How many are due."""
        return frame_count(len(self.pcm))

    @property
    def request(self) -> Request:
        """As a client sends it."""
        return Request(
            as_wav(self.pcm),
            person_id=self.person_id,
            chunk_duration=self.chunk_duration,
            session_id=self.session_id,
            request_id=self.request_id,
        )

    def expected(self) -> bytes:
        """The digest of what an undisturbed run in this process answers."""
        r = self.request
        order = Order(r.audio, r.request_id, r.session_id, r)
        blocks: list[Frames] = []
        animation = Animation(
            Pipeline(ToneEngine()),
            Intake().accept(order, lambda: 0.0),
            lambda parts: blocks.extend(part.frames for part in parts),
            time.monotonic,
        )
        animation.wait(ANIMATION_SECONDS)
        assert animation.error is None
        return blake2b(np.concatenate(blocks).tobytes()).digest()


def draw_one(draw: random.Random, name: str, session: str, poison: int | None) -> Asked:
    """A piece of speech-like sound; with `poison`, one that is asked for by a person who harms the worker."""
    seconds = POISONED_SECONDS if poison is not None else draw.uniform(SHORTEST_SECONDS, LONGEST_SECONDS)
    samples = round(seconds * SAMPLE_RATE)
    start = draw.randrange(len(_MASTER) - samples)
    sound, person, chunk = Asked.sound_of(samples, start), draw.randrange(min(POISONS)), draw.choice(CHUNKS)
    if poison is not None:
        return Asked(f"poison-{poison}-{name}", session, sound, poison, min(CHUNKS))
    return Asked(name, session, sound, person, chunk)
