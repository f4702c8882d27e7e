"""What every bench prints: the machine it ran on, and tables of plain text."""

import os
import platform
import time
from collections.abc import Sequence
from pathlib import Path


def machine() -> str:
    """CPU, cores, load and date, on one line."""
    load = os.getloadavg()[0]
    return (
        f"{_cpu()}, {os.cpu_count()} cores · {platform.system()} {platform.release()} · "
        f"Python {platform.python_version()} · load {load:.1f} · {time.strftime('%Y-%m-%d')}"
    )


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest value that `percent` of them do not exceed (nearest rank: always one that was measured)."""
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * int(percent) // 100) - 1)]


def table(rows: Sequence[Sequence[str]]) -> str:
    """Rows of cells → aligned lines; the first row is the head, the first column words."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = [
        "  ".join(_padded(cell, width, i) for i, (cell, width) in enumerate(zip(row, widths, strict=True)))
        for row in rows
    ]
    rule = "  ".join("-" * width for width in widths)
    return "\n".join([lines[0], rule, *lines[1:]])


def _padded(cell: str, width: int, column: int) -> str:
    return cell.ljust(width) if column == 0 else cell.rjust(width)


def _cpu() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
