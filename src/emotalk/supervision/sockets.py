"""A socket between two processes of one user, in a folder that a cleaner may take away while they run.

It is served again at the same path within a second (who serves it looks after it), and nobody else can put one there.
"""

import logging
import os
import stat
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir
from urllib.parse import quote, unquote

from emotalk.errors import ConfigurationError

log = logging.getLogger(__name__)

LOOK_SECONDS = 1.0
"""How often who serves a socket looks whether it is still there."""
LONGEST_BYTES = 100
"""A path in the address of a socket has 104 bytes on macOS and 108 on Linux, the last one zero."""
FOLDERS: tuple[Callable[[], str], ...] = (gettempdir, lambda: "/tmp")  # noqa: S108 - mkdtemp: one of its own
"""Where one may be; not in the folder of the login, which goes away with it."""
_UNIX = "unix:"


class PrivateSocket:
    """`address` is the socket as gRPC has it, `path` where it lies."""

    def __init__(self, path: Path, folder: TemporaryDirectory[str] | None = None) -> None:
        self.path, self._folder, self._said = path, folder, False
        self.address = f"{_UNIX}{quote(str(path))}"

    @classmethod
    def of(cls, address: str) -> "PrivateSocket | None":
        """The socket of an address that names one."""
        return cls(Path(unquote(address.removeprefix(_UNIX)))) if address.startswith(_UNIX) else None

    @classmethod
    def make(cls, name: str) -> "PrivateSocket":
        """A socket in a new folder of its own. Raises ConfigurationError where none can be made."""
        for folder in FOLDERS:
            with suppress(OSError):
                made = TemporaryDirectory(prefix=f"emotalk-{name}-", dir=folder(), ignore_cleanup_errors=True)
                path = Path(made.name) / "socket"
                if len(os.fsencode(path)) <= LONGEST_BYTES:
                    return cls(path, made)
                made.cleanup()
        raise ConfigurationError(
            "TMPDIR: no folder for sockets can be made there, nor in /tmp. "
            f"Set TMPDIR to a writable folder whose path is shorter than {LONGEST_BYTES - 40} bytes."
        )

    def beside(self, number: int) -> "PrivateSocket":
        """Another one in the same folder, which goes with this one's."""
        return PrivateSocket(self.path.with_name(f"{self.path.name}-{number}"))

    def is_present(self) -> bool:
        """Is it there, in a folder of ours?"""
        try:
            return stat.S_ISSOCK(self.path.lstat().st_mode) and self._is_ours()
        except OSError:
            return False

    def is_missing(self) -> bool:
        """Has it been taken away, and must it be served again now? What prevents that is said once."""
        if self.is_present():
            self._said = False
            return False
        try:
            self.make_room()
        except OSError as error:
            if not self._said:
                log.error("socket cannot be made again", extra={"error": str(error), "fix": "restart the server"})
            self._said = True
            return False
        log.warning("socket made again", extra={"address": self.address, "fix": "none needed: a cleaner removed it"})
        return True

    def make_room(self) -> None:
        """Before it is served, or served again: the folder is there and ours, the path free. Raises OSError."""
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not self._is_ours():
            raise PermissionError(f"{self.path.parent} belongs to another user")
        self.path.unlink(missing_ok=True)

    def close(self) -> None:
        """Take it and its folder away, where they were made here."""
        if self._folder:
            self._folder.cleanup()

    def _is_ours(self) -> bool:
        folder = self.path.parent.lstat()
        return stat.S_ISDIR(folder.st_mode) and folder.st_uid == os.geteuid() and not folder.st_mode & 0o077
