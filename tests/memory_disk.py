"""A place for files in memory, for tests that write thousands of small ones: there fsync costs nothing.

Nothing is lost by it: tests kill processes, and none pulls the plug of the machine.
"""

import os
from pathlib import Path

_SHM = Path("/dev/shm")


def memory_disk() -> Path | None:
    """A folder for `tempfile`'s `dir`; None, its default, where this machine has none."""
    return _SHM if os.access(_SHM, os.W_OK) else None
