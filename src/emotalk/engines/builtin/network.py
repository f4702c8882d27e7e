"""The network: a window of sound in, the phones in it out. See training/ for how it came about.

Why so: docs/decisions/0024.
"""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emotalk.engines.builtin.onnx import load
from emotalk.face import Pcm


class MouthNetwork:
    """The trained network, loaded once and shared."""

    def __init__(self, path: Path) -> None:
        """Raises CheckpointNotFound, CheckpointError."""
        self._session: Any = load(path)

    def phones(self, window: Pcm) -> NDArray[np.float32]:
        """float32 [320 · n] at 16 kHz → float32 [n + 1, 39], shares of PHONES; row r is at sample 320 · r."""
        output: NDArray[np.float32] = self._session.run(None, {"sound": window[None]})[0][0]
        return output
