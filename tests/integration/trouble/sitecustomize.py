"""Makes the tone engine dangerous in every process that has this folder on its PYTHONPATH.

Python imports this file by its name at each start, so that whole commands can be put into trouble as a user runs them.
The person who speaks decides what happens; everybody else is safe.
"""

import ctypes
import os
import signal
import threading
import time

from dangers import CRASHES, DAWDLES, HANGS, IS_KILLED

from emotalk.engines.tone import ToneEngine
from emotalk.face import Frames, Pcm, Style

_safe = ToneEngine.animate


def animate(self: ToneEngine, window: Pcm, style: Style) -> Frames:
    """The tone engine's frames, if there ever are any."""
    if style.person_id == CRASHES:
        ctypes.string_at(0)
    if style.person_id == IS_KILLED:
        os.kill(os.getpid(), signal.SIGKILL)
    if style.person_id == HANGS:
        threading.Event().wait()
    if style.person_id == DAWDLES:
        time.sleep(0.5)
    return _safe(self, window, style)


ToneEngine.animate = animate  # type: ignore[method-assign]
