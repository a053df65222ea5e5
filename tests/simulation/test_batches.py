"""Hundreds of simulated batches hold, and among them everything occurs that can go wrong.

A seed that fails is shown with its story, and run again by `python -m tests.simulation --batch SEED`.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

from tests.simulation.batches import EXPECTED, run_batch_seed, seen_in_batch
from tests.simulation.test_seeds import _untraced

SEEDS = 250
_ROOT = Path(__file__).parents[2]


def test_batches() -> None:
    """Every invariant holds of every seed, and nothing of what can go wrong is left out of all of them."""
    seen: Counter[str] = Counter()
    with _untraced():
        for seed in range(SEEDS):
            seen.update(seen_in_batch(run_batch_seed(seed)))
    assert set(seen) >= EXPECTED, f"never seen: {sorted(EXPECTED - set(seen))}"


def test_a_seed_of_a_batch_has_one_story() -> None:
    """Byte for byte, in processes of their own that order their sets differently."""
    stories = [
        subprocess.run(
            [sys.executable, "-m", "tests.simulation", "--batch", seed],
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            cwd=_ROOT,
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("8", "20")
        for hash_seed in ("1", "2")
    ]
    assert stories[0::2] == stories[1::2]
    assert all(b"journal" in one and b"row " in one for one in stories)
