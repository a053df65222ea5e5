"""`show`: what happened in one run."""

from __future__ import annotations

from collections.abc import Sequence

import click

from orchestrator.cli import options
from orchestrator.cli.app import App, must_exist
from orchestrator.cli.completing import run_ids
from orchestrator.cli.output import prose, result, result_document, show, width
from orchestrator.cli.silences import told, with_dead_air
from orchestrator.cli.story import WAYS_ON, WIDE, evidence, is_sending, steps_table, trouble
from orchestrator.cli.telling import events, heading
from orchestrator.cli.watch import call_may_be_up


@options.command("show")
@click.argument("run", metavar="RUN", shell_complete=run_ids())
@click.option("--dead-air", is_flag=True, help="With --json: add the silences between steps, as they were measured.")
@options.json_option
def command(app: App, run: str, dead_air: bool) -> int:
    """Tell what happened in one run.

    RUN is the run's id, or as much of its beginning as no other run shares.
    """
    from orchestrator.core.deadair import measured
    from orchestrator.core.evolve import fold

    if dead_air and not app.as_json:
        raise click.UsageError("--dead-air adds to --json: without it the silences are shown anyway.")
    with app.orchestrator(read_only=True) as orchestrator:
        must_exist(orchestrator, run_id=run)
        document = orchestrator.show(run)
        if app.as_json and not dead_air:
            result_document(document)
            return 0
        records = orchestrator.journal.read(document["run_id"])
        silences = measured(records)
        if app.as_json:
            result_document(with_dead_air(document, silences))
            return 0
        state = fold(records)
        now = orchestrator.clock.now().wall if document["status"] == "running" else None
    result(heading(document))
    if document["steps"]:
        result()
        is_wide = width() >= WIDE
        show(steps_table(document["steps"], now=now, sending=is_sending(state), with_evidence=is_wide))
        _lines("\nEvidence", [] if is_wide else [f"  {each}" for each in evidence(document["steps"])])
    _lines("\nDead air", [f"  {each}" for each in told(silences, document["steps"])])
    _lines("\nWhat else happened", [f"  {each}" for each in events(records)])
    _lines("", trouble(document, app.command, call_up=call_may_be_up(state)))
    return 0


def _lines(title: str, lines: Sequence[str]) -> None:
    """Print lines under a title, wrapped between words; commands are left whole, for copying."""
    if lines:
        result(title)
    for each in lines:
        (result if each.startswith(WAYS_ON) else prose)(each)
