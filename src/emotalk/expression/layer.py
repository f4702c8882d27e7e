"""Between an engine and the shaping: what an engine leaves undrawn is drawn here, from the sound and the mouth.

    sound ─┬─► engine ─► mouth, voice ─┐
           ├─► loudness, pitch ────────┴─► rules ─► 52 columns, and beside them lids and the turn of the head
           └─► ear ─► a feeling, or the caller's word ─► signs on the 52 columns

An engine that draws the whole face keeps its 52 columns: lids and head alone come from here.

Frame by frame and addressed from the start of the clip, so that no cut of the sound can change a byte.
"""

from collections.abc import Sequence
from functools import cache
from hashlib import blake2b

import numpy as np

from emotalk.engines.base import Engine, EngineCard, EngineSession, HearingSession, Latency, MouthSession
from emotalk.errors import EngineError, InvalidRequest
from emotalk.expression.ear import STATES
from emotalk.expression.feeling import Emotions, Feeling, unfelt
from emotalk.expression.life import Motion
from emotalk.expression.prosody import REACH, centre, prosody
from emotalk.expression.rules import Expression, HeadOnly
from emotalk.face import BLENDSHAPES, Frames, Pcm, Style, no_frames
from emotalk.feelings import EmotionKey, FeelingTrack, check_keys
from emotalk.probe import probe
from emotalk.tape import Tape
from emotalk.timebase import STEP_FRAMES, frame_count

VERSION = 15
"""Raise it with any change that changes bytes: it is part of an answer's fingerprint."""

_BLOCK = 300
"""Frames that are drawn at once: an hour that comes in one push must not be heard in one array."""
AHEAD = 21
"""Frames by which the ear is before the face of a clip: a voice must be heard before its feeling is.

Why so: docs/decisions/0046.
"""
_NO_VOICE, _NO_MOTION = np.zeros(0, np.float32), np.zeros((0, 4), np.float32)
_NO_STATES = np.zeros((0, STATES), np.float32)


def express(
    session: EngineSession,
    card: EngineCard,
    style: Style,
    seed: str,
    emotions: Emotions | None = None,
    latency: Latency = "clip",
) -> "ExpressedSession":
    """The session with the rest of the face; its frames as they are, where its engine draws the whole face.

    An engine that draws a whole face draws its feelings: others are laid over them only where somebody asks for them.
    """
    feeling = (emotions or Emotions()).begin(card.draws == "face", latency)
    ear = _ear(session, latency) if feeling and feeling.hears else None
    ahead = AHEAD if latency == "clip" else 0
    if card.draws == "face":
        return ExpressedSession(session, HeadOnly(style, seed), feeling, ear, ahead)
    assert isinstance(session, MouthSession), f"{card.name} draws a mouth and does not say where a voice was"
    return ExpressedSession(session, Expression(style, seed), feeling, ear, ahead)


def _ear(session: EngineSession, latency: Latency) -> HearingSession:
    """The session itself where it says what it hears; else the built-in engine listens beside it."""
    if isinstance(session, HearingSession):
        return session
    listening = _make_listener().open(Style(), latency)
    assert isinstance(listening, HearingSession)
    return listening


@cache
def _make_listener() -> Engine:
    # Not at the top: who asks for no ear must not pay for a network.
    from emotalk.engines.builtin import BuiltinEngine

    return BuiltinEngine(warm=False)


def open_face(
    engine: Engine, style: Style, latency: Latency = "clip", seed: str = "", emotions: Emotions | None = None
) -> "ExpressedSession":
    """A clip of a streaming engine with its whole face, unshaped and in as many pieces as there are pushes."""
    return express(engine.open(style, latency, seed), engine.card, style, seed, emotions, latency)


def fingerprint_of(card: EngineCard) -> str:
    """What the bytes of an answer depend on: the engine, and this layer."""
    return f"{card.fingerprint}-{VERSION}-{_digest_machine()}"


@cache
def _digest_machine() -> str:
    """What this machine hears in a sound that all have: its arithmetic decides the last bits of brows and head."""
    near = np.concatenate([np.zeros(REACH, np.float32), probe(), np.zeros(REACH, np.float32)])
    heard = prosody(near, 0, frame_count(len(near) - 2 * REACH))
    return blake2b(b"".join(each.tobytes() for each in heard), digest_size=4).hexdigest()


