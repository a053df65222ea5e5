"""`journal check`, `journal adopt`, `journal export`, `journal prune`: looking after the journal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from orchestrator.cli import options
from orchestrator.cli.app import App, exists, must_exist
from orchestrator.cli.completing import run_ids
from orchestrator.cli.exits import counted
from orchestrator.cli.output import note, result, result_document
from orchestrator.cli.story import local
from orchestrator.core.instant import Instant

if TYPE_CHECKING:
    from orchestrator.adapters.journal import SqliteJournal
    from orchestrator.compose import Orchestrator

DAMAGED = 73


@click.group("journal")
def command() -> None:
    """Check, adopt, export and prune the journal."""


@options.command("check")
@options.json_option
def check(app: App) -> int:
    """Check the whole journal: the file, its tables and every record."""
    with app.orchestrator(read_only=True) as orchestrator:
        if not exists(app, orchestrator):
            path = str(orchestrator.journal_path)
            return _none_yet(app, path, {"journal": path, "exists": False, "ok": True, "runs": 0, "problems": []})
        journal = orchestrator.journal
        problems = journal.check_integrity()
        runs = sum(1 for _ in journal.runs())
    if app.as_json:
        found = {"journal": str(journal.path), "exists": True, "ok": not problems}
        result_document({**found, "runs": runs, "problems": problems})
    elif problems:
        for problem in problems:
            result(problem)
        result(f"The journal {journal.path} is damaged. Keep the file, and restore it from a backup.")
    else:
        result(f"The journal {journal.path} is sound: {counted(runs, 'run')}.")
    return DAMAGED if problems else 0


@options.command("adopt")
def adopt(app: App) -> int:
    """Take over a journal that was made on another machine.

    Do so only once nothing drives its runs there any more: two machines that know of the same calls would both make
    them.
    """
    with app.orchestrator(adopt=True) as orchestrator:
        journal = _existing(orchestrator)
        result(f"The journal {journal.path} is this machine's now.")
    return 0


@options.command("export")
@click.option("--run", metavar="RUN", shell_complete=run_ids(), help="Only this run.")
def export(app: App, run: str | None) -> int:
    """Write every record to stdout, one JSON object a line.

    Each has `run_id`, `seq` and `record`. Secrets are not among them: the journal never holds any.
    """
    with app.orchestrator(read_only=True) as orchestrator:
        if run is None and not exists(app, orchestrator):
            note(_no_journal(str(orchestrator.journal_path)))
            return 0
        journal = _existing(orchestrator, run_id=run)
        wanted = None if run is None else journal.find_run(run)
        for each in journal.export():
            if wanted in (None, each["run_id"]):
                result_document(each, compact=True)
    return 0


@options.command("prune")
@click.option(
    "--older-than", metavar="AGE", callback=options.age, required=True, help="Time since they ended, such as 90d."
)
@click.option("--dry-run", is_flag=True, help="Only say what would be removed.")
@options.json_option
def prune(app: App, older_than: float, dry_run: bool) -> int:
    """Remove runs that ended long ago.

    Runs that have not ended, wait for a verdict or keep a number from being dialled stay, whatever their age.
    Who was called in which occurrence stays known. A campaign's min_gap counts only the calls that are still there.
    """
    with app.orchestrator(read_only=dry_run) as orchestrator:
        if not exists(app, orchestrator):
            nothing = {"older_than_s": older_than, "dry_run": dry_run, "runs": [], "records": 0, "kept": 0}
            return _none_yet(app, str(orchestrator.journal_path), {**nothing, "bytes_freed": 0})
        journal = orchestrator.journal
        before = Instant(orchestrator.clock.now().wall - older_than, 0.0)
        report = journal.prune(before.wall, dry_run=dry_run)
        kept = sum(1 for _ in journal.runs()) - (len(report.run_ids) if dry_run else 0)
    if app.as_json:
        shown: dict[str, Any] = {"older_than_s": older_than, "dry_run": dry_run, "runs": list(report.run_ids)}
        result_document({**shown, "records": report.records, "kept": kept, "bytes_freed": report.bytes_freed})
        return 0
    age = f"that ended more than {_age(older_than)} ago, before {local(before.rfc3339())}"
    what = f"{counted(len(report.run_ids), 'run')} {age}, with {counted(report.records, 'record')}"
    if dry_run:
        result(f"Would remove {what}; {counted(kept, 'run')} would be kept.")
    else:
        result(f"Removed {what}; {counted(kept, 'run')} kept, {report.bytes_freed // 1024} KiB given back.")
    return 0


def _age(seconds: float) -> str:
    """Return an age in the largest unit that it is a whole number of, as it was probably given."""
    for unit, length_s in (("day", 86_400), ("hour", 3600), ("minute", 60), ("second", 1)):
        if seconds >= length_s and seconds % length_s == 0:
            return counted(int(seconds // length_s), unit)
    return f"{seconds:g} seconds"


def _none_yet(app: App, path: str, document: dict[str, Any]) -> int:
    """Tell that there is nothing to look after, which is no trouble before the first call."""
    if app.as_json:
        result_document(document)
    else:
        result(_no_journal(path))
    return 0


def _no_journal(path: str) -> str:
    return f"There is no journal at {path} yet; the first call makes it."


def _existing(orchestrator: Orchestrator, *, run_id: str | None = None) -> SqliteJournal:
    must_exist(orchestrator, run_id=run_id)
    return orchestrator.journal


for _each in (check, adopt, export, prune):
    command.add_command(_each)
