"""The built-in engine: a small network that needs no checkpoint and no graphics card. See CARD.md.

    a clip ──┬─ windows ─► network ─► shares of 39 phones, 50 Hz ──────┐
             └─ chunks ──► Silero ─► hysteresis, margins, fade ─► voice ┤
    a stream ── steps ──► network with its state ─► shares, voice ──────┴─► mouth.py: poses, in time ─► mouth, 30 fps

It draws the mouth alone; `emotalk.expression` draws the rest.

How long a frame waits for the sound after it is chosen when a session opens, and with it the network: a clip is heard
in windows, and so is a live stream that may wait for half a second (session.py, plan.py); other live streams step by
step (stream.py).
"""

import logging
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import numpy as np

from emotalk.engines.base import Device, EngineCard, EngineSession, Latency, push_or_error
from emotalk.engines.builtin.gate import VoiceModel, at_rest, chunks_of
from emotalk.engines.builtin.network import MouthNetwork, StreamNetwork
from emotalk.engines.builtin.plan import CLIP, NEAR
from emotalk.errors import DeviceUnavailable, EmoTalkError
from emotalk.face import Frames, Pcm, Style
from emotalk.probe import probe

MODELS = Path(__file__).parent / "models"
_FILES = ("mouth.onnx", "stream.onnx", "silero_vad.onnx")
LICENCE = "MIT and Apache-2.0"
"""Which part is under which: CARD.md."""

log = logging.getLogger(__name__)

_CODE_VERSION = "7"
"""Raise it with any change that changes bytes: frames of different fingerprints are never spliced."""


def _digest_models(models: Path) -> bytes:
    """What the models are."""
    from hashlib import sha256

    # Processors have instructions for this one: reading 10 MB is a tenth of the time to load.
    files = (sha256((models / name).read_bytes()).digest() for name in _FILES)
    return b"".join(files)


class BuiltinEngine:
    """The default engine. One instance holds the models; `open` gives a session to each clip. Thread-safe."""

    def __init__(self, device: Device = "auto", warm: bool = True) -> None:
        """Load the models (0.1 s); `warm` runs them once. Raises DeviceUnavailable for "cuda", CheckpointError."""
        if device == "cuda":
            raise DeviceUnavailable("device: the built-in engine runs on the CPU only. Use --device cpu or auto.")
        self._network = MouthNetwork(MODELS / "mouth.onnx")
        self._voice = VoiceModel(MODELS / "silero_vad.onnx")
        if warm:
            self._warm()

    @cached_property
    def card(self) -> EngineCard:
        """Made when it is first asked for: it reads the models again and hears two seconds."""
        log.debug("licences", extra={"path": MODELS.with_name("CARD.md")})
        return EngineCard("builtin", LICENCE, self._make_fingerprint(), draws="mouth")

    def _make_fingerprint(self) -> str:
        """16 hex digits over the models, the code, and what this machine hears in a sound that all machines have.

        Processors and runtimes that compute the same have the same: a job may move between them. A live stream cannot:
        so its network is not asked what it hears.
        """
        # Not at the top: whoever only loads the engine need not load a library of ciphers.
        from hashlib import blake2b

        sound = probe()
        voice, _ = self._voice.judge(chunks_of(sound), at_rest())
        heard = b"".join(each.tobytes() for each in (*self._network.hear(sound), voice))
        return blake2b(_CODE_VERSION.encode() + _digest_models(MODELS) + heard, digest_size=8).hexdigest()

    def open(self, style: Style, latency: Latency = "clip", seed: str = "") -> EngineSession:
        """Start a clip. Style and seed are for the layer above: this mouth is nobody's."""
        # Not at the top: what only a session needs would be a third of the imports.
        from emotalk.engines.builtin.session import BuiltinSession
        from emotalk.engines.builtin.stream import StreamSession

        if latency == "live":
            return StreamSession(self._streaming)
        return BuiltinSession(self._network, self._voice, NEAR if latency == "near" else CLIP)

    def push_many(self, sessions: Sequence[EngineSession], sounds: Sequence[Pcm]) -> Sequence[Frames | EmoTalkError]:
        """See ManyStreams: what is heard step by step is one call; what is heard in windows, one after the other."""
        from emotalk.engines.builtin.stream import StreamSession, push_streams

        streams = [(i, each) for i, each in enumerate(sessions) if isinstance(each, StreamSession)]
        given = push_streams(self._streaming, [each for _, each in streams], [sounds[i] for i, _ in streams])
        heard = dict(zip((i for i, _ in streams), given, strict=True))
        return [
            heard[i] if i in heard else push_or_error(*both)
            for i, both in enumerate(zip(sessions, sounds, strict=True))
        ]

    @cached_property
    def _streaming(self) -> StreamNetwork:
        """Loaded for the first live stream: a worker has none."""
        return StreamNetwork(MODELS / "stream.onnx")

    def _warm(self) -> None:
        session = self.open(Style())
        session.push(np.zeros(1_600, np.float32))
        session.finish()
