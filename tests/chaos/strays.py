"""Processes that outlive who started them. Linux only, as all of tests/chaos."""

import ctypes
import os
import sys
from collections import defaultdict
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from tests.chaos.programs import alive

_PR_SET_CHILD_SUBREAPER = 36


def adopt_orphans() -> None:
    """From now on a process whose parent dies becomes our child, whatever its environment: none slips away unseen."""
    if ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl")


def strays(known: frozenset[int]) -> list[str]:
    """Living descendants of ours that are Python programs and not `known`."""
    return [f"process {pid}: {_words(pid)}" for pid in descendants() - known if _is_python(pid)]


def descendants() -> frozenset[int]:
    """All that live."""
    children = defaultdict(list)
    for pid, parent in _parents():
        children[parent].append(pid)
    found, look = set[int](), [os.getpid()]
    while look:
        look.extend(each for each in children[look.pop()] if each not in found)
        found.update(look)
    return frozenset(each for each in found if alive(each))


def _parents() -> Iterator[tuple[int, int]]:
    for each in Path("/proc").iterdir():
        if each.name.isdigit():
            with suppress(FileNotFoundError, ProcessLookupError):
                yield int(each.name), int((each / "stat").read_text().rpartition(")")[2].split()[1])


def _is_python(pid: int) -> bool:
    return _words(pid).startswith(sys.executable)


def _words(pid: int) -> str:
    with suppress(FileNotFoundError, ProcessLookupError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    return ""
