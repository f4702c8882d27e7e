"""Live streams on their way through the built-in engine: heard 0.1 s at a time, all that are due in one call.

    step j hears rows 5 j - 3 … 5 j + 4 ─┬─► the mouth of frames 3 j - 2, 3 j - 1, 3 j: 150, 117 and 83 ms old
                                         └─► voice and states of frames 3 j, 3 j + 1, 3 j + 2: up to two frames further

Row r is at sample 320 · (r - 1) - SHIFT of the stream, so that frame 3 j - 2 lies one row and a half before row 5 j.
The last rows of a step know little of what comes: they are heard again. What a step gives hangs on the sound up to its
end and on nothing else: no cut and no company changes a byte. A stream that is digitally silent is at rest after a
second, and is heard again when sound comes.

Why so: docs/decisions/0044.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from emotalk.engines.builtin.clock import rows_to_frames
from emotalk.engines.builtin.mouth import Sight, draw_mouth, on_face
from emotalk.engines.builtin.network import AGAIN, HEARD_SAMPLES, REST_STEPS, STATES, Step, StreamNetwork
from emotalk.engines.builtin.plan import ROW_SAMPLES, ROWS_PER_STEP
from emotalk.errors import EngineError
from emotalk.face import Frames, Pcm, no_frames
from emotalk.tape import Tape
from emotalk.timebase import STEP_FRAMES, STEP_SAMPLES, STEPS_PER_SECOND, frame_count

SHIFT = 267
"""Samples of silence before a stream: with them its oldest frame leaves 0.15 s after its sound, without 0.167 s."""
_PAST = 30
"""Rows before a step that its mouth is drawn from."""
_LAG = 2
"""Frames by which a step's first lies before it."""
_FIRST, _FORESIGHT = _PAST + AGAIN - 2, 2
"""Of a step's rows and those before it the one of its first frame, and how many frames further is looked."""
SIGHT = Sight(lead=5, hindsight=12, closing=(0.08, 0.47))
"""A mouth is 7 ms ahead of its sound. In doubt its lips stay further apart than in a clip."""
_NEXT = [AGAIN + 1, AGAIN + 3, AGAIN + 4]
"""Rows of a step not after frames 3 j … 3 j + 2; the last is all that is known."""
_SHUT, _OPEN = 0.1, 0.9
"""Chances of a voice up to which the gate is shut, and from which on it is open."""

Voice = NDArray[np.float32]
States = NDArray[np.float32]

_NO_VOICE, _NO_STATES = np.zeros(0, np.float32), np.zeros((0, STATES), np.float32)


