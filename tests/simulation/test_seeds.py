"""Ten thousand seeds hold, and among them everything occurs that can go wrong.

A seed that fails is shown with its story, and run again by `python -m tests.simulation SEED`.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.simulation.coverage import CRASH_ROWS, EXPECTED, seen_in
from tests.simulation.seeds import run_seed

SEEDS = 10_000
_PARTS = 20
_ROOT = Path(__file__).parents[2]


@contextmanager
def _untraced() -> Iterator[None]:
    """Run without the tracer of the coverage tool, which other tests of the same code feed: it costs a half of all."""
    tracer, of_threads = sys.gettrace(), threading.gettrace()
    sys.settrace(None)
    threading.settrace(None)  # type: ignore[arg-type]
    try:
        yield
    finally:
        sys.settrace(tracer)
        threading.settrace(of_threads)  # type: ignore[arg-type]


@pytest.fixture(scope="session")
def tally(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the parts leave what they saw, whichever processes they run in."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "seen-in-seeds"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.mark.parametrize("part", range(_PARTS))
def test_seeds(part: int, tally: Path) -> None:
    """Every invariant holds of every seed; the part that ends last sees to it that nothing was left out of all."""
    seen: Counter[str] = Counter()
    size = SEEDS // _PARTS
    with _untraced():
        for seed in range(part * size, (part + 1) * size):
            seen.update(seen_in(run_seed(seed)))
    mine = tally / f"{part}.part"
    mine.write_text(json.dumps(seen), encoding="utf-8")
    mine.rename(tally / f"{part}.json")
    parts = list(tally.glob("*.json"))
    if len(parts) == _PARTS:
        total: Counter[str] = sum((Counter(json.loads(one.read_text(encoding="utf-8"))) for one in parts), Counter())
        assert set(total) >= EXPECTED, f"never seen: {sorted(EXPECTED - set(total))}"


def test_the_crash_table_is_the_one_of_the_docs() -> None:
    """Each of its rows is looked for among the seeds."""
    text = (_ROOT / "docs/explanation/crashes.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (?!the process dies|-)([^|]+?) \|", text, re.MULTILINE)
    assert tuple(rows) == CRASH_ROWS


def test_a_seed_has_one_story() -> None:
    """Byte for byte, in processes of their own that order their sets differently."""
    stories = [
        subprocess.run(
            [sys.executable, "-m", "tests.simulation", seed],
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            cwd=_ROOT,
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("7", "501", "1789")
        for hash_seed in ("1", "2")
    ]
    assert stories[0::2] == stories[1::2]
    assert all(b"journal" in one for one in stories)
