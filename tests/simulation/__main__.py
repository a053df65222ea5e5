"""Runs seeds from the command line: one with its story, or many until one fails. See `--help`."""

from __future__ import annotations

import argparse
import sys
import traceback

from tests.property.batch_story import batch_story
from tests.property.story import story
from tests.simulation.batches import run_batch_seed
from tests.simulation.seeds import run_seed
from tests.simulation.soak import soak


def main() -> int:
    """Run what was asked for; return 1 where something did not hold."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("seed", type=int, help="the seed to run, or the first of them")
    parser.add_argument("--count", type=int, default=1, help="run so many seeds; stop at the first that fails")
    parser.add_argument("--workers", type=int, default=2, help="processes to share them between (default 2)")
    parser.add_argument("--batch", action="store_true", help="simulate whole batches, not single runs")
    asked = parser.parse_args()
    if asked.count > 1:
        return soak(asked.seed, asked.count, workers=asked.workers, batch=asked.batch)
    try:
        told = batch_story(run_batch_seed(asked.seed)) if asked.batch else story(run_seed(asked.seed))
    except Exception as error:  # noqa: BLE001 - whatever it is, it is what was asked for
        sys.stderr.write("".join(traceback.format_exception(error)))
        sys.stdout.write("\n".join(getattr(error, "__notes__", [])) + "\n")
        return 1
    sys.stdout.write(told + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
