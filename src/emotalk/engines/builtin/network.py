"""The network: a window of sound in, the phones in it out. See training/ for how it came about.

Why so: docs/decisions/0024.
"""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emotalk.engines.builtin.onnx import load
from emotalk.face import Pcm

STATES = 288
"""Of the recogniser's first two blocks, 144 each: by these the ear knows a feeling (docs/decisions/0035)."""


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
