"""What the end-to-end tests of batches share: four people, and an operator who calls them by a script and a list."""

from __future__ import annotations

import csv
from pathlib import Path

from tests.conftest import Cli

ANNA, BEN, CLEO, DORA = "+12125550101", "+12125550102", "+12125550103", "+12125550104"
FOUR = f"to\n{ANNA}\n{BEN}\n{CLEO}\n{DORA}\n"
LONG = "This sentence takes a while, so that something can happen in its middle, as things do."


def at_work(cli: Cli, script: str) -> Cli:
    """Return the command line of somebody with a script and a list of the four."""
    cli.write("reminder.yaml", script)
    cli.write("list.csv", FOUR)
    return cli


def tick(cli: Cli, *more: object, code: int = 0) -> str:
    """Run a tick, which must end with this code and print nothing on stdout; return what it said on stderr."""
    done = cli("batch", "reminder.yaml", "--contacts", "list.csv", *more)
    assert done.returncode == code, done.stderr
    assert done.stdout == ""
    return done.stderr.replace(f"Made a new journal: {cli.journal}\n", "")


def rows_of(path: Path) -> list[dict[str, str]]:
    """Return the rows of a results file."""
    with path.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))
