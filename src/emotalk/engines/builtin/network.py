"""The network: a window of sound in, the phones in it out. See training/ for how it came about.

Why so: docs/decisions/0024.
"""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from emotalk.engines.builtin.onnx import load
from emotalk.engines.builtin.plan import ROW_SAMPLES
from emotalk.face import Pcm
from emotalk.timebase import STEP_SAMPLES

STATES = 288
"""Of the recogniser's first two blocks, 144 each: by these the ear knows a feeling (docs/decisions/0035)."""


AGAIN = 3
"""Rows at the end of a step that are heard again in the next one, when more is known of what comes."""
REST_STEPS = 10
"""Of digital silence, after which the streaming network is at rest."""
HEARD_SAMPLES = STEP_SAMPLES + AGAIN * ROW_SAMPLES
"""Of a step."""


class MouthNetwork:
    """The trained network, loaded once and shared."""

    def __init__(self, path: Path) -> None:
        """Raises CheckpointNotFound, CheckpointError."""
        self._session: Any = load(path)

    def hear(self, window: Pcm) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """float32 [320 · n] at 16 kHz → float32 [n + 1, 39], shares of PHONES, and [n + 1, 288], inner states.

        Row r is at sample 320 · r.
        """
        phones, states = self._session.run(["phones", "states"], {"sound": window[None]})
        return phones[0], states[0]


class Step(NamedTuple):
    """What a stream hears in 0.1 s and the AGAIN rows before, and the network's state after all rows but AGAIN.

    phones [8, 39], voice 0..1 [8], states [8, 288].
    """

    phones: NDArray[np.float32]
    voice: NDArray[np.float32]
    states: NDArray[np.float32]
    after: NDArray[np.float32]


class StreamNetwork:
    """The network that keeps its state, loaded once and shared; many streams are heard in one call.

    Why so: docs/decisions/0044.
    """

    def __init__(self, path: Path) -> None:
        """Raises CheckpointNotFound, CheckpointError."""
        self._session: Any = load(path, fused=True)

    def hear(self, sounds: Sequence[Pcm], before: Sequence[NDArray[np.float32]]) -> list[Step]:
        """The next HEARD_SAMPLES of each stream and its state before them; each hears what it would hear alone.

        Row r of a step is at sample 320 · (r - 1) of these.
        """
        heard = self._session.run(
            ["phones", "voice", "states", "state_after"], {"sound": np.stack(sounds), "state": np.stack(before)}
        )
        # Copies: a stream that stalls must not keep the states of all the others.
        return [Step(*(each[number].copy() for each in heard)) for number in range(len(sounds))]

    @cached_property
    def rest(self) -> list[Step]:
        """What is heard in the second of digital silence before a stream."""
        silence, steps = np.zeros(HEARD_SAMPLES, np.float32), list[Step]()
        state = np.zeros(self._session.get_inputs()[1].shape[1], np.float32)
        for _ in range(REST_STEPS):
            steps += self.hear([silence], [state])
            state = steps[-1].after
        return steps
