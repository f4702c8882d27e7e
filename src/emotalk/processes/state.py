"""Where the embedded queue lies unless told otherwise: in the user's state folder, or in one that needs no home."""

import logging
import os
import stat
import tempfile
from contextlib import suppress
from pathlib import Path

from emotalk.errors import ConfigurationError

LASTING = Path("/var/tmp")  # noqa: S108 - its folder in it is checked
FIX = "Set HOME or XDG_STATE_HOME, or name a file: --queue sqlite:///PATH"

log = logging.getLogger(__name__)


def find_queue_file() -> Path:
    """The embedded queue's file. Raises ConfigurationError where no folder can hold it."""
    return find_state_folder() / "queue.db"


def find_state_folder() -> Path:
    """The user's state folder; it need not exist yet. Raises ConfigurationError where no folder can be had.

    Containers run as users that have no home, or `/`, which they may not write: those get a folder of their own.
    """
    from platformdirs import user_state_path  # not at the top: a process with another queue needs none

    with suppress(RuntimeError):  # neither HOME nor an entry of this user in the system's list
        folder = user_state_path("emotalk", appauthor=False)
        if os.environ.get("XDG_STATE_HOME") or _can_be_made(folder):
            return folder
    return _find_homeless_folder()


def _can_be_made(folder: Path) -> bool:
    return folder.is_absolute() and any(os.access(each, os.W_OK) for each in (folder, *folder.parents))


def _find_homeless_folder() -> Path:
    """The same for every process of this user, and nobody else's: it will hold people's voices."""
    try:
        folder = Path(LASTING if os.access(LASTING, os.W_OK) else tempfile.gettempdir()) / f"emotalk-{os.getuid()}"
        folder.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(f"queue: this user has no home, and it cannot write to any folder. {FIX}.") from error
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o022:
        raise ConfigurationError(f"queue: {folder} can be changed by other users. {FIX}.")
    log.warning("no home folder", extra={"instead": str(folder), "fix": FIX})
    return folder
