"""Tables of a batch for people: plain aligned text, so that names and ids are whole at any width, and in files."""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from orchestrator.cli.output import line, width
from orchestrator.cli.story import local

STATES = {"done": "over", "open": "being called", "again": "again", "waiting": "waiting", "refused": "refused"}
"""Where contacts stand, in words, in the order in which they are shown."""
_GAP = "  "


def status_page(found: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Yield the lines of `batch status`: a table, or some lines a campaign where a terminal is too narrow for it."""
    rows = [("campaign", "occurrence", "now", *STATES.values(), "next due")]
    for each in found:
        counts = [str(each["contacts"][state]) for state in STATES]
        rows.append((line(each["campaign"]), line(each["occurrence"]), _now(each), *counts, local(each["next_due"])))
    lines = list(aligned(rows, right=range(3, 3 + len(STATES))))
    if not sys.stdout.isatty() or max(map(_cells, lines)) <= width():
        yield from lines
        return
    for each, row in zip(found, rows[1:], strict=True):
        yield f"{row[0]} {row[1]}" if row[2] == "-" else f"{row[0]} {row[1]}: {row[2]}"
        standing = [f"{each['contacts'][state]} {name}" for state, name in STATES.items() if each["contacts"][state]]
        yield f"  {', '.join(standing) or 'nobody yet'}"
        if each["next_due"] is not None:
            yield f"  next due {row[-1]}"


def tick_page(name: str, groups: Sequence[Sequence[tuple[str, int]]]) -> Iterator[str]:
    """Yield the summary of a tick: its name, then groups of counts."""
    yield name
    rows = [(text, str(number)) for group in groups for text, number in group]
    lines = list(aligned(rows, right=(1,)))
    for group in groups:
        if group:
            yield ""
            yield from lines[: len(group)]
            del lines[: len(group)]
    yield ""


def aligned(rows: Sequence[Sequence[str]], *, right: Collection[int]) -> Iterator[str]:
    """Yield rows with their columns below each other, those of the given indexes to the right."""
    widths = [max(map(_cells, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = []
        for index, (cell, full) in enumerate(zip(row, widths, strict=True)):
            blank = " " * (full - _cells(cell))
            cells.append(blank + cell if index in right else cell + blank)
        yield _GAP.join(cells).rstrip()


def _now(campaign: Mapping[str, Any]) -> str:
    if campaign["running"] is not None:
        return f"run by {campaign['running']}"
    return campaign["orders"] or "-"


def _cells(text: str) -> int:
    from rich.cells import cell_len

    return cell_len(text)
