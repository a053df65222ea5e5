"""What `drill` prints: what the callee noticed in each drill, and which drills were not safe.

`drill` calls it with what was carried out; it knows nothing of how.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from orchestrator.cli.exits import counted
from orchestrator.cli.output import empty_table, line, note, prose, result, show, width
from orchestrator.cli.story import ended_as
from orchestrator.core.drills import Blow, Drilled, Noticed

_WIDE = 100


def tell(drilled: Sequence[Drilled], *, left: int) -> None:
    """Print what each drill has come to. `left` were not begun, since the time was up. Raises OutputError."""
    first, *others = drilled
    result(f"Without a fault the run is {_end(first)}, and the callee notices:")
    for each in first.noticed:
        result(f"    {_words_of(each)}")
    result()
    is_wide = width() >= _WIDE and sys.stdout.isatty()
    show(_table(others) if is_wide else _narrow_table(others))
    result()
    if not is_wide:
        prose(f"{'; '.join(f'{_short(blow)}: {blow.value}' for blow in Blow if blow is not Blow.NONE)}.")
    unsafe = [each for each in others if not each.is_safe]
    result(f"{counted(len(others), 'drill')}, {len(others) - len(unsafe)} of them safe.")
    if left:
        note(f"{counted(left, 'drill')} left out, since the time was up: give more with --within.")
    for bad in unsafe:
        note(f"Not safe: request {bad.drill.request} ({bad.drill.what}), {bad.drill.blow.value}.")


def _table(drilled: Sequence[Drilled]) -> Table:
    table = _empty_table("twice", "left out")
    for each in drilled:
        table.add_row(*_begun(each, each.drill.blow.value), Text(_listed(each.twice)), Text(_listed(each.left_out)))
    return table


def _narrow_table(drilled: Sequence[Drilled]) -> Table:
    """Return the table for few columns, and for pipes, where a column is as wide as its longest text in every row."""
    table = _empty_table("twice, or left out")
    for each in drilled:
        found = [
            (name, _listed(which)) for name, which in (("twice", each.twice), ("left out", each.left_out)) if which
        ]
        differs = "; ".join(f"{name}: {text}" for name, text in found)
        table.add_row(*_begun(each, _short(each.drill.blow)), Text(differs or "-"))
    return table


def _empty_table(*last: str) -> Table:
    table = empty_table()
    table.add_column("request", justify="right")
    for name in ("commands", "blow", "the run is", *last):
        table.add_column(name, overflow="fold")
    return table


def _begun(drilled: Drilled, blow: str) -> tuple[str, Text, str, Text]:
    style = "" if drilled.is_safe else "red"
    return str(drilled.drill.request), Text(line(drilled.drill.what)), blow, Text(_end(drilled), style=style)


def _short(blow: Blow) -> str:
    return blow.name.lower().replace("_", " ")


def _end(drilled: Drilled) -> str:
    if not drilled.came_to_rest:
        return f"not over ({drilled.status or 'no run'})"
    if drilled.status == "undecided":
        return "undecided: it asks a person"
    return ended_as(drilled.status, drilled.disposition)


def _listed(found: tuple[Noticed, ...]) -> str:
    counts = Counter(_words_of(each) for each in found)
    return "; ".join(text if times == 1 else f"{text} ({times} times more)" for text, times in counts.items()) or "-"


def _words_of(found: Noticed) -> str:
    return f"{found.command}: {line(found.text)}" if found.text else found.command
