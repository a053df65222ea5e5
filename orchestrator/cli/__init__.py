"""The command line. `main` is the console script; commands load one file each, when they are called."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import NoReturn

_INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and end the process with its exit code; by default with the process's own arguments."""
    try:
        from orchestrator.cli.program import run

        code = run(sys.argv[1:] if arguments is None else list(arguments))
    except KeyboardInterrupt:  # while the program loads, which takes a moment in which nothing was begun
        code = _INTERRUPTED
    sys.exit(code)
