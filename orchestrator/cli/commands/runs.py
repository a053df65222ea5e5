"""`runs`: the list of runs."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

import click

from orchestrator.cli import options
from orchestrator.cli.app import App
from orchestrator.cli.output import line, note, result_document, show
from orchestrator.cli.story import ago, local
from orchestrator.core.records import Status

if TYPE_CHECKING:
    from orchestrator.ports import RunSummary

_STYLES = {"completed": "green", "failed": "red", "undecided": "yellow", "interrupted": "yellow"}


@options.command("runs")
@click.option("--unfinished", is_flag=True, help="Only those that have not ended.")
@click.option(
    "--limit", metavar="N", type=click.IntRange(min=1), default=50, show_default=True, help="How many at most."
)
@options.json_option
def command(app: App, unfinished: bool, limit: int) -> int:
    """List the runs, the newest first."""
    with app.orchestrator() as orchestrator:
        path = orchestrator.journal_path
        now = orchestrator.clock.now().wall
        found = list(islice(orchestrator.journal.runs(unfinished=unfinished), limit + 1)) if path.exists() else []
    shown = [_document(summary, now) for summary in found[:limit]]
    if app.as_json:
        result_document(shown)
    elif not shown:
        note(f"No {'unfinished ' if unfinished else ''}runs in the journal {path}.")
    else:
        _table(shown, now)
        if len(found) > limit:
            note(f"There are more: --limit {limit * 10} shows up to {limit * 10}.")
    return 0


def _document(summary: RunSummary, now: float) -> dict[str, Any]:
    marks = summary.marks
    return {
        "run_id": summary.run_id,
        "script": summary.script_name,
        "to": summary.to,
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
    from rich import box
    from rich.table import Table
    from rich.text import Text

    from orchestrator.cli.story import moment

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for name in ("run", "script", "to", "status", "disposition", "started", "age"):
        table.add_column(name, justify="right" if name == "age" else "left", overflow="fold")
    for each in shown:
        started = moment(each["started_at"])
        assert started is not None, "every run has started"
        table.add_row(
            each["run_id"][:8],
            Text(line(each["script"])),
            Text(line(each["to"])),
            Text(each["status"], style=_STYLES.get(each["status"], "cyan")),
            each["disposition"] or "-",
            local(each["started_at"]),
            ago(now - started.timestamp()),
        )
    show(table)
