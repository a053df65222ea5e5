"""Tables of a batch for people: plain aligned text, so that names and ids are whole at any width, and in files."""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from orchestrator.cli.output import line, width

_COUNTS = ("contacts", "reached", "not reached", "refused", "not called", "duplicate", "waiting", "unknown")
"""What `batch status` counts, in the words of a tick's summary and in that order."""
_ALWAYS = ("contacts", "reached", "not reached", "refused", "waiting", "unknown")
"""Those that are shown of every campaign."""
_GAP = "  "


def status_page(found: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Yield the lines of `batch status`: a table, or some lines a campaign where a terminal is too narrow for it."""
    counts = [_counts(each) for each in found]
    shown = [name for name in _COUNTS if name in _ALWAYS or any(each[name] for each in counts)]
    rows = [("campaign", "occurrence", "now", *shown, "next call")]
    for each, count in zip(found, counts, strict=True):
        numbers = [str(count[name]) for name in shown]
        rows.append((line(each["campaign"]), line(each["occurrence"]), _now(each), *numbers, each["next_due"] or "-"))
    lines = list(aligned(rows, right=range(3, 3 + len(shown))))
    if not sys.stdout.isatty() or max(map(_cells, lines)) <= width():
        yield from lines
        return
    for each, count, row in zip(found, counts, rows[1:], strict=True):
        yield f"{row[0]} {row[1]}" if row[2] == "-" else f"{row[0]} {row[1]}: {row[2]}"
        standing = [f"{count[name]} {name}" for name in _COUNTS[1:] if count[name]]
        yield f"  {', '.join(standing) or 'nobody yet'}"
        if each["next_due"] is not None:
            yield f"  next call from {row[-1]} on"


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


def _counts(campaign: Mapping[str, Any]) -> dict[str, int]:
    """Return how many contacts stand where; `refused` without those that have a column of their own."""
    apart = {"not called": campaign["left_out"], "duplicate": campaign["duplicates"]}
    named = {name: campaign[name.replace(" ", "_")] for name in _COUNTS if name not in apart}
    return named | apart | {"refused": campaign["refused"] - sum(apart.values())}


def _now(campaign: Mapping[str, Any]) -> str:
    calls = campaign["in_call"]
    running = None if campaign["running"] is None else f"run by {campaign['running']}"
    facts = [running, campaign["orders"], f"{calls} in a call" if calls else None]
    return ", ".join(fact for fact in facts if fact is not None) or "-"


def _cells(text: str) -> int:
    from rich.cells import cell_len

    return cell_len(text)
