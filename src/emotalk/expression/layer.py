"""Between an engine and the shaping: what an engine leaves undrawn is drawn here, from the sound and the mouth.

    sound ─┬─► engine ─► mouth, voice ─┐
           └─► loudness, pitch ────────┴─► rules ─► 52 columns, and beside them lids and the turn of the head

An engine that draws the whole face keeps its 52 columns: lids and head alone come from here.

Frame by frame and addressed from the start of the clip, so that no cut of the sound can change a byte.
"""

import numpy as np
from numpy.typing import NDArray

from emotalk.engines.base import Engine, EngineCard, EngineSession, Latency, MouthSession
from emotalk.errors import EngineError
from emotalk.expression.life import Moment
from emotalk.expression.prosody import REACH, centre, prosody
from emotalk.expression.rules import Expression, HeadOnly
from emotalk.face import BLENDSHAPES, Frames, Pcm, Style, no_frames
from emotalk.tape import Tape
from emotalk.timebase import frame_count

VERSION = 3
"""Raise it with any change that changes bytes: it is part of an answer's fingerprint."""

_BLOCK = 300
"""Frames that are drawn at once: an hour that comes in one push must not be heard in one array."""
_NO_VOICE, _NO_MOTION = np.zeros(0, np.float32), np.zeros((0, 4), np.float32)

Motion = NDArray[np.float32]
"""float32 [n, 4]: yaw, pitch and roll of the head in degrees; how far the lids are shut, two frames before."""


def expressed(session: EngineSession, card: EngineCard, style: Style, seed: str) -> "ExpressedSession":
    """The session with the rest of the face; its frames as they are, where its engine draws the whole face."""
    if card.draws == "face":
        return ExpressedSession(session, HeadOnly(style, seed))
    assert isinstance(session, MouthSession), f"{card.name} draws a mouth and does not say where a voice was"
    return ExpressedSession(session, Expression(style, seed))


def open_face(engine: Engine, style: Style, latency: Latency = "clip", seed: str = "") -> "ExpressedSession":
    """A clip of a streaming engine with its whole face, unshaped and in as many pieces as there are pushes."""
    return expressed(engine.open(style, latency, seed), engine.card, style, seed)


def fingerprint_of(card: EngineCard) -> str:
    """What the bytes of an answer depend on: the engine, and this layer."""
    return f"{card.fingerprint}-{VERSION}"


class ExpressedSession:
    """One clip: see EngineSession. A frame leaves when the 32 ms after it have been heard."""

    def __init__(self, session: EngineSession, drawing: Expression | HeadOnly) -> None:
        self._session, self._drawing = session, drawing
        self._sound = Tape(base=-REACH)
        self._sound.append(np.zeros(REACH, np.float32))
        self._undrawn, self._voice = no_frames(), _NO_VOICE
        self._drawn = 0
        self._moments: list[Moment] = []

    @property
    def motion(self) -> Motion:
        """Of the frames that were returned last: [n, 4]."""
        return np.concatenate([_NO_MOTION, *(moment.motion for moment in self._moments)])

    def push(self, pcm: Pcm) -> Frames:
        """See EngineSession.push."""
        pcm = np.asarray(pcm, np.float32)
        self._sound.append(pcm)
        face = self._draw(self._session.push(pcm))
        self._sound.forget(centre(self._drawn) - REACH)
        return face

    def finish(self) -> Frames:
        """See EngineSession.finish."""
        mouth = self._session.finish()
        end = centre(self._drawn + len(self._undrawn) + len(mouth)) + REACH
        self._sound.append(np.zeros(max(0, end - self._sound.end), np.float32))
        return self._draw(mouth)

    def _draw(self, mouth: Frames) -> Frames:
        """The face of the frames whose mouth has come and whose sound has been heard."""
        self._undrawn = np.concatenate([self._undrawn, _checked(mouth)])
        if isinstance(self._session, MouthSession):
            self._voice = np.concatenate([self._voice, self._session.voice])
        self._moments, faces = [], [no_frames()]
        while count := min(len(self._undrawn), _heard(self._sound.end) - self._drawn, _BLOCK):
            faces.append(self._block(count))
        return np.concatenate(faces)

    def _block(self, count: int) -> Frames:
        first, last = self._drawn, self._drawn + count - 1
        near = self._sound.read(centre(first) - REACH, centre(last) + REACH)
        face, moment = self._drawing.face(self._undrawn[:count], self._voice[:count], *prosody(near, first, count))
        self._undrawn, self._voice = self._undrawn[count:], self._voice[count:]
        self._moments.append(moment)
        self._drawn += count
        return face


def _heard(end: int) -> int:
    """Frames of which all that is around them is before sample `end`."""
    return max(0, frame_count(end - REACH + 1))


def _checked(frames: Frames) -> Frames:
    """As the engine gave them: after shaping, an infinity would pass for a wide open mouth."""
    if frames.ndim != 2 or frames.shape[1] != BLENDSHAPES:
        raise EngineError(f"the engine answered {frames.shape} where [frames, {BLENDSHAPES}] was due")
    if not np.isfinite(frames).all():
        raise EngineError("the engine answered values that are not numbers")
    return frames
