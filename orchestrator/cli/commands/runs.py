"""`runs`: the list of runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from orchestrator.cli import options
from orchestrator.cli.app import App, exists
from orchestrator.cli.output import empty_table, line, note, result_document, show, width
from orchestrator.cli.story import ago, is_incoming, local, moment
from orchestrator.core.document import INCOMING, OUTGOING
from orchestrator.core.records import Status

if TYPE_CHECKING:
    from orchestrator.ports import RunSummary

_STYLES = {"completed": "green", "failed": "red", "undecided": "yellow", "interrupted": "yellow"}
_SHOWN = 50
_GAP = 2
_SHORTEST_SCRIPT = 16
_LEAST_NEEDED = ("started", "disposition", "age", "script")


@options.command("runs")
@click.option("--unfinished", is_flag=True, help="Only those that have not ended.")
@click.option("--limit", metavar="N", type=click.IntRange(min=1), help="How many at most; 50, and all with --json.")
@options.json_option
def command(app: App, unfinished: bool, limit: int | None) -> int:
    """List the runs, the newest first.

    Who calls is shown where any of them is an incoming call. On a narrow terminal some columns are left out; in a
    pipe, and with --json, everything is there.
    """
    with app.orchestrator(read_only=True) as orchestrator:
        path = orchestrator.journal_path
        now = orchestrator.clock.now().wall
        is_there = exists(app, orchestrator)
        most = limit or (None if app.as_json else _SHOWN)
        asked = None if most is None else most + 1
        found = list(orchestrator.journal.runs(unfinished=unfinished, limit=asked)) if is_there else []
    shown = [_document(summary, now) for summary in found[:most]]
    if app.as_json:
        result_document(shown)
    elif not shown:
        kind = "unfinished runs" if unfinished else "runs"
        note(f"No {kind} in the journal {path}." if is_there else f"No {kind}: there is no journal at {path} yet.")
    else:
        _table(shown, now)
        if len(found) > len(shown):
            note(f"There are more: --limit {len(shown) * 10} shows up to {len(shown) * 10}.")
    return 0


def _document(summary: RunSummary, now: float) -> dict[str, Any]:
    marks = summary.marks
    return {
        "run_id": summary.run_id,
        "script": summary.script_name,
        "to": summary.to,
        "from": summary.from_ or None,
        "direction": INCOMING if summary.incoming else OUTGOING,
        "status": _status(summary, now).value,
        "disposition": None if marks.disposition is None else marks.disposition.value,
        "call_id": marks.call_id,
        "started_at": summary.started.rfc3339(),
        "driver": summary.owner,
    }


def _status(summary: RunSummary, now: float) -> Status:
    """Return the status that the run's document would show, from its marks alone."""
    marks = summary.marks
    if marks.ended or marks.status is Status.UNDECIDED:
        return marks.status
    if marks.wake_wall is not None and marks.wake_wall > now:
        return Status.WAITING
    return Status.RUNNING if summary.driven else Status.INTERRUPTED


def _table(shown: list[dict[str, Any]], now: float) -> None:
    from rich.text import Text

    with_callers = any(is_incoming(each) for each in shown)
    rows = [_cells(each, now, with_caller=with_callers) for each in shown]
    names, needed = _fitting(rows, width())
    table = empty_table()
    for name in names:
        table.add_column(name, justify="right" if name == "age" else "left", no_wrap=True)
    room = max(width() - needed, 0) + _SHORTEST_SCRIPT - _GAP
    for row in rows:
        if len(row["script"]) > room:  # only a script's name may be cut: ids, numbers and times are for copying
            row["script"] = f"{row['script'][: room - 1]}…"
        style = _STYLES.get(row["status"], "cyan")
        table.add_row(*(Text(row[name], style=style if name == "status" else "") for name in names))
    show(table, narrowest=needed)


def _cells(each: dict[str, Any], now: float, *, with_caller: bool) -> dict[str, str]:
    started = moment(each["started_at"])
    assert started is not None, "every run has started"
    return {
        "run": each["run_id"][:8],
        "script": line(each["script"]),
        **({"from": line(each["from"] or "-")} if with_caller else {}),
        "to": line(each["to"]),
        "status": each["status"],
        "disposition": each["disposition"] or "-",
        "started": local(each["started_at"]),
        "age": ago(now - started.timestamp()),
    }


def _fitting(rows: list[dict[str, str]], columns: int) -> tuple[list[str], int]:
    """Return what a line has room for, the least needed left out first, and how wide that is at least."""
    names = list(rows[0])
    needed = {name: max(len(name), *(len(row[name]) for row in rows)) + _GAP for name in names}
    needed["script"] = min(needed["script"], _SHORTEST_SCRIPT)
    for name in _LEAST_NEEDED:
        if sum(needed[each] for each in names) <= columns:
            break
        names.remove(name)
    return names, sum(needed[each] for each in names)
