"""The command line. `main` is the console script; commands load one file each, when they are called."""

from orchestrator.cli.program import main

__all__ = ["main"]
