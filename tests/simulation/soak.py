"""Runs many seeds in several processes, and stops at the first that fails, with its story.

Interrupted, it is carried on from the seed that its last line of progress names.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from multiprocessing import get_context

from tests.simulation.batches import run_batch_seed
from tests.simulation.seeds import run_seed

_CHUNK = 500


def soak(first: int, count: int, *, workers: int, batch: bool = False) -> int:
    """Run `count` seeds from `first` on, of single runs or of batches; return 1 if one failed.

    Progress goes to stderr, the story of a failure to stdout.
    """
    began = time.monotonic()
    chunks = [range(at, min(at + _CHUNK, first + count)) for at in range(first, first + count, _CHUNK)]
    done = 0
    with get_context("spawn").Pool(workers) as pool:
        for chunk, failure in zip(chunks, pool.imap(partial(_run, batch=batch), chunks), strict=True):
            if failure is not None:
                sys.stdout.write(f"{failure}\n")
                return 1
            done += len(chunk)
            left_s = (time.monotonic() - began) / done * (count - done)
            sys.stderr.write(
                f"{done} of {count} seeds hold; {left_s:.0f} s left; to carry on: FIRST_SEED={chunk[-1] + 1}\n"
            )
    return 0


def _run(seeds: range, *, batch: bool) -> str | None:
    return next(_failures(seeds, run_batch_seed if batch else run_seed), None)


def _failures(seeds: range, run: Callable[[int], object]) -> Iterator[str]:
    for seed in seeds:
        try:
            run(seed)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is what is looked for
            yield "\n".join([f"seed {seed}: {type(error).__name__}: {error}", *getattr(error, "__notes__", [])])
