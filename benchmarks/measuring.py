"""What the benchmarks share: tables, percentiles, and what an fsync of the disk in question costs."""

from __future__ import annotations

import os
import platform
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

_PAGE = 4096


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table."""
    widths = [max(len(row[at]) for row in (heads, *rows)) for at in range(len(heads))]
    lines = [heads, ["-" * width for width in widths], *rows]
    return "\n".join(
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |" for line in lines
    )


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value below which `share` (0 to 1) of the values lie."""
    ordered = sorted(values)
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)]


def fsync_ms(folder: Path, *, times: int = 100, pause_s: float = 0.0) -> float:
    """Return the median time in ms of one fdatasync after a page was added to a file, as a commit of one run does it.

    Args:
        folder: On the disk in question.
        times: How often it is measured.
        pause_s: What the disk rests before each: as long as a step lasts.
    """
    lasted = []
    with tempfile.TemporaryFile(dir=folder) as file:
        for _ in range(times):
            time.sleep(pause_s)
            began = time.perf_counter()
            os.write(file.fileno(), bytes(_PAGE))
            os.fdatasync(file.fileno())
            lasted.append(time.perf_counter() - began)
    return statistics.median(lasted) * 1000


def machine(folder: Path) -> str:
    """Describe in one line what this ran on."""
    busy, rested = fsync_ms(folder), fsync_ms(folder, times=7, pause_s=0.2)
    return (
        f"Python {platform.python_version()}, {os.cpu_count()} cores (load {os.getloadavg()[0]:.1f}). Adding one page "
        f"and fdatasync takes {busy:.2f} ms at once after another, {rested:.2f} ms after 200 ms of rest"
    )
