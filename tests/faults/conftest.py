"""What the tests of faults share."""

from __future__ import annotations

import functools
import subprocess
import tempfile
from pathlib import Path

import pytest


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what mounts a file system of its own where that is not allowed: only root may, and not everywhere."""
    needing = [item for item in items if "small_disk" in getattr(item, "fixturenames", ())]
    if needing and not _may_mount():
        config.hook.pytest_deselected(items=needing)
        items[:] = [item for item in items if item not in needing]


@functools.cache
def _may_mount() -> bool:
    with tempfile.TemporaryDirectory() as folder:
        if not mounted(Path(folder), "size=64k"):
            return False
        subprocess.run(["umount", folder], check=True)
        return True


def mounted(folder: Path, options: str) -> bool:
    """Mount a file system in memory, or change one that is there; return whether that was allowed."""
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    try:
        return subprocess.run(command, check=False, capture_output=True).returncode == 0
    except FileNotFoundError:
        return False
