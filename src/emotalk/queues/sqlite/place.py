"""Where the file may lie: on a local disk, readable by its owner alone."""

import os
from pathlib import Path

from emotalk.errors import ConfigurationError

_MOUNTS = Path("/proc/mounts")
_NETWORK = frozenset(
    "9p afp afs beegfs ceph cifs coda gfs gfs2 glusterfs lustre ncpfs nfs nfs4 ocfs2 smb2 smb3 smbfs".split()
)
_NETWORK_FUSE = ("sshfs", "gluster", "ceph", "s3fs", "rclone", "davfs", "gcsfuse", "blobfuse", "smb", "nfs", "juicefs")


def make_private_file(path: Path) -> None:
    """Create the folder and an empty file of mode 0600 where there is none: it will hold people's voices.

    SQLite gives its -wal and -shm files the mode of the file they belong to. A file that exists keeps its mode.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    except OSError as error:
        raise ConfigurationError(
            f"{path}: cannot be opened for writing ({error.strerror}). Name a file that this user may write: --queue sqlite:///PATH"
        ) from error


def refuse_network_disk(path: Path, mounts: Path = _MOUNTS) -> None:
    """Raise ConfigurationError where `path` is on a network file system; only Linux tells, elsewhere nothing happens.

    WAL needs memory that all processes share, and locks that hold: over NFS or SMB a file of ours can be torn.
    """
    kind = _find_file_system(path, mounts.read_text("utf-8", "replace")) if mounts.exists() else ""
    if kind in _NETWORK or (kind.startswith("fuse.") and any(name in kind for name in _NETWORK_FUSE)):
        raise ConfigurationError(
            f"{path}: is on a network file system ({kind}), where SQLite cannot keep its promises. "
            "Choose a path on a local disk, or use Kafka for several machines."
        )


def _find_file_system(path: Path, mounts: str) -> str:
    """The type of the innermost mount that holds `path`; "" if none is known."""
    place, found, depth = path.resolve(), "", -1
    for line in mounts.splitlines():
        _, point, kind, *_ = line.split(" ")
        mount = Path(point.replace("\\040", " ").replace("\\011", "\t").replace("\\134", "\\"))
        if len(mount.parts) >= depth and place.is_relative_to(mount):
            found, depth = kind, len(mount.parts)
    return found
