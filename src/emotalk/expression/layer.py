"""Between an engine and the shaping: what an engine leaves undrawn is drawn here, from the sound and the mouth.

    sound ─┬─► engine ─► mouth, voice ─┐
           └─► loudness, pitch ────────┴─► rules ─► 52 columns

Frame by frame and addressed from the start of the clip, so that no cut of the sound can change a byte.
"""

import numpy as np

from emotalk.engines.base import Engine, EngineCard, EngineSession, Latency, MouthSession
from emotalk.expression.prosody import REACH, centre, prosody
from emotalk.expression.rules import Expression
from emotalk.face import Frames, Pcm, Style, no_frames
from emotalk.tape import Tape
from emotalk.timebase import SAMPLE_RATE

VERSION = 1
"""Raise it with any change that changes bytes: it is part of an answer's fingerprint."""

_PIECE = SAMPLE_RATE
"""A long push is worked off a second at a time, so that what is kept in between stays short."""


def expressed(session: EngineSession, card: EngineCard, style: Style, seed: str) -> EngineSession:
    """The session with the rest of the face; as it is, where its engine draws the whole face by itself."""
    if card.draws == "face":
        return session
    assert isinstance(session, MouthSession), f"{card.name} draws a mouth and does not say where a voice was"
    return ExpressedSession(session, Expression(style, seed))


def open_face(engine: Engine, style: Style, latency: Latency = "clip", seed: str = "") -> EngineSession:
    """A clip of a streaming engine with its whole face, unshaped and in as many pieces as there are pushes."""
    return expressed(engine.open(style, latency, seed), engine.card, style, seed)


def fingerprint_of(card: EngineCard) -> str:
    """What the bytes of an answer depend on: the engine, and this layer where it draws."""
    return card.fingerprint if card.draws == "face" else f"{card.fingerprint}-{VERSION}"


class ExpressedSession:
    """One clip: see EngineSession."""

    def __init__(self, mouth: MouthSession, expression: Expression) -> None:
        self._mouth, self._expression = mouth, expression
        self._sound = Tape(base=-REACH)
        self._sound.append(np.zeros(REACH, np.float32))
        self._drawn = 0

    def push(self, pcm: Pcm) -> Frames:
        """See EngineSession.push."""
        pcm = np.asarray(pcm, np.float32)
        return np.concatenate([no_frames(), *(self._hear(pcm[i : i + _PIECE]) for i in range(0, len(pcm), _PIECE))])

    def finish(self) -> Frames:
        """See EngineSession.finish."""
        mouth = self._mouth.finish()
        end = centre(self._drawn + len(mouth)) + REACH
        self._sound.append(np.zeros(max(0, end - self._sound.end), np.float32))
        return self._draw(mouth)

    def _hear(self, piece: Pcm) -> Frames:
        self._sound.append(piece)
        frames = self._draw(self._mouth.push(piece))
        self._sound.forget(centre(self._drawn) - REACH)
        return frames

    def _draw(self, mouth: Frames) -> Frames:
        """The face of the frames whose mouth has just come."""
        first, last = self._drawn, self._drawn + len(mouth) - 1
        if last < first:
            return mouth
        near = self._sound.read(centre(first) - REACH, centre(last) + REACH)
        self._drawn = last + 1
        return self._expression.face(mouth, self._mouth.voice, *prosody(near, first, len(mouth)))
