"""How many connections there is room for: each takes a descriptor, and the queue's files need theirs, too."""

import sys
from contextlib import suppress

KEPT = 256
"""For files, pipes, the queue."""
ENOUGH = 65_536


def make_room(connections: int) -> int:
    """So many, or fewer where the system gives us no more descriptors; asks it for as many as it may give."""
    return max(1, min(connections, _raise_descriptor_limit() - KEPT))


def _raise_descriptor_limit() -> int:
    if sys.platform == "win32":
        return ENOUGH
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = ENOUGH if hard == resource.RLIM_INFINITY else min(hard, ENOUGH)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return ENOUGH if soft == resource.RLIM_INFINITY else soft
    with suppress(ValueError, OSError):  # macOS names a hard limit that it does not grant
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        return wanted
    return soft
