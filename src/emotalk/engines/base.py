"""What an engine is: sound in, frames out.

One model is loaded once and shared (`Engine`); each clip gets a short-lived `EngineSession` with two verbs. A network
that needs its sound in windows implements `WindowEngine` instead, and `emotalk.chunking` wraps it into an `Engine`.
Whatever the pushes, a session returns exactly `frame_count(samples)` frames in all, and the same bytes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from emotalk.errors import EmoTalkError
from emotalk.face import Frames, Pcm, Style

Device = Literal["auto", "cpu", "cuda"]
DEVICES: Sequence[Device] = ("auto", "cpu", "cuda")
Precision = Literal["auto", "fp32", "bf16", "fp16"]
PRECISIONS: Sequence[Precision] = ("auto", "fp32", "bf16", "fp16")
Latency = Literal["clip", "near", "live"]
LATENCIES: Sequence[Latency] = ("clip", "near", "live")
"""How long a frame may wait for the sound after it. clip: 1.6 s, where that helps; near: 0.5 s; live: 0.15 s."""

Drawing = Literal["face", "mouth"]


@dataclass(frozen=True)
class EngineCard:
    """What an engine says of itself.

    `draws`: the whole face, or a mouth in one neutral style, to which `emotalk.expression` adds style and the rest.
    `fingerprint` names everything its output depends on (weights, precision, runtime, instruction set): frames of
    different fingerprints are never spliced into one answer. `licence` is that of the weights.
    """

    name: str
    licence: str
    fingerprint: str
    device: str = "cpu"
    precision: str = "fp32"
    draws: Drawing = "face"


class EngineSession(Protocol):
    """One clip on its way through an engine."""

    def push(self, pcm: Pcm) -> Frames:
        """Take float32 [n] at 16 kHz (n ≥ 0); return the frames float32 [k, 52] that are ready now (k ≥ 0)."""
        ...

    def finish(self) -> Frames:
        """Say that the clip has ended; return the frames that remain. The session is over."""
        ...


@runtime_checkable
class MouthSession(EngineSession, Protocol):
    """A session that draws the mouth alone, the same on both sides, and says where a voice was."""

    @property
    def voice(self) -> NDArray[np.float32]:
        """0..1 for each frame that was returned last, or some frames further: is somebody speaking?"""
        ...


@runtime_checkable
class HearingSession(EngineSession, Protocol):
    """A session that says what it heard: what `emotalk.expression` recognises a feeling by."""

    @property
    def voice(self) -> NDArray[np.float32]:
        """See MouthSession."""
        ...

    @property
    def states(self) -> NDArray[np.float32]:
        """[n, 288]: the inner states of the built-in network at the same frames as `voice`."""
        ...


@runtime_checkable
class Engine(Protocol):
    """A streaming engine: frames come out as the sound goes in."""

    @property
    def card(self) -> EngineCard:
        """What it says of itself."""
        ...

    def open(self, style: Style, latency: Latency = "clip", seed: str = "") -> EngineSession:
        """Start a clip. Sessions are independent of each other.

        `seed` decides whatever is left to chance; the same seed, the same bytes. An engine without a use for latency or
        seed ignores them.
        """
        ...


@runtime_checkable
class ManyStreams(Engine, Protocol):
    """A streaming engine that may be faster with the next sounds of several sessions at once: a room of speakers."""

    def push_many(self, sessions: Sequence[EngineSession], sounds: Sequence[Pcm]) -> Sequence[Frames | EmoTalkError]:
        """Push to each of these different sessions, which this engine has opened, its own sound.

        Each gets what its own `push` would give, or in its place the error that this would raise.
        """
        ...


def push_many(
    engine: object, sessions: Sequence[EngineSession], sounds: Sequence[Pcm]
) -> Sequence[Frames | EmoTalkError]:
    """See ManyStreams.push_many; of an engine without it one after the other."""
    if len(sessions) > 1 and isinstance(engine, ManyStreams):
        return engine.push_many(sessions, sounds)
    return [push_or_error(session, sound) for session, sound in zip(sessions, sounds, strict=True)]


def push_or_error(session: EngineSession, sound: Pcm) -> Frames | EmoTalkError:
    """What a push gives, or the error that it raises."""
    try:
        return session.push(sound)
    except EmoTalkError as error:
        return error


@runtime_checkable
class WindowEngine(Protocol):
    """An engine that sees one whole window at a time and keeps nothing between windows."""

    @property
    def card(self) -> EngineCard:
        """What this engine is."""
        ...

    def animate(self, window: Pcm, style: Style) -> Frames:
        """Animate float32 [n] at 16 kHz (n ≥ 1) → float32 [frame_count(n), 52], raw. Raises EngineError."""
        ...


@runtime_checkable
class BatchEngine(WindowEngine, Protocol):
    """A window engine that may be faster with several windows of one clip at once.

    `batch_seconds` of sound are best animated together; 0 if windows gain nothing by it.
    """

    batch_seconds: float

    def animate_batch(self, windows: Sequence[Pcm], style: Style) -> list[Frames]:
        """Animate windows of one length, each as `animate` does, if not to the last bit. Raises EngineError."""
        ...
