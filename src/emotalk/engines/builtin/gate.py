"""The voice gate: the mouth moves for a voice only. Silero VAD, with hysteresis, margins and a fade.

Silero judges chunks of 32 ms with the 4 ms before each. Its verdict is spread over a grid of 10 ms, opens 100 ms early
(the verdict comes 50–60 ms late, and lips part before they sound) and closes 100 ms late, and is faded over 90 ms with
a Hann window: 145 ms of look-ahead, which hides behind that of the network. Chunks are judged in groups of one size: a
product of matrices need not round the same way for one row as for eight. How the graph lays them side by side:
docs/decisions/0054.
"""

from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emotalk.engines.builtin.onnx import load
from emotalk.face import Pcm
from emotalk.tape import Tape

CHUNK = 512
CONTEXT = 64
GATE_RATE = 100

_TICK_SAMPLES = 160
_OPEN_AT = 0.5
_STAY_OPEN_AT = 0.35
_BEFORE = 10
_AFTER = 10
_FADE = np.hanning(11)[1:-1].astype(np.float32)
_FADE /= _FADE.sum()
_SIDE = len(_FADE) // 2


State = tuple[NDArray[np.float32], NDArray[np.float32]]


class VoiceModel:
    """Silero VAD, loaded once and shared."""

    def __init__(self, path: Path) -> None:
        """Raises CheckpointNotFound, CheckpointError."""
        self._session: Any = load(path)

    def judge(self, chunks: NDArray[np.float32], state: State) -> tuple[NDArray[np.float32], State]:
        """[n, 64 + 512] samples and the state before them → n probabilities of a voice, and the state after."""
        probabilities, hidden, cell = self._session.run(None, {"input": chunks, "h": state[0], "c": state[1]})
        return probabilities, (hidden, cell)


def at_rest() -> State:
    """The model's state before a clip."""
    return np.zeros((1, 1, 128), np.float32), np.zeros((1, 1, 128), np.float32)


def chunks_of(near: Pcm) -> NDArray[np.float32]:
    """[64 + n · 512] samples → [n, 64 + 512]: chunks, each with the 64 samples before it."""
    return near[_windows((len(near) - CONTEXT) // CHUNK, CHUNK, CONTEXT + CHUNK)]


@lru_cache
def _windows(count: int, hop: int, size: int) -> NDArray[np.int64]:
    """Positions [count, size]. Not a view by strides: to make one takes longer than to copy a few windows."""
    return np.arange(0, count * hop, hop)[:, None] + np.arange(size)


class VoiceGate:
    """One clip at the gate: chunks in, openness 0..1 at 100 Hz out. Tick i is at (i + ½) · 10 ms."""

    def __init__(self, model: VoiceModel) -> None:
        self._model = model
        self._state = at_rest()
        self._open = False
        self._chunks, self._opened = 0, list[bool]()
        # Before the clip there is no voice.
        self._voice = Tape(base=-_AFTER - _SIDE)
        self._voice.append(np.zeros(_AFTER + _SIDE, np.float32))
        self.openness = Tape()

    @property
    def chunks(self) -> int:
        """How many chunks have been judged."""
        return self._chunks

    def hear(self, chunks: NDArray[np.float32]) -> None:
        """Take the next chunks [n, 576], each with its 64 samples of context; `settle` then extends `openness`."""
        probabilities, self._state = self._model.judge(chunks, self._state)
        self._opened += [self._opens(each) for each in probabilities.tolist()]
        self._chunks += len(chunks)

    def _opens(self, probability: float) -> bool:
        self._open = probability >= (_STAY_OPEN_AT if self._open else _OPEN_AT)
        return self._open

    def _spread(self) -> None:
        """Verdicts since the last time on the grid: ticks whose middle, (i + ½) · 160, lies in these chunks."""
        ends = np.arange(self._chunks - len(self._opened), self._chunks + 1) * CHUNK
        ticks = (ends + _TICK_SAMPLES // 2 - 1) // _TICK_SAMPLES
        self._voice.append(np.repeat(np.array(self._opened, np.float32), np.diff(ticks)))
        self._opened = []

    def settle(self) -> None:
        """Extend `openness` as far as what has been heard decides it."""
        self._spread()
        ticks = self._voice.end - _BEFORE - _SIDE
        # A sum of taps, not a convolution: the same bytes however many ticks are settled at once.
        start = self.openness.end
        if ticks <= start:
            return
        near = self._voice.read(start - _SIDE - _AFTER, ticks + _SIDE + _BEFORE)
        wide = near[_windows(len(near) - _BEFORE - _AFTER, 1, _BEFORE + 1 + _AFTER)].max(1)
        faded = np.zeros(ticks - start, np.float32)
        for i, tap in enumerate(_FADE):
            faded += tap * wide[i : i + len(faded)]
        self.openness.append(faded)
        self._voice.forget(ticks - _SIDE - _AFTER)