class StreamSession:
    """Push sound, get the mouth's frames that are ready; finish, get the rest. See HearingSession."""

    def __init__(self, network: StreamNetwork) -> None:
        self._network, self._state = network, network.rest[-1].after
        self._shares = np.concatenate([step.phones[:ROWS_PER_STEP] for step in network.rest])[-_PAST:]
        self._sound, self._steps, self._silent = Tape(base=-AGAIN * ROW_SAMPLES), 0, REST_STEPS
        self._sound.append(np.zeros(AGAIN * ROW_SAMPLES + SHIFT, np.float32))
        self._mouths, self._voices, self._heard = list[Frames](), list[Voice](), list[States]()
        self.voice, self.states = _NO_VOICE, _NO_STATES
        self._failure: EngineError | None = None
        self._ended = False

    def push(self, pcm: Pcm) -> Frames:
        """Take float32 [n] at 16 kHz; return the frames that are ready. Raises EngineError after `finish`."""
        return _raise_error(push_streams(self._network, [self], [pcm])[0])

    def finish(self) -> Frames:
        """Return the frames that remain: `frame_count(samples)` in all. Raises EngineError when called twice."""
        frames, heard = frame_count(self._sound.end - SHIFT), STEP_FRAMES * self._steps
        silence = np.zeros(_steps_of(frames) * STEP_SAMPLES - self._sound.end, np.float32)
        (rest,) = push_streams(self._network, [self], [silence])
        self._ended = True
        self.voice, self.states = self.voice[: frames - heard], self.states[: frames - heard]
        return _raise_error(rest)[: frames - max(0, heard - _LAG)]

    def take_in(self, pcm: Pcm) -> None:
        """More sound; `give` has the error where the session is over."""
        if self._ended:
            self._failure = EngineError("This session has finished. Open another for another clip.")
        self._sound.append(np.asarray(pcm, np.float32))

    @property
    def is_due(self) -> bool:
        """Is there a whole step to be heard?"""
        return not self._failure and self._sound.end >= (self._steps + 1) * STEP_SAMPLES

    def next_sound(self) -> Pcm | None:
        """Of the next step; None: the stream is at rest, and stays there."""
        stop = (self._steps + 1) * STEP_SAMPLES
        sound = self._sound.read(stop - HEARD_SAMPLES, stop)
        self._silent = 0 if sound.any() else self._silent + 1
        return sound if self._silent <= REST_STEPS else None

    @property
    def state(self) -> NDArray[np.float32]:
        """The network's, before the next step."""
        return self._state

    def draw(self, step: Step | None) -> None:
        """What was heard in the next step; None: nothing, at rest."""
        step = step or self._network.rest[-1]._replace(after=self._state)
        if not np.isfinite(step.phones).all():
            second = self._steps / STEPS_PER_SECOND
            self._failure = EngineError(f"The built-in network gave no finite face near {second:.1f} s of the clip.")
            return
        shares, count = np.concatenate([self._shares, step.phones]), STEP_FRAMES + _FORESIGHT
        chances = rows_to_frames(step.voice[_FIRST - _PAST :, None], count, SIGHT.lead)[:, 0]
        voice = openness(chances)
        mouth = on_face(draw_mouth(shares, _FIRST, voice, STEP_FRAMES, SIGHT))
        # The first frames of the first step would be shown before the stream.
        self._mouths.append(mouth if self._steps else mouth[_LAG:])
        self._voices.append(voice[_LAG:])
        self._heard.append(step.states[_NEXT])
        self._shares, self._state = shares[ROWS_PER_STEP:][:_PAST], step.after
        self._steps += 1
        self._sound.forget((self._steps + 1) * STEP_SAMPLES - HEARD_SAMPLES)

    def give(self) -> Frames | EngineError:
        """The frames that were drawn since this was last asked, or why there are none."""
        frames = np.concatenate([no_frames(), *self._mouths])
        self.voice = np.concatenate([_NO_VOICE, *self._voices])
        self.states = np.concatenate([_NO_STATES, *self._heard])
        self._mouths, self._voices, self._heard = [], [], []
        return self._failure or frames


def openness(chances: Voice) -> Voice:
    """How open the gate is, 0..1, at these chances of a voice."""
    # Not np.clip: of a few values it takes several times as long.
    gate: Voice = np.minimum(np.maximum((chances - _SHUT) / (_OPEN - _SHUT), 0), 1)
    return gate


def push_streams(
    network: StreamNetwork, streams: Sequence[StreamSession], sounds: Sequence[Pcm]
) -> list[Frames | EngineError]:
    """Push to each of these different streams its own sound; see ManyStreams."""
    for stream, sound in zip(streams, sounds, strict=True):
        stream.take_in(sound)
    while due := [stream for stream in streams if stream.is_due]:
        awake = [(stream, new) for stream in due if (new := stream.next_sound()) is not None]
        steps = network.hear([new for _, new in awake], [stream.state for stream, _ in awake]) if awake else []
        step_of = {id(stream): step for (stream, _), step in zip(awake, steps, strict=True)}
        for stream in due:
            stream.draw(step_of.get(id(stream)))
    return [stream.give() for stream in streams]


def _steps_of(frames: int) -> int:
    """Steps after which all these have left."""
    return -(-(frames + _LAG) // STEP_FRAMES)


def _raise_error(frames: Frames | EngineError) -> Frames:
    if isinstance(frames, EngineError):
        raise frames
    return frames
