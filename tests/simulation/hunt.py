"""Hunts the mutants: runs seeds until one fails, for each of them, and writes the table of docs/explanation/mutants.md.

python -m tests.simulation.hunt            # all, in two processes; writes the table
python -m tests.simulation.hunt NAME…      # these, and prints where they were caught
"""

from __future__ import annotations

import argparse
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

from tests.simulation.batch_mutants import BATCH_MUTANTS, PART
from tests.simulation.batches import run_batch_seed
from tests.simulation.mutants import MUTANTS, Mutant
from tests.simulation.seeds import run_seed

ALL = (*MUTANTS, *BATCH_MUTANTS)

MOST_SEEDS = 10_000
PAGE = Path(__file__).parents[2] / "docs/explanation/mutants.md"


@dataclass(frozen=True, slots=True)
class Hunted:
    """What became of a mutant.

    Attributes:
        seed: The first seed that failed; None: it survived.
        invariant: The function of `tests/property` that noticed it, or the error that the product ran into.
        seconds: How long that took.
    """

    name: str
    seed: int | None
    invariant: str
    seconds: float


def hunt(mutant: Mutant, *, most: int = MOST_SEEDS) -> Hunted:
    """Run seeds until one fails: of batches, for a mutant of these."""
    began = time.monotonic()
    run: Callable[[int], object] = run_batch_seed if mutant.part == PART else run_seed
    with mutant.applied():
        for seed in range(most):
            try:
                run(seed)
            except Exception as error:  # noqa: BLE001 - whatever it is, the mutant was noticed
                return Hunted(mutant.name, seed, _noticed_by(error), time.monotonic() - began)
    return Hunted(mutant.name, None, "", time.monotonic() - began)


def _noticed_by(error: Exception) -> str:
    frames = [frame.name.lstrip("_") for frame in traceback.extract_tb(error.__traceback__)]
    checks = [name for name in frames if name.startswith("check_")]
    return checks[-1] if checks and isinstance(error, AssertionError) else type(error).__name__


def main() -> int:
    """Hunt; return 1 if one survived, or broke down: that shows nothing of the invariants."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation.hunt", description=__doc__)
    parser.add_argument("names", nargs="*", help="only these")
    parser.add_argument("--workers", type=int, default=2)
    asked = parser.parse_args()
    chosen = [at for at, mutant in enumerate(ALL) if not asked.names or mutant.name in asked.names]
    found: list[Hunted] = []
    with get_context("spawn").Pool(asked.workers) as pool:
        for hunted in pool.imap(_hunt, chosen):
            found.append(hunted)
            caught = "SURVIVED" if hunted.seed is None else f"seed {hunted.seed}, {hunted.invariant}"
            sys.stderr.write(f"{hunted.name}: {caught} ({hunted.seconds:.1f} s)\n")
    if not asked.names:
        PAGE.write_text(page(found), encoding="utf-8")
    return int(not all(hunted.invariant.startswith("check_") for hunted in found))


def _hunt(place: int) -> Hunted:
    return hunt(ALL[place])


def page(found: list[Hunted]) -> str:
    """Return the page of the docs."""
    by_name = {hunted.name: hunted for hunted in found}
    rows = [
        f"| `{mutant.name}` | {mutant.part} | {mutant.change} | {_caught(by_name[mutant.name])} |" for mutant in ALL
    ]
    caught = sum(hunted.seed is not None for hunted in found)
    return "\n".join(
        [
            "# Mutants",
            "",
            "Written by `make mutants`, which takes the product, changes one rule of it, and runs the simulator's",
            f"seeds from 0 on until one fails, {MOST_SEEDS:,} at most.",
            "What the invariants are is told in [reliability](reliability.md).",
            "",
            f"{caught} of {len(found)} mutants are caught.",
            "",
            "| mutant | row of | what is different | noticed by | at seed | seeds run | seconds |",
            "| --- | --- | --- | --- | ---: | ---: | ---: |",
            *rows,
            "",
        ]
    )


def _caught(hunted: Hunted) -> str:
    if hunted.seed is None:
        return f"**survived** | - | {MOST_SEEDS:,} | {hunted.seconds:.1f}"
    return f"`{hunted.invariant}` | {hunted.seed} | {hunted.seed + 1} | {hunted.seconds:.1f}"


if __name__ == "__main__":
    sys.exit(main())
