"""One clip on its way through the built-in engine, or a live stream that may wait."""

import numpy as np
from numpy.typing import NDArray

from emotalk.engines.builtin.clock import first_tick, last_tick, rows_before, ticks_to_frames
from emotalk.engines.builtin.gate import CHUNK, CONTEXT, VoiceGate, VoiceModel, chunks_of
from emotalk.engines.builtin.mouth import draw_mouth, on_face
from emotalk.engines.builtin.network import STATES, MouthNetwork
from emotalk.engines.builtin.plan import ROW_SAMPLES, Plan
from emotalk.errors import EngineError
from emotalk.face import BLENDSHAPES, Frames, Pcm
from emotalk.tape import Tape
from emotalk.timebase import SAMPLE_RATE, frame_count

_Rows = NDArray[np.float32]
"""[n, 53 + 288]: a frame of the mouth, behind it the voice, behind that the inner states."""

_NO_ROWS = np.zeros((0, BLENDSHAPES + 1 + STATES), np.float32)

_PIECE = SAMPLE_RATE
"""A long push is worked off a second at a time, so that what is kept in between stays short."""


class BuiltinSession:
    """Push sound, get the mouth's frames that are ready; finish, get the rest. See MouthSession."""

    def __init__(self, network: MouthNetwork, voice: VoiceModel, plan: Plan) -> None:
        self._network, self._plan = network, plan
        self._gate = VoiceGate(voice)
        self.voice, self.states = np.zeros(0, np.float32), np.zeros((0, STATES), np.float32)
        before = plan.past * ROW_SAMPLES
        self._sound = Tape(base=-before)
        self._sound.append(np.zeros(before, np.float32))
        self._samples = self._blocks = 0
        self._ended = False

    def push(self, pcm: Pcm) -> Frames:
        """Take float32 [n] at 16 kHz; return the frames that are ready. Raises EngineError after `finish`."""
        self._refuse_if_ended()
        pcm = np.asarray(pcm, np.float32)
        heard = [self._hear(pcm[i : i + _PIECE]) for i in range(0, len(pcm), _PIECE)]
        return self._split_rows(np.concatenate([_NO_ROWS, *heard]))

    def finish(self) -> Frames:
        """Return the frames that remain: `frame_count(samples)` in all. Raises EngineError when called twice."""
        self._refuse_if_ended()
        self._ended = True
        frames = frame_count(self._samples)
        blocks = -(-frames // self._plan.hop_frames)
        end = self._plan.window(blocks - 1)[1] + self._plan.chunks * CHUNK
        self._sound.append(np.zeros(max(0, end - self._sound.end), np.float32))
        self._judge()
        self._gate.settle()
        drawn = [self._draw() for _ in range(self._blocks, blocks)]
        due = frames - (blocks - len(drawn)) * self._plan.hop_frames
        return self._split_rows(np.concatenate([_NO_ROWS, *drawn])[:due])

    def _split_rows(self, rows: _Rows) -> Frames:
        self.voice, self.states = rows[:, BLENDSHAPES], rows[:, BLENDSHAPES + 1 :]
        return rows[:, :BLENDSHAPES]

    def _refuse_if_ended(self) -> None:
        if self._ended:
            raise EngineError("This session has finished. Open another for another clip.")

    def _hear(self, piece: Pcm) -> _Rows:
        self._sound.append(piece)
        self._samples += len(piece)
        self._judge()
        self._gate.settle()
        drawn = [_NO_ROWS]
        while self._is_ready():
            drawn.append(self._draw())
        self._forget()
        return np.concatenate(drawn)

    def _judge(self) -> None:
        """Let the gate hear every whole group of chunks."""
        size = self._plan.chunks * CHUNK
        while (self._gate.chunks * CHUNK) + size <= self._sound.end:
            start = self._gate.chunks * CHUNK
            near = self._sound.read(start - CONTEXT, start + size)
            self._gate.hear(chunks_of(near))

    def _is_ready(self) -> bool:
        """Whether all that the next block is drawn from has been heard."""
        heard = self._plan.window(self._blocks)[1] <= self._sound.end
        judged = (self._blocks + 1) * self._plan.hop_frames + self._plan.certain
        return heard and last_tick(judged) < self._gate.openness.end

    def _draw(self) -> _Rows:
        """The next block. Raises EngineError if a frame is not finite."""
        plan, count = self._plan, self._plan.hop_frames
        first = self._blocks * count
        shares, states = self._network.hear(self._sound.read(*plan.window(self._blocks)))
        # Of what is not finite, whole numbers know nothing: the states still do.
        if not (np.isfinite(shares).all() and np.isfinite(states).all()):
            raise EngineError(f"The built-in network gave no finite face near {first / 30:.1f} s of the clip.")
        voice = ticks_to_frames(self._gate.openness, first, first + count + plan.certain)
        foreseen = voice[np.minimum(np.arange(count + plan.foresight), len(voice) - 1)]
        shapes = draw_mouth(shares, plan.past, foreseen, count)
        self._blocks += 1
        rows = np.zeros((count, BLENDSHAPES + 1 + STATES), np.float32)
        rows[:, :BLENDSHAPES] = on_face(shapes)
        rows[:, BLENDSHAPES] = voice[:count]
        rows[:, BLENDSHAPES + 1 :] = states[plan.past + rows_before(count)]
        return rows

    def _forget(self) -> None:
        first = self._plan.window(self._blocks)[0]
        self._sound.forget(min(first, self._gate.chunks * CHUNK - CONTEXT))
        self._gate.openness.forget(first_tick(self._blocks * self._plan.hop_frames))