class ExpressedSession:
    """One clip: see EngineSession. A frame leaves when the 32 ms after it have been heard."""

    def __init__(
        self,
        session: EngineSession,
        drawing: Expression | HeadOnly,
        feeling: Feeling | None = None,
        ear: HearingSession | None = None,
        ahead: int = 0,
    ) -> None:
        """`ear`: the session itself, or one that hears the same sound beside it; None: nobody listens.

        `ahead`: by so many frames, whole steps, the ear is before the face.
        """
        self._session, self._drawing, self._feeling, self._ear = session, drawing, feeling, ear
        # Asked once: such a question costs some 20 us.
        self._mouth = session if isinstance(session, MouthSession) else None
        self._states, self._heard_voice, self._ahead = _NO_STATES, _NO_VOICE, ahead if ear else 0
        self._sound = Tape(base=-REACH)
        self._sound.append(np.zeros(REACH, np.float32))
        self._undrawn, self._voice = no_frames(), _NO_VOICE
        self._drawn, self._over = 0, False
        self._motions: list[Motion] = []

    @property
    def engine_session(self) -> EngineSession:
        """What draws below: who pushes to it gives `receive` what comes out."""
        return self._session

    @property
    def motion(self) -> Motion:
        """Of the frames that were returned last: [n, 4]."""
        return np.concatenate([_NO_MOTION, *self._motions])

    @property
    def feelings(self) -> FeelingTrack:
        """What was heard and drawn since this was last asked; empty where no feeling is drawn."""
        return self._feeling.track() if self._feeling else FeelingTrack()

    def feel(self, keys: Sequence[EmotionKey], now: float) -> None:
        """From `now` on, in seconds of the sound, these keys alone. Raises InvalidRequest."""
        check_keys(tuple(keys))
        if not self._feeling:
            problem = "the performance draws no feelings"
            raise InvalidRequest("emotions", problem, "Open it without emotion=off, and with a strength over 0")
        self._feeling.score.go_on(keys, now)

    def push(self, pcm: Pcm) -> Frames:
        """See EngineSession.push."""
        return self.receive(pcm, self._session.push(pcm))

    def receive(self, pcm: Pcm, mouth: Frames) -> Frames:
        """The rest of `push`: the sound, and what the engine's session has given for it."""
        pcm = np.asarray(pcm, np.float32)
        self._sound.append(pcm)
        if self._ear and self._ear is not self._session:
            self._ear.push(pcm)
        face = self._draw(mouth)
        self._sound.forget(centre(self._drawn) - REACH)
        return face

    def finish(self) -> Frames:
        """See EngineSession.finish."""
        mouth = self._session.finish()
        if self._ear and self._ear is not self._session:
            self._ear.finish()
        self._over = True
        end = centre(self._drawn + len(self._undrawn) + len(mouth)) + REACH
        self._sound.append(np.zeros(max(0, end - self._sound.end), np.float32))
        return self._draw(mouth)

    def _draw(self, mouth: Frames) -> Frames:
        """The face of the frames whose mouth has come and whose sound has been heard."""
        self._undrawn = np.concatenate([self._undrawn, _check(mouth)])
        if self._mouth:
            self._voice = np.concatenate([self._voice, self._mouth.voice])
        if self._ear:
            self._states = np.concatenate([self._states, self._ear.states])
            self._heard_voice = np.concatenate([self._heard_voice, self._ear.voice])
        self._hear_ahead()
        self._motions, faces = [], [no_frames()]
        while count := self._count_ready():
            faces.append(self._draw_block(count))
        return np.concatenate(faces)

    def _count_ready(self) -> int:
        """How many frames can be drawn now; a feeling is heard in whole steps, before the first frame of each."""
        count = min(len(self._undrawn), _count_heard(self._sound.end) - self._drawn, _BLOCK)
        if self._over or not self._ear:
            return count
        heard = self._drawn + (0 if self._ahead else len(self._states))
        return min(count, heard // STEP_FRAMES * STEP_FRAMES - self._drawn)

    def _hear_ahead(self) -> None:
        """Once, as soon as so much is heard."""
        ahead = self._ahead
        if self._feeling and ahead and (self._over or len(self._states) >= ahead):
            self._feeling.hear_ahead(self._states[:ahead], self._heard_voice[:ahead])
            self._states, self._heard_voice, self._ahead = self._states[ahead:], self._heard_voice[ahead:], 0

    def _draw_block(self, count: int) -> Frames:
        first, last = self._drawn, self._drawn + count - 1
        near = self._sound.read(centre(first) - REACH, centre(last) + REACH)
        moment, felt = self._drawing.hear(self._voice[:count], *prosody(near, first, count)), unfelt(count)
        if self._feeling:
            felt = self._feeling.go_on(moment.speech, self._states, self._heard_voice)
        face = self._drawing.face(self._undrawn[:count], moment, felt.kept)
        face, motion = felt.draw(face, moment.motion)
        face = self._drawing.reach(face, moment, felt.stirring)
        self._undrawn, self._voice = self._undrawn[count:], self._voice[count:]
        self._states, self._heard_voice = self._states[count:], self._heard_voice[count:]
        self._motions.append(motion)
        self._drawn += count
        return face


def _count_heard(end: int) -> int:
    """Frames of which all that is around them is before sample `end`."""
    return max(0, frame_count(end - REACH + 1))


def _check(frames: Frames) -> Frames:
    """As the engine gave them: after shaping, an infinity would pass for a wide open mouth."""
    if frames.ndim != 2 or frames.shape[1] != BLENDSHAPES:
        raise EngineError(f"the engine answered {frames.shape} where [frames, {BLENDSHAPES}] was due")
    if not np.isfinite(frames).all():
        raise EngineError("the engine answered values that are not numbers")
    return frames
