"""The benchmarks run; what they measure is nobody's business here."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[3] / "benchmarks"


@pytest.mark.parametrize("name", ["steps", "startup", "commit", "batch", "events", "modes"])
def test_a_benchmark_runs_and_prints_a_table(name: str, tmp_path: Path) -> None:
    """Whoever wants to know how fast it is on their machine gets a Markdown table from one command."""
    folder = [] if name == "startup" else ["--folder", str(tmp_path)]
    done = subprocess.run(
        [sys.executable, str(BENCHMARKS / f"{name}.py"), "--quick", *folder],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    tables = [block.splitlines() for block in done.stdout.split("\n\n") if block.startswith("| ")]
    assert tables
    for rows in tables:
        assert len(rows) >= 3
        assert all(row.startswith("| ") and row.endswith(" |") for row in rows)
        assert len({row.count("|") for row in rows}) == 1
    assert not any(tmp_path.iterdir())
