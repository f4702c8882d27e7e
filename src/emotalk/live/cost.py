"""What a speaker costs the processor, and how many a machine holds by that."""

import json
import os
from dataclasses import asdict, dataclass
from math import floor
from pathlib import Path

SHARE = 2 / 3
"""Of the cores; the rest is for passing sound and frames on, and for whoever else works here."""
_QUOTA = Path("/sys/fs/cgroup/cpu.max")


@dataclass(frozen=True)
class Cost:
    """Processor seconds for a second of one speaker's sound, by how many streams are drawn together.

    `near`: of one who may wait, and is drawn alone (0: nobody has measured it).
    """

    by_batch: dict[int, float]
    near: float = 0.0

    @property
    def least(self) -> float:
        """Of one speaker in a full room."""
        return min(self.by_batch.values())

    def places(self, cores: int) -> int:
        """How many two thirds of so many cores can draw in time; at least one."""
        return max(1, floor(SHARE * cores / self.least))

    @property
    def places_near(self) -> int:
        """How many places one takes who may wait."""
        return max(1, round(self.near / self.least))

    def pack(self) -> bytes:
        """As it goes over the socket."""
        return json.dumps(asdict(self)).encode()

    @classmethod
    def unpack(cls, data: bytes) -> "Cost":
        """What was packed."""
        told = json.loads(data)
        return cls({int(size): cost for size, cost in told["by_batch"].items()}, told["near"])


def count_cores() -> int:
    """Processors that this process may use: of the machine, of its affinity, of its container's quota."""
    known = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = _QUOTA.read_text().split()
        return max(1, min(known, round(int(quota) / int(period))))
    except (OSError, ValueError):  # no such quota
        return known
