"""What a decoding child may use of the machine, and what it says when it has used it up."""

import sys
from contextlib import suppress
from dataclasses import dataclass

from emotalk.limits import Limits

MEGABYTE = 2**20
_BASE_BYTES = 128 * MEGABYTE
_BASE_SECONDS = 30.0
# Half an hour at 192 kHz in stereo, the dearest there is, takes a core 15 s; a slow one takes four times that.
_SECONDS_A_SECOND = 1 / 30
_BYTES_A_SECOND = 3 * 4 * 16_000


@dataclass(frozen=True)
class Fence:
    """Bytes of memory over what a warm child has, seconds of one core, and seconds on the clock; for one clip."""

    memory: int
    cpu_seconds: float
    wall_seconds: float

    @classmethod
    def around(cls, limits: Limits) -> "Fence":
        """Enough for the largest clip that these limits let in, several times over."""
        seconds = _BASE_SECONDS + limits.max_seconds * _SECONDS_A_SECOND
        memory = _BASE_BYTES + 3 * limits.max_bytes + limits.max_seconds * _BYTES_A_SECOND
        return cls(int(min(memory, sys.maxsize // 2)), seconds, 2 * seconds)


def close_off(memory: int) -> None:
    """Limit this process, for ever: memory over what it has now; no files written, opened or dumped.

    Does what the system has; on Windows nothing, and the clock alone limits.
    """
    if sys.platform == "win32":
        return
    import resource

    for name, amount in (("AS", _measure_address_space() + memory), ("FSIZE", 0), ("CORE", 0), ("NOFILE", 0)):
        limit = getattr(resource, f"RLIMIT_{name}", None)
        if limit is not None:
            with suppress(ValueError, OSError):  # a system that has the name but not the limit, or a lower one
                resource.setrlimit(limit, (amount, amount))


def allow_cpu(seconds: float) -> None:
    """So many more seconds of a core from now on; then SIGXCPU."""
    if sys.platform == "win32":
        return
    import resource

    used = resource.getrusage(resource.RUSAGE_SELF)
    until = int(used.ru_utime + used.ru_stime + seconds) + 1
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_CPU, (until, resource.getrlimit(resource.RLIMIT_CPU)[1]))


def _measure_address_space() -> int:
    """Bytes that this process has mapped; 0 where the system does not say, and then the limit is a little lower."""
    import resource
    from pathlib import Path

    with suppress(OSError):
        return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    return 0
